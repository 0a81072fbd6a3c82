"""A picture or film that does not fit as it is: by a network, or as a compressed copy, whichever is better.

Both ways are tried and measured, each by its worse side: the PSNR of the container or of the secret that comes out of
it. A network is taken unless its worse side is clearly below that of the copy. Of large pictures, the middle is tried,
of films a few frames.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stegnet import video
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, MediaError, PackageError
from stegnet.core.parallel import no_progress
from stegnet.core.pixels import middle
from stegnet.formats.opened_file import FileInMemory
from stegnet.hiding.medium import MediumMethod
from stegnet.hiding.method import Context, Method, Payload, ignore
from stegnet.image.pictures import read_picture
from stegnet.keys import ANY_KEY, KEY_BYTES, Key
from stegnet.media.cover import Cover
from stegnet.media.picture_copies import SMALL
from stegnet.results import stored_name

Way = tuple[Method[Any], Any]  # with the method's options
_MOST_BELOW = 0.5  # dB of its worse side by which a network may be worse than a copy, and is taken all the same
_SIDE = 320  # pixels of the part of a large cover that is tried: a copy of it is made as quickly as that of the whole
_FRAMES = 6  # of a film that is tried


def is_network_better(sealed: Way, network: Way, cover: Cover, payload: Payload, suffix: str, context: Context) -> bool:
    """Return whether a secret is hidden by a network, as it does not fit as it is, and a copy is not clearly better."""
    is_longer = cover.is_film and payload.file.frames > cover.frames  # the network hides a part only, if asked for
    if is_longer or _fits_as_it_is(*sealed, cover, payload, suffix):
        return False
    with _trial_of(cover, payload) as trial:
        by_copy, by_network = (_worse_side(*way, *trial, suffix, context) for way in (sealed, network))
    return -math.inf < by_network >= by_copy - _MOST_BELOW


def _fits_as_it_is(method: Method[Any], options: Any, cover: Cover, payload: Payload, suffix: str) -> bool:
    assert isinstance(method, MediumMethod), "it hides any file, as it is"
    medium = method.open(cover, options, suffix, ANY_KEY)
    most = medium.file_capacity(stored_name(payload.path), ANY_KEY)
    return most is not None and payload.file.length <= most


def _worse_side(
    method: Method[Any], options: Any, cover: Cover, payload: Payload, suffix: str, context: Context
) -> float:
    """Return the lower PSNR in dB of a container and of the secret that comes out of it; −∞: it can't be hidden so.

    It is written to measure it, and nothing is told of it, as nobody gets it.
    """
    quiet = replace(context, tell=ignore, warn=ignore, progress=no_progress)

    def measured() -> float:
        with temporary_folder() as folder:
            part = folder / f"trial{suffix}"
            part.touch()
            try:
                key = Key(context.randomness(KEY_BYTES))
                made = method.embed(cover, payload, suffix, key, options, quiet)
                written = made.write(part, verify=False)
            except (CapacityError, MediaError, PackageError):
                return -math.inf
        secret_psnr = math.inf if written.secret_psnr is None else written.secret_psnr  # inf: it fits as it is
        container_psnr: float = written.figures["container_psnr"]
        return min(secret_psnr, container_psnr)

    return context.with_heartbeat("compare", measured)


@contextmanager
def _trial_of(cover: Cover, payload: Payload) -> Iterator[tuple[Cover, Payload]]:
    """Yield the cover and the secret that stand for given ones in a trial: these themselves if they are small."""
    height, width = cover.size
    if cover.frames <= _FRAMES if cover.is_film else height * width <= SMALL:
        yield cover, payload
        return
    with ExitStack() as stack:
        if cover.is_film:
            folder = stack.enter_context(temporary_folder())
            count = max(1, _FRAMES * payload.file.frames // cover.frames)
            film = stack.enter_context(Cover(_shortened(cover, folder / "cover.mkv", _FRAMES)))
            yield film, stack.enter_context(Payload(_shortened(payload.file, folder / "secret.mkv", count)))
            return
        small = stack.enter_context(Cover(_as_png("cover.png", _middle_of(cover.pixels, cover.size))))
        secret = read_picture(payload.file)
        yield small, stack.enter_context(Payload(_as_png("secret.png", _middle_of(secret, cover.size))))


def _shortened(film: Cover, path: Path, count: int) -> Path:
    """Write so many frames of a film's middle, without sound, and return their path."""
    info = film.film
    first = (film.frames - count) // 2
    asked = range(first, first + count)
    with (
        video.FilmWriter(path, info.width, info.height, info.mean_rate, time_base=info.time_base) as short,
        closing(video.read_frames(film, asked)) as frames,
    ):
        for picture, index in zip(frames, asked, strict=True):
            short.write(picture, (info.pts[index] - info.pts[first]) * info.time_base)
    return path


def _middle_of(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the middle of a picture: `_SIDE` pixels of a cover of this size, down and across, as a share of it."""
    height, width = (
        max(1, length * min(_SIDE, whole) // whole) for length, whole in zip(picture.shape[:2], size, strict=True)
    )
    return middle(picture, height, width)


def _as_png(name: str, picture: np.ndarray) -> FileInMemory:
    data = BytesIO()
    Image.fromarray(picture).save(data, "PNG", compress_level=1)
    return FileInMemory(name, data.getvalue())
