"""JPEG containers of docs/format.md, written down a second time without a line of stegnet; libjpeg reads and writes."""

import hashlib
import struct
from pathlib import Path

import jpeglib
import numpy as np

# T.81, figure 5.
ZIGZAG = (
    *(0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21),
    *(28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61),
    *(54, 47, 55, 62, 63),
)


class Coefficients:
    """Those of a JPEG.

    Attributes:
        planes: of each component, (rows, columns, 8, 8) int.
        sampling: factors of each component, across and down.
    """

    def __init__(self, path: Path, sampling: list[tuple[int, int]]) -> None:
        self.dct, self.sampling = jpeglib.read_dct(str(path)), sampling
        self.dct.load()
        self.planes = [self.dct.Y, self.dct.Cb, self.dct.Cr][: len(sampling)]

    def save(self, path: Path) -> None:
        self.dct.write_dct(str(path))

    @property
    def samples(self) -> np.ndarray:
        """(R, 63 · C, 1) uint8."""
        rows = []
        for blocks in self.planes[0]:
            values = [int(block.flat[ZIGZAG[place]]) for block in blocks for place in range(1, 64)]
            rows.append([(value + 128) % 256 for value in values])
        return np.array(rows, np.uint8)[..., None]

    def step(self, samples: np.ndarray) -> None:
        """Moves the coefficients as samples were moved."""
        moved = samples.astype(int) - self.samples
        for row, col, place in np.argwhere(moved.reshape(*self.planes[0].shape[:2], 63)):
            value = moved[row, 63 * col + place, 0]
            self.planes[0][row, col].flat[ZIGZAG[place + 1]] += (value + 128) % 256 - 128

    @property
    def context(self) -> bytes:
        """Data that the MAC covers besides the samples."""
        text = b"stegnet/2/jpeg"
        for index, (plane, (across, down)) in enumerate(zip(self.planes, self.sampling, strict=True)):
            table = self.dct.qt[self.dct.quant_tbl_no[index]]
            text += struct.pack(">BBII", across, down, *plane.shape[:2])
            text += struct.pack(">64H", *(int(table.flat[place]) for place in ZIGZAG))
            for block in plane.reshape(-1, 64):
                wanted = ZIGZAG if index else ZIGZAG[:1]
                text += struct.pack(f">{len(wanted)}h", *(int(block[place]) for place in wanted))
        return hashlib.sha256(text).digest()
