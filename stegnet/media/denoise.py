"""Denoising and sharpening of revealed pictures and films.

Apparent noise may be detail of the secret, so strength 1 does little.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from stegnet.core.disk import atomic_write
from stegnet.core.parallel import Count
from stegnet.video.film_writer import rewrite_film
from stegnet.video.films import FilmInfo, read_frames, scan


def enhance(picture: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Blend a picture with a denoised copy, then apply an unsharp mask.

    Denoising is by non-local means (Buades, Coll and Morel 2011, doi:10.5201/ipol.2011.bcm_nlm) in 8-bit CIELAB. This
    conversion alone costs 0.2 dB, which is another reason to blend.

    Args:
        picture: (H, W, 3) uint8.
        strength: 0 changes nothing, 5 replaces the picture by its denoised copy and sharpens it by a quarter.

    Returns:
        (H, W, 3) uint8.
    """
    share = 0.2 * strength  # weight of the denoised picture
    amount = 0.05 * strength  # weight of the unsharp mask
    filter_strength = 3.0  # grey levels
    sigma = 1.0  # pixels: width of the mask's blur
    denoised = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    denoised = cv2.fastNlMeansDenoisingColored(denoised, None, filter_strength, filter_strength)
    denoised = cv2.cvtColor(denoised, cv2.COLOR_BGR2RGB)

    mixed = (1 - share) * picture.astype(np.float32) + share * denoised
    sharp: np.ndarray = mixed + amount * (mixed - cv2.GaussianBlur(mixed, (0, 0), sigma))
    levels: np.ndarray = np.rint(sharp).clip(0, 255)
    return levels.astype(np.uint8)


def enhance_film(
    source: Path,
    out: Path,
    strength: float,
    form: str,
    progress: Count,
    *,
    overwrite: bool = True,
) -> tuple[FilmInfo, tuple[str, ...]]:
    """Enhance each frame of a film separately. Times and sound are kept; only the owner can read the new file.

    Args:
        source: film to enhance.
        out: file to write.
        strength: strength of the enhancement, 0 (off) to 5.
        form: "mkv", "mp4" or "watchable".
        progress: called after each frame with the number of frames done and in all.
        overwrite: replace an existing file; else it is an error.

    Returns:
        The film's properties, and its notes with a line for everything that was left out.
    """
    info = scan(source)
    with atomic_write(out, overwrite=overwrite, private=True) as part:
        return info, rewrite_film(source, _enhanced(source, strength), info, part, form, progress)


def _enhanced(source: Path, strength: float) -> Generator[np.ndarray, None, None]:
    with closing(read_frames(source)) as frames:
        for frame in frames:
            yield enhance(frame, strength)
