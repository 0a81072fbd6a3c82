"""Imports point one way, hiding never imports the laboratory, and each heavy package has one door."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.closure import PACKAGES, ROOT, imports

FLOORS = [
    {"core", "__init__"},
    {"config", "keys", "media", "models", "tracking"},
    {"data", "engines", "sealing"},
    {"record"},
    {"results"},
    {"methods"},
    {"files"},
    {"api", "evaluation", "export", "loopback", "training"},
    {"cluster", "gui", "report", "webcam"},
    {"cli", "served"},
]
SHARED = (1, len(FLOORS))  # floors whose packages may use one another: the second, and the stages'
LABORATORY = {"config", "data", "evaluation", "export", "report", "served", "tracking", "training"}
HIDING = set().union(*FLOORS) - LABORATORY
SHIPPED_MODELS = {"__init__", "backbone", "costa", "layers", "modem", "pair"}  # the other families are rivals
OWN_COMMAND = ROOT / "stegnet/cli/commands/export.py"  # the laboratory's, which imports it when it is run
# The files that may import a heavy package, or the folder whose files may; each does.
DOORS = {
    "mlflow": {"stegnet/tracking/"},
    "timm": {"stegnet/models/backbone.py"},
    "albumentations": {"stegnet/data/"},
    "av": {"stegnet/media/"},
    "cryptography": {
        "stegnet/cluster/",
        "stegnet/core/",
        "stegnet/keys/",
        "stegnet/methods/",
        "stegnet/record/",
        "stegnet/sealing/",
    },
    "fsspec": {"stegnet/core/address.py", "stegnet/data/store.py"},
    "ffmpeg": {"stegnet/media/ffmpeg_cli.py", "stegnet/media/vmaf.py"},
    "lightning_fabric": {"stegnet/training/devices.py"},
    "ray": {
        "stegnet/cluster/",
        "stegnet/core/parallel.py",
        "stegnet/data/spread.py",
        "stegnet/training/ray_launch.py",
    },
    "onnxruntime": {"stegnet/engines/onnx_engine.py"},
    "torch": {
        "stegnet/data/",
        "stegnet/engines/",
        "stegnet/evaluation/",
        "stegnet/export.py",
        "stegnet/models/",
        "stegnet/core/compute.py",
        "stegnet/training/",
        "study/",
    },
    "torchvision": {"stegnet/data/sources.py"},
}
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def package(file: Path) -> str:
    """The package or module directly below stegnet/, or pipeline or study."""
    first, second, *_ = file.relative_to(ROOT).parts
    return Path(second).stem if first == "stegnet" else first


def floor(file: Path) -> int:
    """The floor of a file of stegnet; pipeline/ and study/ stand above all."""
    return next((height for height, names in enumerate(FLOORS) if package(file) in names), len(FLOORS))


def is_hiding(file: Path) -> bool:
    """True of what hides and reveals; of models, of what loads the shipped families."""
    return package(file) in HIDING and (package(file) != "models" or file.stem in SHIPPED_MODELS)


def heavy(file: Path) -> set[str]:
    """Top-level packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return found


def arrows(files: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Each import of a file of this repository by another."""
    return [(file, other) for file in files for other in sorted(imports(file))]


def is_up(file: Path, other: Path) -> bool:
    if package(file) == package(other) or floor(other) == 0:
        return False
    return floor(other) > floor(file) or (floor(other) == floor(file) and floor(file) not in SHARED)


def test_every_package_has_a_floor() -> None:
    assert {package(file) for file in FILES} == {"pipeline", "study"}.union(*FLOORS)


def test_imports_point_down() -> None:
    assert not [f"{name(file)} → {name(other)}" for file, other in arrows(FILES) if is_up(file, other)]


def test_hiding_never_imports_the_laboratory() -> None:
    """Every file is on one side, so that what no file imports itself, none imports through others."""
    hiding = [file for file in FILES if is_hiding(file) and file != OWN_COMMAND]
    assert not [f"{name(file)} → {name(other)}" for file, other in arrows(hiding) if not is_hiding(other)]
    assert [other for other in imports(OWN_COMMAND) if not is_hiding(other)] == [ROOT / "stegnet/export.py"]


@pytest.mark.parametrize("library", DOORS)
def test_heavy_packages_have_one_door(library: str) -> None:
    users = [name(file) for file in FILES if library in heavy(file)]
    doors = {user: next((door for door in DOORS[library] if user.startswith(door)), "none") for user in users}
    assert set(doors.values()) == DOORS[library], doors


def test_no_import_cycles() -> None:
    graph = {file: {other for other in imports(file) if other.name != "__init__.py"} for file in FILES}
    done: set[Path] = set()

    def visit(file: Path, path: tuple[Path, ...]) -> None:
        assert file not in path, " → ".join(each.stem for each in (*path, file))
        if file not in done:
            for other in graph[file]:
                visit(other, (*path, file))
            done.add(file)

    for file in FILES:
        visit(file, ())
