"""The plain installation, without any extra."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import stegnet
from stegnet import PackageError
from stegnet.core.errors import extra

pytestmark = pytest.mark.slow

# Import names of all packages of extras.
OTHERS = (
    *("albumentations", "cv2", "dvc", "ffmpeg", "filelock", "imageio_ffmpeg", "jinja2", "lightning_fabric"),
    *("matplotlib", "mlflow", "onnx", "onnxscript", "pandas", "piq", "pydantic", "pynvml", "scipy", "skimage"),
    *("sklearn", "timm", "torch", "torchmetrics", "torchvision", "yaml"),
)
RUN = f"import sys; sys.modules.update(dict.fromkeys({OTHERS})); from stegnet.cli import run; run()"

HIDE, NEEDS_TORCH = "hide cover.png secret.png --key-file k -o o.png", "backend torch needs torch\nhint: {torch}"
MISSING = {
    f"{HIDE} --method network --backend torch": NEEDS_TORCH,
    f"{HIDE} --method network --precision bf16": NEEDS_TORCH,
    "export -o .": "stegnet export needs torch\nhint: {export}",
    "enhance cover.png -o o.png": "stegnet enhance needs cv2\nhint: {media}",
    "webcam secret.png --port 0": "stegnet webcam needs cv2\nhint: {media}",
    f"{HIDE.replace('secret.png', 'cover.mkv')} --method sealed --compress": "compressing needs ffmpeg\nhint: {media}",
}

Plain = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def plain(tmp_path: Path, picture, make_film) -> Plain:
    """Runs the command line without the packages of extras."""
    Image.fromarray(picture(64, 96, 1)).save(tmp_path / "cover.png")
    Image.fromarray(picture(160, 240, 3)).save(tmp_path / "large.png")
    Image.fromarray(picture(50, 40, 2)).save(tmp_path / "secret.png")
    make_film(tmp_path / "cover.mkv", 4, 160, 240, sound="aac")
    make_film(tmp_path / "secret.mkv", 3, seed=9, sound="aac")
    path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", RUN, *line.split()]
        return subprocess.run(command, cwd=tmp_path, env=path, text=True, capture_output=True, check=False)

    return run


def test_hiding_and_revealing_need_no_extra(plain: Plain, tmp_path: Path) -> None:
    """A missing package is named."""
    for line in (
        "keygen k",
        "hide cover.png secret.png --key-file k -o out.png --method network --any-quality",
        "reveal out.png --key-file k -o back.png",
        "info out.png --key-file k",
        "hide cover.mkv secret.mkv --key-file k -o out.mkv",
        "reveal out.mkv --key-file k -o back.mkv",
        "--print-completion bash",
    ):
        done = plain(line)
        assert done.returncode == 0, done.stderr
    done = plain("hide large.png secret.png --survive jpeg:75 --key-file k -o large.jpg")
    assert (done.returncode, "`pip install 'stegnet[media]'` compresses better" in done.stderr) == (0, True)
    hints = {name: f"pip install 'stegnet[{name}]'" for name in ("torch", "export", "media")}
    for line, told in MISSING.items():
        done = plain(line)
        assert (done.returncode, done.stderr) == (1, f"error: {told.format(**hints)}\n")
        assert not (tmp_path / "o.png").exists()


def test_missing_modules_of_stegnet_are_not_reported_as_packages() -> None:
    with pytest.raises(ModuleNotFoundError), extra("torch", "this"):
        import stegnet.nothing  # noqa: F401
    with pytest.raises(PackageError, match="this needs nothing_at_all"), extra("torch", "this"):
        import nothing_at_all.of_it  # noqa: F401
