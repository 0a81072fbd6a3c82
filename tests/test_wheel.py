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
from tests.support.films import make_film
from tests.support.newcomer import Newcomer, make_files
from tests.support.printed import USED, Printed, printed_lines, printed_programs
from tests.support.required import missing, usable_pythons

ROOT = Path(__file__).parents[1]
MEGABYTES = 18  # that the wheel may have; the weights are most of it
BUILD = "from setuptools import build_meta as build; build.build_sdist('dist'); build.build_wheel('dist')"
SCRIPTS, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
ARRAYS = """\
import numpy as np
from PIL import Image
cover, secret = (np.array(Image.open(name).convert("RGB")) for name in ("cover.png", "secret.jpg"))
"""  # names that docs/python.md uses without a definition


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both packages, built from a copy of the repository with some litter."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("stegnet", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file() and file.suffix in (".md", ".toml", ".txt", ".cff", ".in", ""):
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
    assert {"pyproject.toml", "PYPI.md", "LICENSE", "docs/format.md", "stegnet/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests", "reports", "build")) or "__pycache__" in name]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def installed(
    wheel: Path, folder: Path, *options: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Installs a wheel into a new environment of a Python, by the pip of this one."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    install = [*pip, "--python", str(folder / SCRIPTS / f"python{SUFFIX}"), "install", *options, str(wheel)]
    # In another folder than the checkout's, where pip finds no stegnet that would count.
    return subprocess.run(install, cwd=folder, env=environment(), text=True, capture_output=True, check=False)


def installed_beside(wheel: Path, folder: Path, packages: Path, python: str = sys.executable) -> None:
    """Installs a wheel alone, where all that it needs is in another folder, for the same version of Python."""
    done = installed(wheel, folder, "--no-deps", "--no-index", python=python)
    assert done.returncode == 0, done.stderr
    (next(folder.rglob("site-packages")) / "others.pth").write_text(str(packages), encoding="utf-8")


@pytest.fixture
def run(wheel: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a program of a new environment, where stegnet is the wheel's, and what it needs that of this environment."""
    fresh = tmp_path / "fresh"
    installed_beside(wheel, fresh, Path(np.__file__).parents[1])

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


@pytest.fixture(scope="module", params=["oldest", "newest"])
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


@pytest.mark.parametrize("page", USED)
def test_what_a_page_prints_works_after_a_plain_install(page: str, plain: Path, files: Path, tmp_path: Path) -> None:
    lines = [line for line in printed_lines(ROOT / page) if not line.reason]
    do_all(lines, plain, files, tmp_path / "work")


def test_a_picture_is_filled_to_the_brim_after_a_plain_install(plain: Path, files: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(files, tmp_path / "work")
    (folder / "big").write_bytes(np.random.default_rng(0).bytes(130_000))
    full = "--key-file k -o full.png"
    lines = ("stegnet keygen k", f"stegnet hide photo.png big {full}", "stegnet reveal full.png --key-file k -o back")
    with chdir(folder):
        for line in lines:
            Newcomer(plain / "bin").do(Printed(line))
    assert (folder / "back").read_bytes() == (folder / "big").read_bytes()


def test_the_recipes_work_without_a_compiler(dist: Path, plain: Path, files: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(dist.parent, copy, ignore=shutil.ignore_patterns("build", "dist", "*.egg-info"))
    build = [sys.executable, "-c", BUILD]
    subprocess.run(build, cwd=copy, env=environment() | {"CC": "false"}, check=True, capture_output=True)
    fresh = tmp_path / "fresh"
    packages, python = next(plain.rglob("site-packages")), str(plain / "bin" / "python")
    installed_beside(next((copy / "dist").glob("*.whl")), fresh, packages, python)
    assert not list(fresh.rglob("_kernels*.so"))
    lines = [line for line in printed_lines(ROOT / "README.md") if not line.reason]
    in_h264 = [line for line in lines if " film.mp4 " in line.text]
    do_all([line for line in lines if line not in in_h264], fresh, files, tmp_path / "work")
    newcomer = Newcomer(fresh / "bin")
    with chdir(tmp_path / "work"):
        with pytest.raises(AssertionError, match=r"reader of H\.264 is missing\nhint: "):
            newcomer.do(in_h264[0])
        make_film(Path("long.mkv"), 250, 48, 64)
        hide = ("hide", "long.mkv", "note.txt", "--key-file", "k", "-o", "slow.mkv")
        version, hiding = (
            subprocess.run(
                [str(fresh / "bin" / "stegnet"), *arguments],
                env=newcomer.environment, text=True, capture_output=True, check=True,
            )
            for arguments in (("--version",), hide)
        )  # fmt: skip
    assert version.stdout == f"stegnet {stegnet.__version__}, kernels of NumPy\n"
    assert hiding.stderr.count("the compiled kernels are missing") == 1


def test_the_programs_of_the_python_page_run(plain: Path, files: Path, tmp_path: Path) -> None:
    programs = [program.text for program in printed_programs(ROOT / "docs" / "python.md") if not program.reason]
    command = [str(plain / "bin" / "python"), "-c", ARRAYS + "\n".join(programs)]
    work = shutil.copytree(files, tmp_path / "work")
    done = subprocess.run(command, cwd=work, env=environment(), text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
