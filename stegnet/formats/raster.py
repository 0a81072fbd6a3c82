"""Files of uncompressed samples: a container is its cover's file with other samples in their places."""

from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import Source, mapped


class Block(NamedTuple):
    """Rectangle of pixels that is stored row by row.

    Attributes:
        start: place of its first row in the file.
        stride: bytes from one row to the next.
        rows, columns: slices of the picture's rows and columns.
    """

    start: int
    stride: int
    rows: slice
    columns: slice


@dataclass(frozen=True)
class Raster:
    """Layout of a file's pixels.

    Attributes:
        source: the file.
        height, width: size in pixels, as stored.
        pixel_bytes: bytes of each pixel.
        colours: positions of red, green and blue, or grey, in a pixel.
        opacity: position of opacity; None: there is no opacity.
        blocks: blocks that hold all pixels.
        upside_down: the lowest row is the first.
        padded: blocks reach over the edge.
    """

    source: Source
    height: int
    width: int
    pixel_bytes: int
    colours: tuple[int, ...]
    opacity: int | None
    blocks: Sequence[Block]
    upside_down: bool = False
    padded: bool = False

    def spans(self) -> list[tuple[int, int]]:
        """Return start and end of each block in the file."""
        return [(block.start, block.start + _length(block, self._shape(block))) for block in self.blocks]

    def write(self, file: BinaryIO, samples: np.ndarray) -> str:
        """Write the file with other samples, (H, W, 3) uint8 or (H, W, 4) with opacity, as stored; return ""."""
        planes = samples[::-1] if self.upside_down else samples
        at_once = 1 << 20  # bytes at a time
        with mapped(self.source) as data:
            for at in range(0, len(data), at_once):
                file.write(data[at : at + at_once])
            for block in self.blocks:
                file.seek(block.start)
                file.write(self._exchanged(data, block, planes[block.rows, block.columns]).data)
        return ""

    def _exchanged(self, data: mmap, block: Block, planes: np.ndarray) -> np.ndarray:
        """Return the bytes of a block with other samples; bytes between them stay."""
        shape = self._shape(block)
        stored = np.frombuffer(data, np.uint8, _length(block, shape), block.start).copy()
        pixels = as_strided(stored, shape, (block.stride, self.pixel_bytes, 1))
        pixels[..., self.colours] = planes[..., : len(self.colours)]
        if self.opacity is not None:
            pixels[..., self.opacity] = planes[..., 3]
        return stored

    def _shape(self, block: Block) -> tuple[int, int, int]:
        """Return the rows, columns and bytes per pixel of a block."""
        rows = block.rows.indices(self.height)
        columns = block.columns.indices(self.width)
        return len(range(*rows)), len(range(*columns)), self.pixel_bytes


def truncated(source: Source, form: str) -> MediaError:
    """Return the error for a file that ends early."""
    return MediaError(f"the {form} is truncated", "copy it again from its source", subject=source)


def not_kept(source: Source, form: str, reason: str) -> MediaError:
    """Return the error for a cover of a rare kind, whose container can't keep its form."""
    return MediaError(f"the {form} can't stay one: {reason}", "name the container .png", subject=source)


def _length(block: Block, shape: tuple[int, int, int]) -> int:
    """Return the bytes of a block, given its rows, columns and bytes per pixel, without padding after its last row."""
    rows, columns, pixel_bytes = shape
    return (rows - 1) * block.stride + columns * pixel_bytes
