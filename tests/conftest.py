import ctypes
import os
import random
import re
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from _pytest.mark.expression import Expression

from stegnet.core import keystream
from stegnet.core.process_settings import set_up_process
from stegnet.keys import Key
from stegnet.networks import Network
from tests.support.films import make_film, picture
from tools.closure import touches

if TYPE_CHECKING:
    from tests.support.real_channels import Channel

set_up_process()  # as the command line does: threads of BLAS would spin
# Ray reads them once in a process: so that all of its clusters in these tests have the same, they are set before.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
PATIENT = (
    "gcs_rpc_server_reconnect_timeout_s",
    "gcs_server_request_timeout_seconds",
    "worker_register_timeout_seconds",
)
os.environ |= {f"RAY_{name}": "300" for name in PATIENT}  # on a busy machine, 60 may not be enough

# What takes longer than `make quick` may is marked `slow`, and `long` what takes longer than `make test` may: by the
# fixtures that a test uses, by its folder or file, or by hand. A `long` test is `slow`, too.
HERE = Path(__file__).parent
MARKS = ("long", "slow", "arithmetic")
SLOW = {"kit", "make_config", "make_film", "make_sounds", "program", "session"}
LONG = {"demo", "nodes", "object_store", "page", "real_channels"}
SLOW_FOLDERS = ("cli", "networks", "pipeline", "tools")
LONG_PLACES = (
    "cluster", "demo", "study", "test_wheel",
    "pipeline/test_pipeline", "pipeline/train/test_launch", "tools/test_setup",
)  # fmt: skip
# Files of long tests that take minutes: they begin first, so that at the end no worker is left alone with one.
LONGEST = ("pipeline/test_pipeline", "demo/test_demo", "cluster/test_cluster", "pipeline/train/test_stage")
THREADS = "2"
MALLOPT = {"MMAP_THRESHOLD": (-3, 256 << 20), "TRIM_THRESHOLD": (-1, 512 << 20)}  # names and numbers are glibc's
TOUCHING = pytest.StashKey[set[Path]]()

# What takes seconds to import, torch above all, is imported by the fixtures that need it: many tests do without.

# A shell that starts a job in the background, or `nohup`, makes it deaf to these, and so the programs that are tested.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)  # Windows has no SIGHUP
    if number is not None and signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--touching", action="append", metavar="FILE", help="only test files that import this one")
    parser.addoption("--rewrite", action="store_true", help="write what comes of the commands in tests/transcripts")


def pytest_configure(config: pytest.Config) -> None:
    """Two threads compute, and sleep while they wait: spinning takes the cores from the tests beside.

    Workers of pytest-xdist and programs that are started take this over; torch reads it when it is imported.
    """
    os.environ.setdefault("OMP_NUM_THREADS", THREADS)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _keep_memory()
    _seed("imports")
    if chosen := config.getoption("touching"):
        files = {Path(name).resolve() for name in chosen}
        if missing := [str(file) for file in files if file.suffix != ".py" or not file.is_file()]:
            raise pytest.UsageError(f"--touching: no such Python file: {', '.join(missing)}")
        config.stash[TOUCHING] = files


def _keep_memory() -> None:
    """Freed memory is used again: to get it from the system each time takes as long as to hide in a small picture."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    for name, (number, size) in MALLOPT.items():
        os.environ.setdefault(f"MALLOC_{name}_", str(size))  # of programs that are started
        if library is not None and hasattr(library, "mallopt"):
            library.mallopt(number, size)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files, and conftest.py of folders, are not imported, which takes seconds, if none of their tests is wanted."""
    if not (collection_path.is_dir() or collection_path.match("test_*.py")):
        return None
    files = config.stash.get(TOUCHING, None) if collection_path.is_file() else None
    unwanted = files and not touches(collection_path, files)
    return True if unwanted or not _may_be_wanted(collection_path, config.getoption("markexpr", "")) else None


def _may_be_wanted(path: Path, wanted: str) -> bool:
    """Can `-m` choose a test of this file or folder, whatever marks it has besides those of these?"""
    if not wanted:
        return True
    own, chosen = _marks_of(path), Expression.compile(wanted)
    others = [name for name in MARKS if name not in own]
    sets = (own.union(some) for count in range(len(others) + 1) for some in combinations(others, count))
    return any(_matches(chosen, names) for names in sets)


def _matches(chosen: Expression, names: set[str]) -> bool:
    def is_a_name(name: str, /, **fields: str | int | bool | None) -> bool:
        return name in names

    return chosen.evaluate(is_a_name)


def _marks_of(path: Path) -> set[str]:
    place = path.relative_to(HERE).with_suffix("").as_posix() if path.is_relative_to(HERE) else ""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    line = "".join(re.findall(r"^pytestmark = .*", text, re.MULTILINE))
    names = {name for name in MARKS if f"mark.{name}" in line}
    names |= {"long"} if {place, place.partition("/")[0]} & set(LONG_PLACES) else set()
    return names | ({"slow"} if place.partition("/")[0] in SLOW_FOLDERS or "long" in names else set())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test draws of the system's randomness follows from its name."""
    _seed(item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest) -> Iterator[None]:
    """What is made for several tests draws the same, whichever of them comes first."""
    if fixturedef.scope == "function":
        return (yield)
    own = keystream.urandom
    _seed(f"{fixturedef.baseid}::{fixturedef.argname}{getattr(request, 'param_index', '')}")
    try:
        return (yield)
    finally:
        keystream.urandom = own


def _seed(text: str) -> None:
    keystream.urandom = random.Random(text).randbytes


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marks = {path: _marks_of(path) for path in {item.path for item in items}}
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        names = marks[item.path] | ({"long"} if LONG & used or item.get_closest_marker("long") else set())
        names |= {"slow"} if SLOW & used or "long" in names else set()
        for name in names:
            item.add_marker(name)
    order = {HERE / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: a worker for each physical core that this process may use, and one more, as tests wait now and then.

    Each has 3 GiB of memory.
    """
    cores = min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))
    return max(1, min(cores + 1, psutil.virtual_memory().total // (3 << 30)))


@pytest.fixture(autouse=True)
def settings_stay() -> Iterator[None]:
    """A training sets how the whole process computes. What torch draws does not depend on the tests before."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
    yield
    if not (torch := sys.modules.get("torch")):
        return
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", THREADS)))
    if torch.are_deterministic_algorithms_enabled():  # asked first, since setting it imports for seconds
        torch.use_deterministic_algorithms(False)


@pytest.fixture(name="picture", scope="session")
def picture_maker() -> Callable[..., np.ndarray]:
    return picture


@pytest.fixture(name="make_film", scope="session")
def film_maker() -> Callable[..., Path]:
    return make_film


@pytest.fixture(scope="session")
def real_channels() -> Iterator[dict[str, "Channel"]]:
    """Programs that save a JPEG again, by their names in `tests.support.real_channels.CHANNELS`.

    A test that calls a program that is missing is skipped, or fails where it is required.
    """
    from tests.support.real_channels import open_channels

    with open_channels() as channels:
        yield channels


@pytest.fixture
def exact() -> Network:
    """A network that hides and reveals five levels without loss, sealed bits or not; it uses no base."""
    from tests.support.pairs import FiveLevels, network_of

    return network_of(FiveLevels(), quality=0)


@pytest.fixture
def five_levels() -> Callable[[np.ndarray], np.ndarray]:
    """The part of a picture that `exact` keeps."""
    from tests.support.pairs import SHRUNK

    def kept(picture: np.ndarray) -> np.ndarray:
        level = np.rint((((picture.astype(float) - 128) / 255) + 0.5).clip(0, 1) * 4)
        return np.rint(((level / 4 - 0.5) * SHRUNK * 255 + 128).clip(0, 255)).astype(np.uint8)

    return kept


@pytest.fixture
def key() -> Key:
    return Key(bytes(range(32)))


@pytest.fixture
def quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases are worked on for no time; what they hide, another test can't open."""
    monkeypatch.setattr("stegnet.keys.keys._SCRYPT", {"n": 2, "r": 8, "p": 1})


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny pair that is not trained, and does something all the same."""
    from tests.support.pairs import save_untrained

    return save_untrained(tmp_path_factory.mktemp("weights") / "tiny.safetensors")
