"""Proofs that a JPEG was changed after it was encoded: `python -m study.proofs FOLDER OUT.csv [PICTURES]`.

A rule is about something that every encoder leaves regular, and accuses a file of what no encoder can have made: not of
what is rare. Covers are photographs with sides of all remainders, saved by each encoder that is installed; containers
carry 1 kB by default, and as a control with steps everywhere, as if nothing had to stay as it is.

- *edge*: the part of a block beyond the picture's edge is filled by a rule (`FILLS`). The block's pixels then depend on
  the few that are shown, and its coefficients are a rounding of theirs: a linear programme has a solution.
- *beside*: MCUs that hold no picture, too, repeat the last column and row, and so say what the block beside them is.
- *range*: pixels are from 0 to 255 before they are encoded: a block whose coefficients show others, too, is a rounding
  of one that has none. (mozjpeg moves them beyond on purpose.)

Whoever applies a rule knows the encoder: how exactly it computes the DCT, and whether it rounds coefficients or chooses
them by what they cost (mozjpeg's trellis: they may be nearer to 0 than rounding brings them, but never farther).
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, product
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.optimize import linprog

import stegnet
from stegnet.core.pixels import BLOCK, DCT_BASIS
from stegnet.image.jpeg_coefficients import JpegPicture, read_jpeg
from stegnet.image.pictures import read_picture
from stegnet.sealing import SealOptions, seal
from stegnet.sealing.jpeg_samples import coefficient_costs, medium_of, samples_of, with_samples
from study.photograph_pairs import photographs_in

HIDDEN, RECORD = 1000, 1100  # bytes of a file, and of what it is with its record
QUALITIES = 95, 85, 75, 90
MOST_CLIPPED = 300  # blocks that are looked at in a picture
AS_IT_IS, FOUND = "as they are", 40  # photographs that are JPEGs already, and how many of them
OFF_GRID = 3, 5  # rows and columns that are cut off a photograph, which may be a JPEG itself
_MIDDLE, _PEAK = 128, 255


@dataclass(frozen=True)
class Quantiser:
    """How an encoder makes coefficients of pixels."""

    error: float = 0.1  # most that it loses before it rounds, as by arithmetic in whole numbers (libjpeg: 0.02)
    trellis: bool = False  # coefficients may be nearer to 0
    within: bool = True  # it encodes pixels from 0 to 255 alone


def replicated(shown: int) -> np.ndarray:
    """The 8 pixels of a line of which so many are shown, by these, (8, shown): the last one is repeated (libjpeg)."""
    return np.eye(shown)[np.minimum(np.arange(BLOCK), shown - 1)]


def mirrored(shown: int) -> np.ndarray:
    places = np.arange(BLOCK) % (2 * shown)
    return np.eye(shown)[np.minimum(places, 2 * shown - 1 - places)]


def averaged(shown: int) -> np.ndarray:
    return np.vstack([np.eye(shown), np.full((BLOCK - shown, shown), 1 / shown)])


def blackened(shown: int) -> np.ndarray:
    return np.eye(BLOCK)[:, :shown]


FILLS: Mapping[str, Callable[[int], np.ndarray]] = MappingProxyType(
    {"replicate": replicated, "mirror": mirrored, "mean": averaged, "zero": blackened}
)


@cache
def edge_basis(fill: str, height: int, width: int) -> np.ndarray:
    """Coefficients of a block, by the pixels of it that are shown, (64, height · width)."""
    return DCT_BASIS @ np.kron(FILLS[fill](height), FILLS[fill](width))


@cache
def beside_basis(down: bool) -> np.ndarray:
    """Coefficients of a block and of the one below it, or to its right, that repeats its end: (128, 64)."""
    last = np.eye(BLOCK)[np.full(BLOCK, BLOCK - 1)]
    repeated = np.kron(last, np.eye(BLOCK)) if down else np.kron(np.eye(BLOCK), last)
    return np.vstack([DCT_BASIS, DCT_BASIS @ repeated])


def explained(
    basis: np.ndarray, levels: np.ndarray, steps: np.ndarray, by: Quantiser, limits: tuple[float, float] | None = None
) -> bool:
    """True if levels, (n,), by so large steps are what an encoder makes of some pixels by a basis, (n, pixels).

    Args:
        limits: of the pixels, if they are looked at.
    """
    low, high = (steps * (levels + side / 2) + side * by.error for side in (-1, 1))
    if by.trellis:
        low, high = np.where(levels > 0, low, -np.inf), np.where(levels < 0, high, np.inf)
    weighted = basis / steps[:, None]
    near = np.linalg.lstsq(weighted, levels, rcond=None)[0]
    near = near if limits is None else np.clip(near, *limits)
    if (basis @ near >= low).all() and (basis @ near <= high).all():
        return True
    rows = np.vstack([basis[np.isfinite(high)], -basis[np.isfinite(low)]])
    bounds = np.concatenate([high[np.isfinite(high)], -low[np.isfinite(low)]])
    found = linprog(np.zeros(basis.shape[1]), rows, bounds, bounds=limits or (None, None), method="highs")
    return found.status == 0


def edge_accused(jpeg: JpegPicture, by: Quantiser) -> int:
    """Blocks that stick out over the edge and that no encoder made, whatever its fill is."""
    luma, steps = jpeg.planes[0], jpeg.steps(0)
    rows, cols, _ = luma.shape
    blocks = []
    for row, col in product(range(rows), range(cols)):
        shown = min(jpeg.file.height - BLOCK * row, BLOCK), min(jpeg.file.width - BLOCK * col, BLOCK)
        if min(shown) < BLOCK:
            blocks.append((shown, luma[row, col].astype(float)))
    black = DCT_BASIS @ np.full(BLOCK**2, _MIDDLE) / steps  # pixels are from −128 to 127
    wrong = len(blocks)
    for fill in FILLS:
        if wrong:
            added = black if fill == "zero" else 0
            fits = (explained(edge_basis(fill, *shown), levels + added, steps, by) for shown, levels in blocks)
            wrong = min(wrong, sum(not each for each in fits))
    return wrong


def beside_accused(jpeg: JpegPicture, by: Quantiser) -> int:
    """Blocks that do not end as a fill of MCUs beside them says, if it repeats the end of most."""
    if jpeg.whole is None:
        return 0
    own, whole, steps = jpeg.planes[0], jpeg.whole[0], np.tile(jpeg.steps(0), 2)
    rows, cols, _ = own.shape
    pairs = [(False, own[row, -1], whole[row, cols]) for row in range(rows) if whole.shape[1] > cols]
    pairs += [(True, own[-1, col], whole[rows, col]) for col in range(cols) if whole.shape[0] > rows]
    fits = [explained(beside_basis(down), np.concatenate(both).astype(float), steps, by) for down, *both in pairs]
    return 0 if np.mean(fits) < 0.5 else len(fits) - sum(fits)


def range_accused(jpeg: JpegPicture, by: Quantiser) -> int:
    """Blocks that show pixels beyond the range and that no encoder made of such within it."""
    if not by.within:
        return 0
    luma, steps = jpeg.planes[0].reshape(-1, 64).astype(float), jpeg.steps(0)
    pixels = luma * steps @ DCT_BASIS + _MIDDLE
    beyond = np.maximum(-pixels.min(1), pixels.max(1) - _PEAK)
    clipped = np.flatnonzero(beyond > 0)
    clipped = clipped[np.argsort(-beyond[clipped], kind="stable")][:MOST_CLIPPED]
    limits = -_MIDDLE, _PEAK - _MIDDLE
    return sum(not explained(DCT_BASIS, luma[number], steps, by, limits) for number in clipped)


RULES: Mapping[str, Callable[[JpegPicture, Quantiser], int]] = MappingProxyType(
    {"edge": edge_accused, "beside": beside_accused, "range": range_accused}
)

_SHARP = (
    "require('sharp')(process.argv[1]).jpeg({quality: +process.argv[3], mozjpeg: true}).toFile(process.argv[2])"
    ".catch(() => process.exit(1))"
)
_JAVA = """
import javax.imageio.*; import javax.imageio.stream.*; import java.io.*;
public class Save { public static void main(String[] a) throws Exception {
  ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
  ImageWriteParam param = writer.getDefaultWriteParam();
  param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT); param.setCompressionQuality(Float.parseFloat(a[2]) / 100);
  writer.setOutput(new FileImageOutputStream(new File(a[1])));
  writer.write(null, new IIOImage(ImageIO.read(new File(a[0])), null, null), param); } }
"""


def _by_pillow(source: Path, out: Path, quality: int, **how: object) -> None:
    with Image.open(source) as image:
        image.save(out, quality=quality, **how)


def _by_opencv(source: Path, out: Path, quality: int) -> None:
    cv2.imwrite(str(out), cv2.imread(str(source)), [cv2.IMWRITE_JPEG_QUALITY, quality])


def _by_java(source: Path, out: Path, quality: int) -> None:
    program = source.with_name("Save.java")
    program.write_text(_JAVA)
    _run("java", program, source, out, quality)


def _by_cjpeg(source: Path, out: Path, quality: int, *how: str) -> None:
    with Image.open(source) as image:
        image.save(source.with_suffix(".ppm"))
    _run("cjpeg", "-quality", quality, *how, "-outfile", out, source.with_suffix(".ppm"))


def _by_ffmpeg(source: Path, out: Path, quality: int) -> None:
    scale = (105 - quality) // 5
    _run("ffmpeg", "-v", "error", "-i", source, "-pix_fmt", "yuvj420p", "-q:v", scale, "-update", 1, out)


def _by_sharp(source: Path, out: Path, quality: int) -> None:
    """Saves by mozjpeg, where the environment's NODE_PATH has sharp."""
    _run("node", "-e", _SHARP, source, out, quality)


def _run(*arguments: object) -> None:
    subprocess.run([*map(str, arguments)], check=True, capture_output=True)


FAST = Quantiser(4.0)  # libjpeg's fast DCT


@dataclass(frozen=True)
class SavingProgram:
    """What saves a PNG as a JPEG, of a quality."""

    save: Callable[[Path, Path, int], object]
    program: str = ""  # that must be installed
    by: Quantiser = Quantiser()


ENCODERS: Mapping[str, SavingProgram] = MappingProxyType(
    {
        AS_IT_IS: SavingProgram(lambda source, out, _: shutil.copyfile(source, out)),
        "Pillow": SavingProgram(_by_pillow),
        "Pillow, 4:4:4, progressive": SavingProgram(partial(_by_pillow, subsampling=0, progressive=True)),
        "Pillow, 4:2:2": SavingProgram(partial(_by_pillow, subsampling=1)),
        "OpenCV": SavingProgram(_by_opencv),
        "cjpeg": SavingProgram(_by_cjpeg, "cjpeg"),
        "cjpeg, fast DCT": SavingProgram(lambda *how: _by_cjpeg(*how, "-dct", "fast"), "cjpeg", FAST),
        "ImageMagick": SavingProgram(
            lambda png, out, quality: _run("convert", png, "-quality", quality, out), "convert", FAST
        ),
        "GraphicsMagick": SavingProgram(
            lambda png, out, quality: _run("gm", "convert", png, "-quality", quality, out), "gm"
        ),
        "libvips": SavingProgram(lambda png, out, quality: _run("vips", "jpegsave", png, out, "--Q", quality), "vips"),
        "FFmpeg": SavingProgram(_by_ffmpeg, "ffmpeg", Quantiser(1.0)),
        "Java": SavingProgram(_by_java, "java"),
        "mozjpeg": SavingProgram(_by_sharp, "node", Quantiser(trellis=True, within=False)),
    }
)


def as_they_are(folder: Path, most: int) -> Iterator[tuple[str, int, Path]]:
    """JPEGs that were not made here, with sides that are no multiples of 8, by an encoder that rounds coefficients."""
    jpegs = [path for path in photographs_in(folder) if path.suffix.lower() != ".png"]
    for path in jpegs[:: max(len(jpegs) // (2 * most), 1)]:
        with Image.open(path) as image:
            if most and image.mode == "RGB" and any(side % BLOCK for side in image.size):
                most -= 1
                yield AS_IT_IS, 0, path


def covers(folder: Path, most: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """Encoders, qualities, and photographs of all remainders of their sides, (H, W, 3) uint8."""
    paths = photographs_in(folder)
    names = [
        name
        for name, encoder in ENCODERS.items()
        if name != AS_IT_IS and (not encoder.program or shutil.which(encoder.program))
    ]
    for number, path in enumerate(paths[:: max(len(paths) // most, 1)][:most]):
        turn, name = divmod(number, len(names))
        remainders = (1 + 3 * turn + number) % 16, (5 * turn + 7 * number) % 16
        whole = read_picture(path)[OFF_GRID[0] :, OFF_GRID[1] :]
        height, width = (side // 16 * 16 - 16 + more for side, more in zip(whole.shape[:2], remainders, strict=True))
        yield names[name], QUALITIES[turn % len(QUALITIES)], np.ascontiguousarray(whole[:height, :width])


def with_steps_everywhere(cover: JpegPicture, random: np.random.Generator) -> list[np.ndarray]:
    """The planes of a container in which nothing has to stay as it is: the control."""
    samples, keys = samples_of(cover), stegnet.Key(random.bytes(32)).new_keys(random.bytes)
    options = SealOptions(True, clustered=False, medium=medium_of(cover))
    seal(samples, random.bytes(RECORD), keys, random.bytes(32), coefficient_costs(cover), options)
    return with_samples(cover, samples)


def measured(encoder: str, quality: int, photograph: np.ndarray | Path, seed: int) -> list[dict[str, object]]:
    """For each rule, blocks that it accuses in a cover, its container, and the control; none if nothing fits.

    The photograph is pixels, (H, W, 3) uint8, or a file that is the cover.
    """
    random = np.random.default_rng(seed)
    with TemporaryDirectory() as name:
        source, path, out, control = (Path(name, each) for each in ("a.png", "cover.jpg", "out.jpg", "control.jpg"))
        if isinstance(photograph, Path):
            source = photograph
        else:
            Image.fromarray(photograph).save(source)
        ENCODERS[encoder].save(source, path, quality)
        try:
            stegnet.hide(path, random.bytes(HIDDEN), out, key=stegnet.Key(random.bytes(32)))
        except stegnet.CapacityError:
            return []
        cover = read_jpeg(path)
        control.write_bytes(cover.with_planes(with_steps_everywhere(cover, random)))
        files = {"covers": cover, "containers": read_jpeg(out), "control": read_jpeg(control)}
    by, named = ENCODERS[encoder].by, {"encoder": encoder, "quality": quality}
    return [
        named | {"rule": rule} | {key: find(file, by) for key, file in files.items()} for rule, find in RULES.items()
    ]


def main(folder: Path, out: Path, most: int = 240) -> None:
    chosen = chain(as_they_are(folder, min(FOUND, most)), covers(folder, most))
    rows = [row for seed, cover in enumerate(chosen) for row in measured(*cover, seed)]
    accused = pd.DataFrame(rows)
    for file in ("covers", "containers", "control"):
        accused[file] = accused[file] > 0
    table = accused.groupby(["rule", "encoder"], sort=False).agg(
        pictures=("quality", "size"),
        covers=("covers", "sum"),
        containers=("containers", "sum"),
        control=("control", "sum"),
    )
    table.reset_index().to_csv(out, index=False)
    print(table.to_string())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]), *map(int, sys.argv[3:]))
