"""Imports point one way, and each heavy package has one door."""

import ast
from pathlib import Path

import pytest

from tests.closure import PACKAGES, ROOT, imports

LAYERS = [
    {"core", "__init__"},
    {"media", "models", "tracking"},
    {"data", "engines"},
    {"training", "codec"},
    {"evaluation", "api", "export", "loopback"},
    {"cluster", "gui", "report", "webcam"},
    {"cli", "served"},
]
# The files that may import a heavy package, or the folder whose files may; each does.
DOORS = {
    "mlflow": {"stegnet/tracking/"},
    "timm": {"stegnet/models/backbone.py"},
    "albumentations": {"stegnet/data/"},
    "av": {"stegnet/core/video.py", "stegnet/media/"},
    "cryptography": {
        "stegnet/cluster/envelope.py",
        "stegnet/sealing/carriers.py",
        "stegnet/keys/keys.py",
        "stegnet/keys/recipients.py",
        "stegnet/record/record.py",
        "stegnet/methods/robust/record.py",
        "stegnet/sealing/seal.py",
        "stegnet/core/shuffle.py",
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
        "stegnet/core/similarity.py",
        "stegnet/core/tensors.py",
        "stegnet/training/",
        "study/",
    },
    "torchvision": {"stegnet/data/sources.py"},
}
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def layer(file: Path) -> int:
    """How high a file of stegnet stands; pipeline/ and study/ stand above all."""
    parts = file.relative_to(ROOT).parts
    if parts[0] != "stegnet":
        return len(LAYERS)
    name = Path(parts[1]).stem
    return next(height for height, names in enumerate(LAYERS) if name in names)


def packages(file: Path) -> set[str]:
    """Top-level packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_imports_point_down(file: Path) -> None:
    own = file.relative_to(ROOT).parts[1]
    others = [other for other in imports(file) if other.relative_to(ROOT).parts[1] != own]
    same = layer(file) in (1, len(LAYERS))  # the second layer's parts may use one another, as stages do
    high = [other for other in others if layer(other) > layer(file) or (layer(other) == layer(file) and not same)]
    assert not [other.relative_to(ROOT).as_posix() for other in high if other.parent.name != "stegnet" or layer(other)]


@pytest.mark.parametrize("package", DOORS)
def test_heavy_packages_have_one_door(package: str) -> None:
    users = [file.relative_to(ROOT).as_posix() for file in FILES if package in packages(file)]
    doors = {user: next((door for door in DOORS[package] if user.startswith(door)), "none") for user in users}
    assert set(doors.values()) == DOORS[package], doors


def test_no_import_cycles() -> None:
    graph = {file: {other for other in imports(file) if other.name != "__init__.py"} for file in FILES}
    done: set[Path] = set()

    def visit(file: Path, path: tuple[Path, ...]) -> None:
        assert file not in path, " → ".join(step.stem for step in (*path, file))
        if file not in done:
            for other in graph[file]:
                visit(other, (*path, file))
            done.add(file)

    for file in FILES:
        visit(file, ())
