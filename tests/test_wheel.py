"""The packages for PyPI: what they hold, and that they work outside of the repository."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
MEGABYTES = 18  # that the wheel may have; the weights are most of it
BUILD = "from setuptools import build_meta as build; build.build_sdist('dist'); build.build_wheel('dist')"
SCRIPTS, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")


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
        about = f"stegnet-{stegnet.__version__}.dist-info"
        metadata = message_from_bytes(archive.read(f"{about}/METADATA"))
    own = {file.relative_to(dist.parent).as_posix() for file in (dist.parent / "stegnet").rglob("*")}
    kinds = r"\.(py|pyi|html|css|js|png|svg|webp|onnx|json|safetensors|typed)$"
    assert {name for name in own if re.search(kinds, name)} <= names
    assert {name.split("/")[0] for name in names} == {"stegnet", about}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert wheel.stat().st_size < MEGABYTES * 1e6
    assert (metadata["License-Expression"], metadata["Description-Content-Type"]) == ("MIT", "text/markdown")
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert text.startswith("# stegnet")
    assert not [link for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link], "none into the repository"
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "PYPI.md", "LICENSE", "docs/format.md", "stegnet/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests", "reports", "build")) or "__pycache__" in name]


@pytest.fixture
def run(wheel: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a program of a new environment, where stegnet is the wheel's, and what it needs that of this environment."""
    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    python = str(fresh / SCRIPTS / f"python{SUFFIX}")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    install = [*pip, "--python", python, "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, cwd=tmp_path, env=environment)  # pip finds no stegnet there that would count
    packages = next(fresh.rglob("site-packages"))
    (packages / "others.pth").write_text(str(Path(np.__file__).parents[1]), encoding="utf-8")

    def call(program: str, *arguments: str) -> str:
        command = [str(fresh / SCRIPTS / f"{program}{SUFFIX}"), *arguments]
        done = subprocess.run(command, text=True, capture_output=True, check=False, cwd=tmp_path, env=environment)
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
    hide = ("--method", "network", "--weights", "pair", "--key-file", "k", "--any-quality", "-o", "container.png")
    run("stegnet", "hide", "cover.png", "secret.png", *hide)
    run("stegnet", "reveal", "container.png", "--key-file", "k", "-o", "back.png")
    with Image.open(tmp_path / "back.png") as revealed:
        assert revealed.size == (50, 40)
