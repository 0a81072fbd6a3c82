"""How the process of the tests is set up, and what a test draws: neither depends on the tests before it.

STEGNET_NIGHT, a number, draws anew, tries more, and asks every program where one of its family stands for it otherwise.
"""

import ctypes
import os
import random
import secrets
import signal
import sys
from collections.abc import Iterator

import pytest

from stegnet.core import keystream
from stegnet.core.process_settings import set_up_process

NIGHT = os.environ.get("STEGNET_NIGHT", "")
THREADS = "2"
MALLOPT = {"MMAP_THRESHOLD": (-3, 256 << 20), "TRIM_THRESHOLD": (-1, 512 << 20)}  # names and numbers are glibc's

set_up_process()  # as the command line does: threads of BLAS would spin
# Ray reads them once in a process: so that all of its clusters in these tests have the same, they are set before.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
PATIENT = (
    "gcs_rpc_server_reconnect_timeout_s",
    "gcs_server_request_timeout_seconds",
    "worker_register_timeout_seconds",
)
os.environ |= {f"RAY_{name}": "300" for name in PATIENT}  # on a busy machine, 60 may not be enough

# A shell that starts a job in the background, or `nohup`, makes it deaf to these, and so the programs that are tested.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)  # Windows has no SIGHUP
    if number is not None and signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_configure() -> None:
    """Two threads compute, and sleep while they wait: spinning takes the cores from the tests beside.

    Workers of pytest-xdist and programs that are started take this over; torch reads it when it is imported.
    """
    os.environ.setdefault("OMP_NUM_THREADS", THREADS)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _keep_memory()
    _seed("imports")


def pytest_report_header() -> str | None:
    return f"to draw the same again: STEGNET_NIGHT={NIGHT}" if NIGHT else None


def _keep_memory() -> None:
    """Freed memory is used again: to get it from the system each time takes as long as to hide in a small picture."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    for name, (number, size) in MALLOPT.items():
        os.environ.setdefault(f"MALLOC_{name}_", str(size))  # of programs that are started
        if library is not None and hasattr(library, "mallopt"):
            library.mallopt(number, size)


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
    keystream.urandom = random.Random(f"{NIGHT}{text}").randbytes


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
