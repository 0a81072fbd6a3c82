"""Pictures and films through a codec that loses something, and back: what a container meets on its way."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.media.films import read_frames
from stegnet.media.frames import EXACT
from stegnet.media.pictures import UNREADABLE
from stegnet.media.x264 import SAME_BITS

_RATE = 25  # frames per second; x264 and x265 spend by it, if little
_BT709 = 1
# One thread each, for the bits depend on their number. x265 4.2 gives two frames decoding times that it never set
# if it may reorder them.
_X265 = "log-level=none:info=0:pools=none:frame-threads=1"
_LEAST_TO_REORDER = 4


@dataclass(frozen=True)
class FilmCodec:
    """How a film is coded with loss, at its encoder's own preset (medium) and distance of key frames (250).

    Attributes:
        encoder: "libx264" or "libx265".
        pixels: "yuv420p" (colour at half the height and width) or "yuv444p".
    """

    encoder: str
    pixels: str


def recode_picture(picture: np.ndarray, form: str, **options: Any) -> np.ndarray:
    """What a picture file of a lossy form gives back.

    Args:
        picture: (H, W, 3) uint8.
        form: Pillow's name of it: "JPEG", "WEBP".
        options: that Pillow takes for it: quality, subsampling, lossless.
    Returns:
        (H, W, 3) uint8.
    Raises:
        MediaError: the form can't hold the picture.
    """
    file = io.BytesIO()
    try:
        Image.fromarray(picture).save(file, form, **options)
        with Image.open(file) as image:
            return np.array(image.convert("RGB"))
    except UNREADABLE as error:
        raise MediaError(f"a picture can't be made {form} ({error})") from error


def recode_film(frames: Sequence[np.ndarray], codec: FilmCodec, crf: float) -> list[np.ndarray]:
    """What a film of a lossy codec gives back, in BT.709 and limited range, as a player reads it.

    Args:
        frames: (H, W, 3) uint8 each, of one size; even sides, of at least 64 pixels.
        crf: constant rate factor, from 0 (as good as it gets) to 51.
    Returns:
        As many frames of the same shape, uint8.
    Raises:
        MediaError: the codec can't hold the frames.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mkv"
        try:
            _write(path, frames, codec, crf)
        except av.FFmpegError as error:
            raise MediaError(f"a film can't be coded by {codec.encoder} ({error.strerror})") from error
        return list(read_frames(path))


def _write(path: Path, frames: Sequence[np.ndarray], codec: FilmCodec, crf: float) -> None:
    with av.open(str(path), "w", format="matroska") as film:
        stream = film.add_stream(codec.encoder, rate=_RATE, options=_options(codec, crf, len(frames)))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = codec.pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.colorspace = _BT709
        stream.codec_context.color_range = ColorRange.MPEG
        for frame in frames:
            film.mux(stream.encode(_yuv(frame, stream)))
        film.mux(stream.encode(None))


def _options(codec: FilmCodec, crf: float, frames: int) -> dict[str, str]:
    options = {"crf": f"{crf:g}", "preset": "medium"}
    if codec.encoder == "libx264":
        return options | SAME_BITS
    return options | {"x265-params": _X265 + (":bframes=0" if frames < _LEAST_TO_REORDER else "")}


def _yuv(picture: np.ndarray, stream: VideoStream) -> VideoFrame:
    return VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format=stream.pix_fmt,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
        threads=1,
    )
