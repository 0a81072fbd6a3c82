"""Lossy recompression of pictures and films, for measuring how well a container survives it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.temporary import temporary_folder
from stegnet.media.films.encoders import X264_DETERMINISTIC, to_yuv, x265_params
from stegnet.media.films.films import read_frames
from stegnet.media.films.frames import BT709
from stegnet.media.pictures.pictures import UNREADABLE

_RATE = 25  # frames per second; it has a slight effect on how x264 and x265 distribute bits
_ONE_THREAD = "pools=none:frame-threads=1"  # x265's output depends on the number of threads


@dataclass(frozen=True)
class FilmCodec:
    """A lossy film encoder at its default preset (medium) and keyframe interval (250).

    Attributes:
        encoder: "libx264" or "libx265".
        pixels: "yuv420p" (chroma at half the height and width) or "yuv444p".
    """

    encoder: str
    pixels: str


def recode_picture(picture: np.ndarray, form: str, **options: Any) -> np.ndarray:
    """Encodes a picture in a lossy format and decodes it again.

    Args:
        picture: (H, W, 3) uint8.
        form: Pillow's name of the format: "JPEG", "WEBP".
        options: of Pillow's encoder: quality, subsampling, lossless.
    Returns:
        (H, W, 3) uint8.
    Raises:
        MediaError: the format can't hold the picture.
    """
    file = io.BytesIO()
    try:
        Image.fromarray(picture).save(file, form, **options)
        with Image.open(file) as image:
            return np.array(image.convert("RGB"))
    except UNREADABLE as error:
        raise MediaError(f"a picture can't be made {form} ({error})") from error


def recode_film(frames: Sequence[np.ndarray], codec: FilmCodec, crf: float) -> list[np.ndarray]:
    """Encodes frames with a lossy codec, in BT.709 and limited range, and decodes them again.

    Args:
        frames: (H, W, 3) uint8 each, all of one size; sides are even and at least 64 pixels.
        crf: constant rate factor, from 0 (best) to 51.
    Returns:
        As many frames of the same shape, uint8.
    Raises:
        MediaError: the codec can't hold the frames.
    """
    with temporary_folder() as folder:
        path = folder / "film.mkv"
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
        stream.codec_context.colorspace = BT709
        stream.codec_context.color_range = ColorRange.MPEG
        for frame in frames:
            film.mux(stream.encode(to_yuv(frame, codec.pixels)))
        film.mux(stream.encode(None))


def _options(codec: FilmCodec, crf: float, frames: int) -> dict[str, str]:
    options = {"crf": f"{crf:g}", "preset": "medium"}
    if codec.encoder == "libx264":
        return options | X264_DETERMINISTIC
    return options | {"x265-params": x265_params(_ONE_THREAD, frames)}
