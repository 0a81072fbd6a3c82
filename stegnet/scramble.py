"""The keyed shuffle: a picture's square blocks change places, and each is flipped, turned and negated.

A shuffle is scrambling, not encryption: who knows the secret picture can match its blocks. So every frame
gets a fresh one, and what must be confidential goes through authenticated encryption instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from torch import Tensor

BLOCK = 8
ORIENTATIONS = 8
_NEGATIVE = 8  # the bit after those of the orientation
_WORD = 8


@dataclass(frozen=True, eq=False)
class Shuffle:
    """Where each block of a grid comes from, how it is turned, and whether it is negated.

    Attributes:
        rows, cols: the grid, N = rows · cols blocks in raster order.
        permutation: (N,) int64; the block shown at n is the one that stood at permutation[n].
        orientation: (N,) int64 in 0..7, the dihedral group of the square: bits 0 and 1 count quarter
            turns, bit 2 transposes first.
        negative: (N,) bool; the block is multiplied by −1.
    """

    rows: int
    cols: int
    permutation: Tensor
    orientation: Tensor
    negative: Tensor


def grid(height: int, width: int, block: int = BLOCK) -> tuple[int, int]:
    """Rows and columns of whole blocks in a picture; what is left over at the right and bottom is not shuffled."""
    return height // block, width // block


def draw(stream_key: bytes, rows: int, cols: int) -> Shuffle:
    """The shuffle that a 32-byte key stands for; a key must serve one frame only.

    An AES-256-CTR keystream (counter from zero) gives N little-endian 64-bit words, whose stable argsort
    is the permutation, then N bytes: the low three bits are the orientation, the fourth the negative. The
    permutation is uniform unless two words are equal, so its distance from uniform is below N² / 2⁶⁵:
    4·10⁻¹³ for 640×360.
    """
    count = rows * cols
    cipher = Cipher(algorithms.AES256(stream_key), modes.CTR(bytes(16))).encryptor()
    stream = cipher.update(bytes(count * (_WORD + 1)))
    words = np.frombuffer(stream, "<u8", count)
    turns = torch.from_numpy(np.frombuffer(stream, np.uint8, count, offset=count * _WORD).astype(np.int64))
    permutation = torch.from_numpy(np.argsort(words, kind="stable").astype(np.int64))
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & _NEGATIVE != 0)


def random_shuffle(generator: torch.Generator, rows: int, cols: int) -> Shuffle:
    """A shuffle to train with, on the generator's device; not for secrets."""
    count, device = rows * cols, generator.device
    permutation = torch.randperm(count, generator=generator, device=device)
    turns = torch.randint(2 * ORIENTATIONS, (count,), generator=generator, device=device)
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & _NEGATIVE != 0)


def apply(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Shuffles each picture with its own shuffle.

    Args:
        pictures: (B, C, H, W), signed values centred on 0, any device. The block size is H / rows.
        shuffles: B of them, of one grid.
    Returns:
        Same shape and dtype.
    Raises:
        ValueError: the grid does not cut the pictures into square blocks, or there are not B shuffles.
    """
    pixels, index = _pixels(pictures), _pixel_index(pictures, shuffles)
    return _pictures(pixels.index_select(0, index), pictures.shape) * _signs(pictures, shuffles)


def invert(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Undoes `apply` exactly; same arguments and errors."""
    index = _pixel_index(pictures, shuffles)
    pixels = _pixels(pictures * _signs(pictures, shuffles))
    return _pictures(torch.empty_like(pixels).index_copy_(0, index, pixels), pictures.shape)


def _pixels(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B·H·W, C): whole pixels move, so that there is one index for all channels."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, pictures.shape[1])


def _pictures(pixels: Tensor, shape: torch.Size) -> Tensor:
    """Undoes `_pixels`."""
    batch, channels, height, width = shape
    return pixels.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _pixel_index(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """(B·H·W,) int64: for each pixel, which it comes from, all pictures counted through."""
    batch, _, height, width = pictures.shape
    cols, block = _check(pictures.shape, shuffles)
    origin = torch.stack([shuffle.permutation for shuffle in shuffles]).to(pictures.device)  # (B, N)
    turns = torch.stack([shuffle.orientation for shuffle in shuffles]).to(pictures.device)
    corner = origin // cols * (block * width) + origin % cols * block
    corner += torch.arange(batch, device=pictures.device)[:, None] * (height * width)
    y, x = _turned(block)
    inside = (y * width + x).to(pictures.device)  # (8, block, block)
    index = corner[..., None, None] + inside[turns]  # (B, N, block, block)
    return index.view(batch, height // block, cols, block, block).transpose(2, 3).reshape(-1)


def _signs(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """(B, 1, H, W), 1 or −1: by what each pixel is multiplied."""
    negative = torch.stack([shuffle.negative for shuffle in shuffles]).to(pictures.device)
    signs = (1 - 2 * negative.to(pictures.dtype)).view(len(shuffles), 1, shuffles[0].rows, shuffles[0].cols)
    block = pictures.shape[-2] // shuffles[0].rows
    return signs.repeat_interleave(block, 2).repeat_interleave(block, 3)


def _check(shape: torch.Size, shuffles: Sequence[Shuffle]) -> tuple[int, int]:
    """Columns and block size, once pictures and shuffles fit."""
    batch, _, height, width = shape
    grids = {(shuffle.rows, shuffle.cols) for shuffle in shuffles}
    if len(shuffles) != batch or len(grids) != 1:
        raise ValueError(f"{batch} pictures need {batch} shuffles of one grid")
    rows, cols = grids.pop()
    block = height // max(rows, 1)
    if block < 1 or (height, width) != (rows * block, cols * block):
        raise ValueError(f"a grid of {rows}×{cols} does not cut {height}×{width} pixels into square blocks")
    return cols, block


@cache
def _turned(block: int) -> tuple[Tensor, Tensor]:
    """y and x, each (8, block, block): the pixel of a block that each orientation shows at each place."""
    upright = torch.arange(block * block).view(block, block)
    turned = [torch.rot90(upright.T if turn & 4 else upright, turn & 3) for turn in range(ORIENTATIONS)]
    places = torch.stack(turned)
    return places // block, places % block
