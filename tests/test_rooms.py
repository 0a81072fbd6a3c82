"""Packages are rooms: few modules in each, and one face that all others use."""

import ast
from functools import cache
from pathlib import Path

import pytest

import stegnet
from tests.closure import PACKAGES, ROOT

FACES = [
    "keys",
    "sealing",
    "record",
    "results",
    "files",
    "cluster",
    "methods",
    "methods/jpeg",
    "methods/sealed",
    "methods/network",
    "methods/robust",
    "methods/robust_film",
    "methods/h264",
]
FOLDERS = sorted({file.parent for package in PACKAGES for file in (ROOT / package).rglob("*.py")})
_MOST = 15


@cache
def imported(file: Path) -> list[ast.ImportFrom]:
    """The statements of a file that import names from modules."""
    return [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]


def exported(package: str) -> list[str]:
    """The names that a package exports."""
    return __import__(package, fromlist=["__all__"]).__all__


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_no_folder_has_too_many_modules(folder: Path) -> None:
    modules = [file.name for file in folder.glob("*.py") if file.stem not in ("__init__", "__main__")]
    if folder.name != "study":  # one module a stage
        assert len(modules) <= _MOST, modules


@pytest.mark.parametrize("face", FACES)
def test_nobody_reaches_past_a_face(face: str) -> None:
    """What a package does not export is its own."""
    package, folder = f"stegnet.{face.replace('/', '.')}", ROOT / "stegnet" / face
    modules = {file.stem for file in folder.glob("*.py")} | {each.name for each in folder.iterdir() if each.is_dir()}
    others = (ROOT / "stegnet" / other for other in FACES if other.startswith(f"{face}/"))
    apart = [*others]  # rooms within it have faces of their own
    found = []
    for file in (file for each in PACKAGES for file in (ROOT / each).rglob("*.py")):
        if file.is_relative_to(folder):
            continue
        for node in imported(file):
            if not f"{node.module}.".startswith(f"{package}."):
                continue
            inner = node.module.removeprefix(package).strip(".")
            within = (ROOT / node.module.replace(".", "/")).with_suffix("")
            if inner and not any(within.is_relative_to(room) for room in apart):
                found.append(f"{file.relative_to(ROOT)}: {node.module}")
            if not inner:
                names = {name.name for name in node.names} & modules - set(exported(package))
                found += [f"{file.relative_to(ROOT)}: {name}" for name in sorted(names)]
    assert not found


@pytest.mark.parametrize("face", FACES)
def test_faces_export_what_they_say(face: str) -> None:
    package = __import__(f"stegnet.{face.replace('/', '.')}", fromlist=["__all__"])
    assert package.__doc__
    assert len(package.__doc__.strip().splitlines()) <= 10
    assert all(getattr(package, name, None) is not None for name in package.__all__)


def test_the_public_face_is_small() -> None:
    assert len(stegnet.__all__) <= 30
