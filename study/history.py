"""Traces of a cover's lossy past in its container: `python -m study.history PHOTOGRAPHS FILM OUT.csv`.

A decoder gives only some of all colours, and a JPEG that is saved again with its own tables hardly changes. Steps of
single samples break both. No key, cover or training is needed: whoever knows what the cover once was looks at one file.
Steps of a JPEG's own coefficients (the methods jpeg and robust) break neither.
JPEG compatibility: Fridrich, Goljan and Du 2001, "Steganalysis based on JPEG compatibility", SPIE 4518.
"""

import io
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from PIL import Image

from stegnet.core.jpeg import encode_jpeg
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.media import read_frames, read_picture
from stegnet.media.history import strange_pixels
from stegnet.methods import METHODS, CoverSize, Run
from stegnet.methods.jpeg import JpegOptions
from stegnet.methods.robust import RobustOptions
from stegnet.methods.sealed import bytes_room, hide_bytes
from stegnet.results import OutputTarget
from study.stats import auc, auc_interval

SIDE, PICTURES, FRAMES = 160, 100, 24  # pixels after reducing
CONTENTS = {"20 bytes": 20, "a tenth full": 0.1}  # bytes, or a share of the room
QUALITY, WEBP_QUALITY = 85, 80
_BLOCK, _FEW = 8, 6  # samples that move in a block that was stepped, and in no other
_ROUNDED = 2  # levels that rounding alone moves a sample
_OF_JPEGS = {"jpeg": JpegOptions(), "robust": RobustOptions()}

Attack = Callable[[np.ndarray], float]
# Of the number of a cover, and the bytes to hide (below 1: a share of the room): the container.
Hider = Callable[[int, float], np.ndarray]


def main(photographs: Path, film: Path, out: Path) -> None:
    paths = sorted(path for path in photographs.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    rows = [row for history in histories(paths, film) for row in measured_sealed(*history)]
    rows += [row for method in _OF_JPEGS for history in jpegs(paths) for row in measured_jpeg(method, *history)]
    table = pd.DataFrame(rows)
    table.to_csv(out, index=False, float_format="%.4g")
    print(table.to_string(index=False, float_format="%.3f"))


def histories(paths: list[Path], film: Path) -> Iterator[tuple[str, list[np.ndarray], dict[str, Attack]]]:
    """Name of each past, covers (H, W, 3) uint8 that have it, and the attacks that look for it."""
    grid, jpeg = partial(moved_blocks, quality=QUALITY), partial(strange_pixels, decoder="jpeg")
    originals = list(islice(_originals(paths), PICTURES))
    full, halved = ([_saved(each, "JPEG", quality=QUALITY, subsampling=s) for each in originals] for s in (0, 2))
    yield "JPEG, 4:4:4", full, {"grid": grid, "colours": jpeg}
    yield "JPEG, 4:2:0", halved, {"colours": jpeg}
    yield "JPEG, 4:2:0, cropped off its grid", [each[3:, 5:] for each in halved], {"colours": jpeg}
    webp = [_saved(each, "WEBP", quality=WEBP_QUALITY) for each in originals]
    yield "WebP", webp, {"colours": partial(strange_pixels, decoder="webp")}
    yield (
        "H.264",
        list(islice(read_frames(film, as_ffmpeg=True), FRAMES)),
        {"colours": partial(strange_pixels, decoder="film")},
    )
    yield "JPEG, then reduced to half", originals, {"grid": grid, "colours": jpeg}


def jpegs(paths: list[Path]) -> Iterator[tuple[str, list[bytes], dict[str, Attack]]]:
    """Name of each kind of JPEG, files of it, and the attacks that look for what would break it."""
    grid, colours = partial(moved_blocks, quality=QUALITY), partial(strange_pixels, decoder="jpeg")
    again = [partial(other_blocks, quality=QUALITY, subsampling=chroma) for chroma in (0, 2)]
    originals = list(islice(_originals(paths), PICTURES))
    full, halved = ([encode_jpeg(each, QUALITY, full_chroma=chroma) for each in originals] for chroma in (True, False))
    yield "JPEG, 4:4:4", full, {"grid": grid, "saved again": again[0], "colours": colours}
    yield "JPEG, 4:2:0", halved, {"saved again": again[1], "colours": colours}
    yield "JPEG, grey", [encode_jpeg(each[..., 1], QUALITY) for each in originals], {"grey": coloured_pixels}


def measured_sealed(name: str, covers: list[np.ndarray], attacks: dict[str, Attack]) -> Iterator[dict]:
    """Rows of the method sealed."""
    covers = [np.ascontiguousarray(cover) for cover in covers]
    return measured(("sealed", name), covers, attacks, lambda number, size: _container(covers[number], size, number))


def measured_jpeg(method: str, name: str, files: list[bytes], attacks: dict[str, Attack]) -> Iterator[dict]:
    """Rows of a method that hides in the coefficients of JPEGs."""
    covers = [_shown(file) for file in files]
    hide = partial(_jpeg_container, method, files)
    return measured((method, name), covers, attacks, hide)


def measured(
    names: tuple[str, str], covers: list[np.ndarray], attacks: dict[str, Attack], hide: Hider
) -> Iterator[dict]:
    """A row for each amount that is hidden, and each attack.

    Args:
        names: of the method, and of the covers.
    """
    for content, size in CONTENTS.items():
        containers = [hide(number, size) for number in range(len(covers))]
        for attack, score in attacks.items():
            before, after = (np.array([score(each) for each in pictures]) for pictures in (covers, containers))
            low, high = auc_interval(before, after, seed=0)
            row = {"method": names[0], "cover": names[1], "content": content, "attack": attack, "pictures": len(covers)}
            figures = {"highest_cover": before.max(), "lowest_container": after.min()}
            yield row | figures | {"auc": auc(before, after), "low": low, "high": high}


def moved_blocks(picture: np.ndarray, quality: int) -> float:
    """Share of the blocks without black or white in which a few samples change when the picture is saved again."""
    again = _saved(picture, "JPEG", quality=quality, subsampling=0)
    moved, saturated = (_by_block(of).sum(1) for of in (again != picture, (picture == 0) | (picture == 255)))
    usable = saturated == 0
    return float(((moved > 0) & (moved <= _FEW))[usable].mean()) if usable.any() else 0.0


def other_blocks(picture: np.ndarray, quality: int, subsampling: int) -> float:
    """Share of the blocks in which a sample moves by more than two levels when the picture is saved again."""
    again = _saved(picture, "JPEG", quality=quality, subsampling=subsampling)
    return float((_by_block(np.abs(again.astype(np.int16) - picture)) > _ROUNDED).any(1).mean())


def coloured_pixels(picture: np.ndarray) -> float:
    """Number of pixels that are not grey."""
    return float((picture != picture[..., :1]).any(2).sum())


def _by_block(values: np.ndarray) -> np.ndarray:
    """(H, W, 3) as (blocks, 192), 8×8 pixels each; what is left over at the edges is left out."""
    height, width = (side // _BLOCK for side in values.shape[:2])
    whole = values[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK, 3)
    return whole.swapaxes(1, 2).reshape(height * width, -1)


def _container(cover: np.ndarray, size: float, number: int) -> np.ndarray:
    random = seeded(number)
    count = size if size >= 1 else int(size * bytes_room(*cover.shape[:2], "s"))
    return hide_bytes(cover, random(int(count)), PUBLIC_DEMONSTRATION_KEY, name="s", randomness=random)


def _jpeg_container(method: str, files: list[bytes], number: int, size: float) -> np.ndarray:
    random, file, (own, options) = seeded(number), files[number], (METHODS[method], _OF_JPEGS[method])
    with TemporaryDirectory() as folder:
        cover, secret, out = (Path(folder) / name for name in ("cover.jpg", "s", "out.jpg"))
        cover.write_bytes(file)
        height, width, _ = _shown(file).shape
        room = own.file_room(CoverSize(height, width, file=cover), secret.name, options).bytes
        secret.write_bytes(random(int(size if size >= 1 else size * room)))
        own.hide(cover, secret, OutputTarget(out), PUBLIC_DEMONSTRATION_KEY, options, Run(randomness=random))
        return _shown(out.read_bytes())


def _originals(paths: list[Path]) -> Iterator[np.ndarray]:
    """Photographs that were JPEG, reduced to half: the middle, (SIDE, SIDE, 3) uint8, where they are large enough."""
    for path in paths:
        image = Image.fromarray(read_picture(path))
        half = np.array(image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS))
        top, left = ((length - SIDE) // 2 for length in half.shape[:2])
        if min(top, left) >= 0:
            yield half[top : top + SIDE, left : left + SIDE]


def _saved(picture: np.ndarray, form: str, **options: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return _shown(file.getvalue())


def _shown(file: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(file)).convert("RGB"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
