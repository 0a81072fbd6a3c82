"""JPEGs as the library reads and saves them, for the tests that look into them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from stegnet.core.pixels import DITHER, ZIGZAG, encode_jpeg, through_jpeg, through_webp
from stegnet.image.jpeg_coefficients import JpegPicture, read_jpeg
from stegnet.image.jpeg_markers import parse_jpeg
from stegnet.image.jpeg_scan_encoder import scan_symbols
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import JpegCover
from stegnet.media.jpeg_cover import jpeg_cover as made
from stegnet.sealing.jpeg_samples import juniward


def jpeg_cover(path: Path, quality: int) -> JpegCover:
    """A JPEG to hide in, made of a file."""
    with Cover(path) as cover:
        found = made(cover, quality)
        assert found.shown.size  # which is decoded before the file is closed
        return found


def lossy_history(path: Path) -> str | None:
    """The lossy format that a file has or had."""
    with Cover(path) as cover:
        return cover.history


FACTORS = [((4, 1), (1, 1), (1, 1)), ((1, 2), (1, 1), (1, 1)), ((2, 2), (1, 2), (1, 2)), ((2, 2), (2, 1), (1, 2))]
SCANS = [((0, 1, 2),), ((0,), (1,), (2,)), ((0,), (1, 2))]


def sampled(
    data: bytes, factors: tuple[tuple[int, int], ...], scans: tuple[tuple[int, ...], ...], interval: int
) -> bytes:
    """A baseline JPEG with the head of another, other sampling factors and scans, and random coefficients."""
    file, random = parse_jpeg(data, "a JPEG"), np.random.default_rng(0)
    head, (usual,) = bytearray(data[: data.index(b"\xff\xda")]), file.scans
    file.components = tuple(
        replace(each, across=across, down=down) for each, (across, down) in zip(file.components, factors, strict=True)
    )
    for place, (across, down) in enumerate(factors):
        head[file.frame + 7 + 3 * place] = across << 4 | down
    planes = [random.integers(-3, 4, (*file.blocks(each), 64)).astype(np.int16) for each in file.components]
    pieces = [bytes(head), b"\xff\xdd\0\4" + interval.to_bytes(2, "big")]
    for own in scans:
        tables = [(usual.dc[place], usual.ac[place]) for place in own]
        pieces.append(b"\xff\xda\0" + bytes([6 + 2 * len(own), len(own)]))
        pieces += [bytes([file.components[place].number, usual.dc[place] << 4 | usual.ac[place]]) for place in own]
        dc, ac = zip(*tables, strict=True)
        scan = replace(usual, components=own, dc=dc, ac=ac, interval=interval)
        pieces += [bytes([0, 63, 0]), scan_symbols(file, scan, planes).coded(usual.tables)]
    return b"".join((*pieces, b"\xff\xd9"))
