"""The plain installation, without any extra."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import stegnet
from stegnet.core.errors import PackageError, extra

pytestmark = pytest.mark.slow

# Import names of all packages of extras.
OTHERS = (
    *(
        "albumentations",
        "cv2",
        "dvc",
        "ffmpeg",
        "filelock",
        "imageio_ffmpeg",
        "jinja2",
        "lightning_fabric",
        "matplotlib",
    ),
    *("mlflow", "onnx", "onnxscript", "pandas", "piq", "pynvml", "scipy", "skimage", "sklearn", "timm", "torch"),
    *("pydantic", "torchmetrics", "torchvision", "yaml"),
)
RUN = f"import sys; sys.modules.update(dict.fromkeys({OTHERS})); from stegnet.cli import run; run()"

OUTPUTS = {"export": "-o .", "webcam": "--port 0"}  # output options of commands

Plain = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def plain(tmp_path: Path, picture, make_film) -> Plain:
    """Runs the command line without the packages of extras."""
    Image.fromarray(picture(64, 96, 1)).save(tmp_path / "cover.png")
    Image.fromarray(picture(50, 40, 2)).save(tmp_path / "secret.png")
    make_film(tmp_path / "cover.mkv", 4, 160, 240, sound="aac")
    make_film(tmp_path / "secret.mkv", 3, seed=9, sound="aac")
    path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", RUN, *line.split()]
        return subprocess.run(command, cwd=tmp_path, env=path, text=True, capture_output=True, check=False)

    return run


def test_hiding_and_revealing_need_no_extra(plain: Plain) -> None:
    for line in (
        "keygen k",
        "hide cover.png secret.png --key-file k -o out.png",
        "reveal out.png --key-file k -o back.png",
        "info out.png --key-file k",
        "hide cover.mkv secret.mkv --key-file k -o out.mkv",
        "reveal out.mkv --key-file k -o back.mkv",
        "hide cover.png k --method sealed --key-file k -o sealed.png",
        "reveal sealed.png --key-file k -o k2",
        "--print-completion bash",
    ):
        done = plain(line)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "hide cover.png secret.png --method network --backend torch --key-file k -o o.png",
            "backend torch needs torch\nhint: {torch}",
        ),
        (
            "hide cover.png secret.png --method network --precision bf16 --key-file k -o o.png",
            "backend torch needs torch\nhint: {torch}",
        ),
        ("export", "stegnet export needs torch\nhint: {export}"),
        ("enhance cover.png", "stegnet enhance needs cv2\nhint: {media}"),
        ("webcam secret.png", "stegnet webcam needs cv2\nhint: {media}"),
        (
            "hide cover.png cover.mkv --method sealed --compress --key-file k -o o.png",
            "compressing needs ffmpeg\nhint: {media}",
        ),
    ],
)
def test_a_missing_package_is_named(plain: Plain, tmp_path: Path, line: str, told: str) -> None:
    plain("keygen k")
    done = plain(
        f"{line} {OUTPUTS.get(line.split(maxsplit=1)[0], '-o o.png')}" + " --key-file k" * line.startswith("hide")
    )
    hints = {name: f"pip install 'stegnet[{name}]'" for name in ("torch", "export", "media")}
    assert (done.returncode, done.stderr) == (1, f"error: {told.format(**hints)}\n")
    assert not (tmp_path / "o.png").exists()


def test_missing_modules_of_stegnet_are_not_reported_as_packages() -> None:
    with pytest.raises(ModuleNotFoundError), extra("torch", "this"):
        import stegnet.nothing  # noqa: F401
    with pytest.raises(PackageError, match="this needs nothing_at_all"), extra("torch", "this"):
        import nothing_at_all.of_it  # noqa: F401
