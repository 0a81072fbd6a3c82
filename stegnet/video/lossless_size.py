"""How large a film gets without loss: a few of its frames are coded as all of them would be."""

from collections.abc import Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import islice

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import OpenedFile
from stegnet.formats.signatures import ANIMATIONS
from stegnet.video.films import (
    UNREADABLE_FILM,
    VideoFrame,
    decoded,
    film_head,
    frame_count,
    frame_work,
    open_film,
    picture_stream,
    read_frames,
    to_rgb,
)
from stegnet.video.forms import MKV

_PLACES = (0.2, 0.5, 0.8)  # of a film's length, where frames are taken
_SOON_DECODED = 120_000_000  # work, as of `frame_work`


def lossless_bytes(film: OpenedFile) -> int:
    """Return about how many bytes a film's pictures take without loss (FFV1).

    Raises:
        MediaError: the film can't be read.
    """
    frames = frame_count(film)
    pictures = _from_film(film, frames)
    sizes = [_coded_bytes(picture, place) for place, picture in zip(_PLACES, pictures, strict=False)]
    return int(frames * np.mean(sizes)) if sizes else 0


def _from_film(film: OpenedFile, frames: int) -> list[np.ndarray]:
    """Return a frame at each of the places, or, of a film that is short or has no index, of its first part."""
    short = 3_000_000  # bytes
    with film_head(film) as container:
        codec = picture_stream(container, film).codec_context
        pixels = codec.width * codec.height
        is_short = film.length <= short and frames * frame_work(pixels) <= _SOON_DECODED
        is_read = is_short or not container.duration or container.format.name in ANIMATIONS.values()
    pictures = [] if is_read else list(_sought(film))
    return pictures or list(_from_start(film, frames, pixels))


def _sought(film: OpenedFile) -> Iterator[np.ndarray]:
    """Yield a frame, (H, W, 3) uint8, near each of the places, as far as it is soon decoded from a key frame."""
    with open_film(film) as container:
        stream = picture_stream(container, film)
        stream.thread_type = "SLICE"  # threads of whole frames would decode more of them
        most = max(1, 15_000_000 // (stream.codec_context.width * stream.codec_context.height))
        for place in _PLACES:
            time = (container.start_time or 0) + int(place * (container.duration or 0))
            frame = None
            with suppress(*UNREADABLE_FILM, MediaError):
                container.seek(time)
                for frame in islice(decoded(container, stream, film), most):
                    if frame.time is not None and frame.time * av.time_base >= time:
                        break
            if frame is not None:
                yield to_rgb(frame, frame.width, frame.height, film, as_ffmpeg=True)


def _from_start(film: OpenedFile, frames: int, pixels: int) -> Iterator[np.ndarray]:
    """Yield a frame, (H, W, 3) uint8, at each of the places of the film's first part, which is decoded."""
    part = min(frames, max(1, _SOON_DECODED // frame_work(pixels)))
    with closing(read_frames(film, {int(place * part) for place in _PLACES}, as_ffmpeg=True)) as pictures:
        yield from pictures


def _coded_bytes(picture: np.ndarray, place: float) -> float:
    """Return the bytes of a frame; of a large one, a part of the width is coded."""
    enough = 1_000_000  # pixels
    height, width, _ = picture.shape
    columns = min(width, max(16, enough // height))
    left = int(place * (width - columns))
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture[:, left : left + columns]), format="rgb24")
    encoder = CodecContext.create(MKV.encoder, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width = columns
    encoder.height = height
    encoder.pix_fmt = MKV.pixels
    encoder.time_base = Fraction(1, 25)
    encoder.options = MKV.encoder_options(columns, height)
    packets = [*encoder.encode(frame.reformat(format=MKV.pixels, threads=1)), *encoder.encode(None)]
    return float(sum(packet.size for packet in packets) * width / columns)
