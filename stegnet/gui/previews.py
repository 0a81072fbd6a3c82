"""Previews of a container: cover, container and their difference, small enough to be looked at."""

from contextlib import closing
from pathlib import Path

import numpy as np

from stegnet.core.jpeg import encode_jpeg
from stegnet.core.kinds import FILM
from stegnet.core.measures import difference, psnr
from stegnet.media import kind, read_frames, read_picture, reduced

GAIN = 30  # of the difference, as in the page
_SIDE = 1200  # pixels
_QUALITY = 90


def write_previews(cover: Path, container: Path, folder: Path) -> tuple[dict[str, Path], float | None]:
    """Writes pictures of a cover, its container and their difference; of films, of the first frame.

    Returns:
        The files by name, and the container's PSNR in dB. Where the container is of another size than its cover, there
        are neither difference nor PSNR.
    Raises:
        MediaError: one can't be read.
    """
    seen, sent = _picture(cover), _picture(container)
    pictures, quality = {"cover": seen, "container": sent}, None
    if seen.shape == sent.shape:
        pictures["difference"], quality = difference(seen, sent, GAIN), psnr(seen, sent)
    paths = {name: folder / f"{name}.jpg" for name in pictures}
    for name, picture in pictures.items():
        paths[name].write_bytes(encode_jpeg(reduced(picture, _SIDE), _QUALITY))
    return paths, quality


def _picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8."""
    if kind(path) != FILM:
        return read_picture(path)
    with closing(read_frames(path)) as frames:
        return next(frames)
