"""Real programs that save a JPEG again, as web pages, services and people do.

Each turns the picture upright if it does so by itself or by its usual option, reduces it if it is larger than wanted,
by its own usual resampling, and saves it with fixed settings.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
from PIL import Image, ImageOps

from tests.support.browser_canvas import BrowserCanvas
from tests.support.required import missing, with_npm_packages
from tests.support.waiting import LIMIT

# Saves the picture in the first file as a JPEG in the second one; the number is the longest side that it may have, in
# pixels, None for its own size.
Channel = Callable[[Path, Path, int | None], None]


@dataclass(frozen=True)
class Canvas:
    """Canvas of a browser, reduced with smoothing of high quality."""

    browser: BrowserCanvas
    quality: float

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        if not self.browser.program.is_file():
            missing("STEGNET_BROWSER", f"{self.browser.name} is missing: install it")
        target.write_bytes(self.browser.save(source, side, self.quality))


@dataclass(frozen=True)
class Sharp:
    """sharp of npm, by far the most used of Node.js; `options`: those of its `jpeg`."""

    options: Mapping[str, object]

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        job = {"source": str(source.resolve()), "target": str(target.resolve()), "side": side, "options": self.options}
        _run("node", _sharp_folder() / "save.js", json.dumps(job))


@dataclass(frozen=True)
class ImageMagick:
    """ImageMagick, 7 if it is there, or GraphicsMagick, its fork, which services prefer for its speed."""

    quality: int
    is_fork: bool = False

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        reduction = () if side is None else ("-resize", f"{side}x{side}>")
        if self.is_fork:
            program = [_program("graphicsmagick", "gm"), "convert"]
        else:
            program = [_program("imagemagick", "magick", "convert")]
        _run(*program, source, "-auto-orient", *reduction, "-quality", self.quality, f"jpeg:{target}")


@dataclass(frozen=True)
class Vips:
    """libvips by its command line."""

    quality: int

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        written = f"{target}[Q={self.quality}]"
        if side is None:
            _run(_program("libvips-tools", "vips"), "autorot", source, written)
        else:
            _run(_program("libvips-tools", "vipsthumbnail"), source, "--size", f"{side}x{side}>", "-o", written)


@dataclass(frozen=True)
class Ffmpeg:
    """ffmpeg's own encoder of JPEG; `scale`: its `-q:v`, 2 is best and 31 worst."""

    scale: int

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        size = f"scale='min({side},iw)':'min({side},ih)':force_original_aspect_ratio=decrease"
        reduction = () if side is None else ("-vf", size)
        program = _program("ffmpeg", "ffmpeg")
        _run(program, "-y", "-i", source, *reduction, "-q:v", self.scale, "-f", "mjpeg", target)


@dataclass(frozen=True)
class Pillow:
    """Pillow, reduced by Lanczos' filter."""

    quality: int
    progressive: bool = False

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        with Image.open(source) as opened:
            picture = ImageOps.exif_transpose(opened)
        if side is not None:
            picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        picture.save(target, "JPEG", quality=self.quality, progressive=self.progressive)


@dataclass(frozen=True)
class OpenCV:
    """OpenCV, which turns pictures upright by itself, reduced by the means of areas."""

    quality: int

    def __call__(self, source: Path, target: Path, side: int | None) -> None:
        picture = cv2.imread(str(source))
        assert picture is not None, source
        height, width = picture.shape[:2]
        factor = 1 if side is None else min(1, side / max(width, height))
        if factor < 1:
            size = round(width * factor), round(height * factor)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        assert cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])


CHROMIUM = BrowserCanvas(
    Path(os.environ.get("STEGNET_CHROMIUM", "/usr/bin/chromium")),
    "Chromium",
    ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--user-data-dir={profile}"),
)
FIREFOX = BrowserCanvas(
    Path(os.environ.get("STEGNET_FIREFOX", "/usr/bin/firefox-esr")),
    "Firefox",
    ("--headless", "--no-remote", "--profile", "{profile}"),
    'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
    'user_pref("browser.aboutwelcome.enabled", false);\n',
)
CHANNELS: dict[str, Channel] = {
    "chromium80": Canvas(CHROMIUM, 0.8),
    "chromium92": Canvas(CHROMIUM, 0.92),  # what toBlob does unless it is told otherwise
    "firefox80": Canvas(FIREFOX, 0.8),
    "firefox92": Canvas(FIREFOX, 0.92),
    "sharp80": Sharp({"quality": 80}),  # its default
    "sharp75-444": Sharp({"quality": 75, "chromaSubsampling": "4:4:4"}),
    "mozjpeg80": Sharp({"quality": 80, "mozjpeg": True}),
    "mozjpeg70": Sharp({"quality": 70, "mozjpeg": True}),
    "im75": ImageMagick(75),
    "im90": ImageMagick(90),
    "gm75": ImageMagick(75, is_fork=True),
    "vips75": Vips(75),
    "ff4": Ffmpeg(4),
    "ff2": Ffmpeg(2),
    "pil75": Pillow(75),
    "pil92p": Pillow(92, progressive=True),
    "ocv85": OpenCV(85),
}
# One of each family that is the only one to save in its way: Firefox encodes as Chromium does, OpenCV as Pillow.
AT_LANDING = ("chromium80", "sharp80", "mozjpeg80", "im75", "vips75", "ff4", "pil75")


@contextmanager
def open_channels() -> Iterator[dict[str, Channel]]:
    """Within the block, browsers that were started stay open for more pictures."""
    try:
        yield CHANNELS
    finally:
        CHROMIUM.close()
        FIREFOX.close()


def _run(*command: object) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=LIMIT)


def _program(package: str, *names: str) -> str:
    """Return the path of the first of these programs that is installed, as the system's packages install it.

    Other folders than theirs may have programs of the same names that do something else.
    """
    paths = [path for name in names if (path := shutil.which(name, path="/usr/bin"))]
    if not paths:
        missing("STEGNET_ENCODERS", f"{names[-1]} is missing: install it (Debian: apt install {package})")
    return paths[0]


@cache
def _sharp_folder() -> Path:
    """Return the folder of the script that runs sharp, with sharp installed."""
    return with_npm_packages(Path(__file__).with_name("sharp"), "STEGNET_ENCODERS")
