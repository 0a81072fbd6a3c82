"""Pictures' files by programs that nobody here wrote, and what becomes of them when they are written back."""

import io
import subprocess
from pathlib import Path

import cv2
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image


def save_by_opencv(path: Path, samples: np.ndarray, *options: int) -> None:
    bgr = samples if samples.ndim == 2 else samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    assert cv2.imwrite(str(path), bgr, options)


def save_by_ffmpeg(path: Path, samples: np.ndarray, *options: str) -> None:
    """Saves by the ffmpeg of imageio-ffmpeg, which reads them from a PAM."""
    source = path.with_suffix(".pam")
    height, width, channels = np.atleast_3d(samples).shape
    kind = {1: "GRAYSCALE", 3: "RGB", 4: "RGB_ALPHA"}[channels]
    header = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n"
    source.write_bytes(header.encode() + samples.tobytes())
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", "-i", source, *options, path], check=True)


def check_written_back(path: Path, data: bytes, line: str, *, recognised: bool) -> None:
    """Checks that these are the bytes of the file; or, with a line that says so, its pixels."""
    if recognised:
        assert (data == path.read_bytes(), line) == (True, "")
    else:
        assert data != path.read_bytes()
        assert "not recognised" in line
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(Image.open(path)))
