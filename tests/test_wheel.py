"""The packages for PyPI: what they hold, and that they work outside of the repository."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import chdir
from email import message_from_bytes
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from tests.support.newcomer import Newcomer, make_files
from tests.support.printed import USED, Printed, printed_lines, printed_programs
from tests.support.required import missing, usable_pythons

ROOT = Path(__file__).parents[1]
MEGABYTES = 18  # that the wheel may have; the weights are most of it
BUILD = "import build_backend as build; build.build_sdist('dist'); build.build_wheel('dist')"
SCRIPTS, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
ARRAYS = """\
import numpy as np
from PIL import Image
cover, secret = (np.array(Image.open(name).convert("RGB")) for name in ("cover.png", "secret.jpg"))
"""  # names that docs/python.md uses without a definition

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both packages, built from a copy of the repository with some litter."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("stegnet", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file() and file.suffix in (".md", ".toml", ".txt", ".cff", ".in", ".py", ""):
            shutil.copy(file, copy)
    for litter in ("tests/test_api.py", "stegnet/core/__pycache__/errors.cpython-311.pyc", "reports/index.html"):
        (copy / litter).parent.mkdir(parents=True, exist_ok=True)
        (copy / litter).touch()
    subprocess.run([sys.executable, "-c", BUILD], cwd=copy, check=True, capture_output=True)
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


def test_the_packages_hold_the_program_and_nothing_else(wheel: Path, dist: Path) -> None:
    """Neither of them tests, reports or caches."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        about = f"stegnet_hide-{stegnet.__version__}.dist-info"
        metadata = message_from_bytes(archive.read(f"{about}/METADATA"))
    own = {file.relative_to(dist.parent).as_posix() for file in (dist.parent / "stegnet").rglob("*")}
    kinds = r"\.(py|pyi|html|css|js|png|svg|webp|onnx|json|safetensors|typed)$"
    assert {name for name in own if re.search(kinds, name)} <= names
    assert {name.split("/")[0] for name in names} == {"stegnet", about}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert wheel.stat().st_size < MEGABYTES * 1e6
    assert metadata["Name"] == "stegnet-hide", "whose name is free on the index"
    assert (metadata["License-Expression"], metadata["Description-Content-Type"]) == ("MIT", "text/markdown")
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert text.startswith("# stegnet")
    assert not [link for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link], "none into the repository"
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "build_backend.py", "PYPI.md", "LICENSE", "docs/format.md", "stegnet/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests", "reports", "build/")) or "__pycache__" in name]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def installed(
    package: Path, folder: Path, *options: str, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Installs a package into a new environment of a Python, by the pip of this one."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    install = [*pip, "--python", str(folder / SCRIPTS / f"python{SUFFIX}"), "install", *options, str(package)]
    # In another folder than the checkout's, where pip finds no stegnet that would count.
    own = environment() | variables
    return subprocess.run(install, cwd=folder, env=own, text=True, capture_output=True, check=False)


def beside_this(folder: Path) -> None:
    """Gives an environment of this Python all packages of this one."""
    packages = str(Path(np.__file__).parents[1])
    (next(folder.rglob("site-packages")) / "others.pth").write_text(packages, encoding="utf-8")


@pytest.fixture
def run(wheel: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a program of a new environment, where stegnet is the wheel's, and what it needs that of this environment."""
    fresh = tmp_path / "fresh"
    done = installed(wheel, fresh, "--no-deps", "--no-index")
    assert done.returncode == 0, done.stderr
    beside_this(fresh)

    def call(program: str, *arguments: str) -> str:
        command = [str(fresh / SCRIPTS / f"{program}{SUFFIX}"), *arguments]
        done = subprocess.run(command, text=True, capture_output=True, check=False, cwd=tmp_path, env=environment())
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_it_hides_and_reveals_by_its_own_weights(run, tmp_path: Path) -> None:
    place = run("python", "-c", "import stegnet.files; print(stegnet.files.__file__)").strip()
    assert Path(place).is_relative_to(tmp_path), "not in the repository"
    assert run("stegnet", "--version").startswith(f"stegnet {stegnet.__version__}, ")
    pixels = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cover.png")
    Image.fromarray(pixels[:40, :50]).save(tmp_path / "secret.png")
    run("stegnet", "keygen", "k")
    hide = ("--method", "network", "--key-file", "k", "--any-quality", "-o", "container.png")
    run("stegnet", "hide", "cover.png", "secret.png", *hide)
    run("stegnet", "reveal", "container.png", "--key-file", "k", "-o", "back.png")
    with Image.open(tmp_path / "back.png") as revealed:
        assert revealed.size == (50, 40)


@pytest.fixture(scope="module", params=["oldest", pytest.param("newest", marks=pytest.mark.night)])
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A new environment with the wheel, the newest packages that pip takes for a Python, and nothing else."""
    if sys.platform != "linux":
        pytest.skip("the pages name programs as Linux has them")
    if names := [name for name in ("convert", "ffmpeg", "script") if not shutil.which(name, path="/usr/bin")]:
        missing("STEGNET_ENCODERS", f"missing: {', '.join(names)} (Debian: apt install imagemagick ffmpeg bsdutils)")
    pythons = usable_pythons()
    if request.param == "newest" and len(pythons) < 2:
        missing("STEGNET_PYTHONS", "PATH and ~/.pyenv/versions have no second Python of 3.11 or newer: install one")
    python = pythons[-1 if request.param == "newest" else 0]
    folder = tmp_path_factory.mktemp("plain") / "venv"
    done = installed(wheel, folder, python=python)
    if done.returncode:
        missing("STEGNET_INDEX", f"the packages could not be installed:\n{done.stderr}")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    with chdir(folder):
        make_files()
    return folder


def do_all(lines: Iterable[Printed], environment: Path, files: Path, folder: Path) -> None:
    """Does what a page prints, in a copy of the files; tells of all lines that fail."""
    failed = []
    with chdir(shutil.copytree(files, folder)):
        newcomer = Newcomer(environment / "bin")
        newcomer.do(Printed("stegnet keygen --identity own"))  # whose recipient README's recipes mean
        for line in lines:
            try:
                newcomer.do(line)
            except AssertionError as failure:
                failed.append(str(failure))
    assert not failed, "\n\n".join(failed)


@pytest.mark.parametrize("page", [USED[0], *(pytest.param(page, marks=pytest.mark.night) for page in USED[1:])])
def test_what_a_page_prints_works_after_a_plain_install(page: str, plain: Path, files: Path, tmp_path: Path) -> None:
    lines = [line for line in printed_lines(ROOT / page) if not line.reason]
    do_all(lines, plain, files, tmp_path / "work")


@pytest.mark.night
def test_a_picture_is_filled_to_the_brim_after_a_plain_install(plain: Path, files: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(files, tmp_path / "work")
    (folder / "big").write_bytes(np.random.default_rng(0).bytes(90_000))
    full = "--key-file k -o full.png"
    lines = ("stegnet keygen k", f"stegnet hide photo.png big {full}", "stegnet reveal full.png --key-file k -o back")
    with chdir(folder):
        for line in lines:
            Newcomer(plain / "bin").do(Printed(line))
    assert (folder / "back").read_bytes() == (folder / "big").read_bytes()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An environment's variables without any C compiler."""
    monkeypatch.delenv("CC", raising=False)
    (tmp_path / "no_programs").mkdir()
    return {"PATH": str(tmp_path / "no_programs")}


@pytest.mark.night
def test_the_recipes_work_without_a_compiler(dist: Path, files: Path, tmp_path: Path, bare: dict[str, str]) -> None:
    """The build fetches one, for the kernels and for H.264."""
    fresh = tmp_path / "fresh"
    done = installed(next(dist.glob("*.tar.gz")), fresh, "--no-deps", **bare)
    if "No matching distribution found" in done.stderr:
        missing("STEGNET_INDEX", f"the packages could not be installed:\n{done.stderr}")
    assert done.returncode == 0, done.stderr
    assert {file.name.partition(".")[0] for file in fresh.rglob("stegnet/**/*.so")} == {"_kernels", "_h264"}
    beside_this(fresh)
    version = subprocess.run([fresh / "bin" / "stegnet", "--version"], env=bare, capture_output=True, check=True)
    assert version.stdout.decode() == f"stegnet {stegnet.__version__}, compiled kernels\n"
    do_all([line for line in printed_lines(ROOT / "README.md") if not line.reason], fresh, files, tmp_path / "work")


def test_a_build_without_any_compiler_stops_with_one_line(dist: Path, tmp_path: Path, bare: dict[str, str]) -> None:
    build = [sys.executable, "-c", f"import build_backend; build_backend.build_wheel({str(tmp_path)!r})"]
    done = subprocess.run(build, cwd=dist.parent, env=environment() | bare, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: no C compiler works: install one")
    assert not list(tmp_path.glob("*.whl"))


def test_the_programs_of_the_python_page_run(plain: Path, files: Path, tmp_path: Path) -> None:
    programs = [program.text for program in printed_programs(ROOT / "docs" / "python.md") if not program.reason]
    command = [str(plain / "bin" / "python"), "-c", ARRAYS + "\n".join(programs)]
    work = shutil.copytree(files, tmp_path / "work")
    done = subprocess.run(command, cwd=work, env=environment(), text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
