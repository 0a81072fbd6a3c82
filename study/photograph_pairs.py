"""Covers and secrets that the study measures on, from shards and folders.

Pictures are (H, W, 3) uint8; a pair is a cover and a secret of one size.
"""

from pathlib import Path

import numpy as np

from pipeline.evaluate.quality import PicturePairs
from pipeline.prepare.downloads import photograph_jobs
from pipeline.shards import RENDERED, TRAIN, Shards, read_manifest
from stegnet.core.errors import DataError
from stegnet.image.pictures import open_picture, read_picture, resize

_PICTURES = {".jpg", ".jpeg", ".png"}
_LEAST_LARGE, _MEGAPIXEL = 850_000, 1 << 20  # pixels

Pair = tuple[np.ndarray, np.ndarray]


def photograph_pairs(shards: Path, shift: int) -> list[Pair]:
    """Test photographs of all sources, paired as in `PicturePairs`; rendered scenes only if there is nothing else."""
    pairs = PicturePairs(shards, shift)
    kinds = [kind for kind in pairs.kinds if kind != RENDERED] or pairs.kinds
    return [pair for kind in kinds for pair in pairs_of(pairs, kind)]


def pairs_of(pairs: PicturePairs, kind: str) -> list[Pair]:
    """All test pairs of a kind."""
    named = (pairs.pair(kind, index) for index in range(pairs.count(kind)))
    return [(cover, secret) for (_, cover), (_, secret) in named]


def photographs_in(folder: Path) -> list[Path]:
    """Pictures in and below a folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)


def training_photographs(shards: Path) -> list[Pair]:
    """Every training photograph as a cover, with the next one as its secret; scenes only if there is nothing else."""
    sources = [entry.source for entry in read_manifest(shards, TRAIN)]
    chosen = [number for number, source in enumerate(sources) if source != RENDERED] or list(range(len(sources)))
    if not chosen:
        raise DataError(f"{shards}: no training pictures", "see data.* in params.yaml")
    pictures = Shards(shards, TRAIN)
    return [(pictures[cover], pictures[secret]) for cover, secret in zip(chosen, chosen[1:] + chosen[:1], strict=True)]


def large_photographs(catalogue: Path, folder: Path) -> list[Pair]:
    """Photographs of about a megapixel, those that come with packages and those in or below a folder, none enlarged.

    Each is a cover; its secret is the next one, at the cover's size; a single one hides itself.
    """
    found = [picture.pixels for job in photograph_jobs(catalogue) for picture in job()]
    found += [read_picture(path) for path in photographs_in(folder) if _is_large(path)]
    large = [_megapixel(picture) for picture in found if picture[..., 0].size >= _LEAST_LARGE]
    if not large:
        raise DataError(f"{folder}: no photographs of {_LEAST_LARGE} pixels or more, nor in packages")
    return [
        (cover, resize(secret, *cover.shape[:2])) for cover, secret in zip(large, large[1:] + large[:1], strict=True)
    ]


def _is_large(path: Path) -> bool:
    """True for a picture of enough pixels; only its header is read."""
    with open_picture(path) as picture:
        return picture.width * picture.height >= _LEAST_LARGE


def _megapixel(picture: np.ndarray) -> np.ndarray:
    """A picture with about 2²⁰ pixels, if it has more."""
    height, width = picture.shape[:2]
    scale = (_MEGAPIXEL / (height * width)) ** 0.5
    return picture if scale >= 1 else resize(picture, round(height * scale), round(width * scale))
