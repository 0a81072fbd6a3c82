"""The plain installation, without any extra."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import stegnet
from stegnet import PackageError
from stegnet.core.errors import extra
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg

pytestmark = pytest.mark.slow

# Import names of all packages of extras.
OTHERS = (
    *("albumentations", "cv2", "dvc", "filelock", "jinja2"),
    *("matplotlib", "mlflow", "onnx", "onnxscript", "pandas", "pydantic", "pynvml", "scipy", "skimage"),
    *("sklearn", "timm", "torch", "torchvision", "yaml"),
)
# Runs lines of the command line, one after the other; prints for each what becomes of it.
RUN = f"""
import contextlib, io, json, sys, warnings
sys.modules.update(dict.fromkeys({OTHERS}))
from stegnet.cli import main
for line in sys.argv[1:]:
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        code = main(line.split())
    print(json.dumps([code, said.getvalue()]))
"""

HIDE = "hide cover.png secret.png --key-file k -o o.png"
NEEDS_TORCH = "backend torch needs torch\nhint: pip install '.[torch]', in stegnet's folder"
MISSING = {
    f"{HIDE} --method network --backend torch": NEEDS_TORCH,
    f"{HIDE} --method network --backend torch:bf16": NEEDS_TORCH,
    "enhance cover.png -o o.png": "stegnet enhance needs OpenCV\nhint: pip install opencv-python-headless",
}


def test_hiding_and_revealing_need_no_extra(tmp_path: Path, picture, make_film) -> None:
    """A missing package is named."""
    Image.fromarray(picture(64, 96, 1)).save(tmp_path / "cover.png")
    Image.fromarray(picture(160, 240, 3)).save(tmp_path / "large.png")
    Image.fromarray(picture(50, 40, 2)).save(tmp_path / "secret.png")
    make_film(tmp_path / "cover.mkv", 4, 160, 240, sound="aac")
    make_film(tmp_path / "large.mkv", 12, 320, 480, sound="aac")
    make_film(tmp_path / "secret.mkv", 3, seed=9, sound="aac")
    lines = (
        "keygen k",
        "hide cover.png secret.png --key-file k -o out.png --method network --any-quality",
        "reveal out.png --key-file k -o back.png",
        "info out.png --key-file k",
        "hide cover.mkv secret.mkv --key-file k -o out.mkv",
        "reveal out.mkv --key-file k -o back.mkv",
        "hide large.png secret.png --survive jpeg:75 --key-file k -o large.jpg",
        "hide cover.png large.png --key-file k -o copy.png",
        "hide cover.mkv large.mkv --method sealed --compress --key-file k -o copy.mkv",
    )
    command = [sys.executable, "-W", "error", "-c", RUN, *lines, *MISSING]
    path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=path, text=True, capture_output=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [code for code, _ in found[: len(lines)]] == [0] * len(lines), found
    assert found[len(lines) :] == [[1, f"error: {told}\n"] for told in MISSING.values()]
    assert not (tmp_path / "o.png").exists()


def test_a_machine_without_ffmpeg_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", missing)
    with pytest.raises(PackageError, match="the program ffmpeg is missing"):
        bundled_ffmpeg()


def test_missing_modules_of_stegnet_are_not_reported_as_packages() -> None:
    with pytest.raises(ModuleNotFoundError), extra("torch", "this"):
        import stegnet.nothing  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(PackageError, match="this needs nothing_at_all"), extra("torch", "this"):
        import nothing_at_all.of_it  # type: ignore[import-not-found]  # noqa: F401
