"""The keyed shuffle: a picture's square blocks change places, and each is flipped, turned and negated.

A shuffle is scrambling, not encryption: who knows the secret picture can match its blocks. So every frame
gets a fresh one, and what must be confidential goes through authenticated encryption instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 8
ORIENTATIONS = 8
NEGATIVE = 8  # the bit after those of the orientation
_WORD = 8


@dataclass(frozen=True, eq=False)
class Shuffle:
    """Where each block of a grid comes from, how it is turned, and whether it is negated.

    The numbers are arrays; in training, tensors on its device.

    Attributes:
        rows, cols: the grid, N = rows · cols blocks in raster order.
        permutation: (N,) int64; the block shown at n is the one that stood at permutation[n].
        orientation: (N,) int64 in 0..7, the dihedral group of the square: bits 0 and 1 count quarter
            turns, bit 2 transposes first.
        negative: (N,) bool; the block is multiplied by −1.
    """

    rows: int
    cols: int
    permutation: np.ndarray
    orientation: np.ndarray
    negative: np.ndarray


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
    turns = np.frombuffer(stream, np.uint8, count, offset=count * _WORD).astype(np.int64)
    permutation = np.argsort(words, kind="stable").astype(np.int64)
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & NEGATIVE != 0)


def apply(picture: np.ndarray, shuffle: Shuffle, rows: slice = slice(None), cols: slice = slice(None)) -> np.ndarray:
    """Shuffles a picture.

    Args:
        picture: (H, W, C), signed values centred on 0. The block size is H / rows.
        rows, cols: pixels of the result to give; all by default.
    Returns:
        Same dtype.
    Raises:
        ValueError: the grid does not cut the picture into square blocks.
    """
    return _moved(picture, shuffle, np.arange(shuffle.permutation.size), shuffle.permutation, turned, rows, cols)


def invert(picture: np.ndarray, shuffle: Shuffle, rows: slice = slice(None), cols: slice = slice(None)) -> np.ndarray:
    """Undoes `apply` exactly; same arguments and errors."""
    places = np.empty_like(shuffle.permutation)  # at which each block is shown
    places[shuffle.permutation] = np.arange(places.size)
    return _moved(picture, shuffle, places, places, _turned_back, rows, cols)


def pixel_index(
    permutation: np.ndarray, orientation: np.ndarray, cols: int, inside: np.ndarray, across: int | None = None
) -> np.ndarray:
    """(…, H·W) int64: for each pixel of a shuffled picture, which it comes from, counted row by row.

    Args:
        permutation, orientation: (…, N), of a shuffle, or of several of one grid.
        cols: of the grid that the blocks come from.
        inside: (8, block, block), what `turned` gives. All three may be tensors.
        across: columns of the blocks that are given; None: as many.
    """
    block, shape, across = inside.shape[-1], permutation.shape, across or cols
    corner = permutation // cols * (cols * block**2) + permutation % cols * block
    index = corner[..., None, None] + inside[orientation]  # (…, N, block, block)
    rows = index.reshape(*shape[:-1], shape[-1] // across, across, block, block).swapaxes(-3, -2)
    return rows.reshape(*shape[:-1], shape[-1] * block**2)


@cache
def turned(block: int, width: int) -> np.ndarray:
    """(8, block, block) int64: the pixel of a block that each orientation shows at each place, from its corner."""
    upright = np.arange(block)[:, None] * width + np.arange(block)
    return np.stack([np.rot90(upright.T if turn & 4 else upright, turn & 3) for turn in range(ORIENTATIONS)])


@cache
def _turned_back(block: int, width: int) -> np.ndarray:
    """As `turned`, of what undoes each orientation."""
    back = turned(block, block).reshape(ORIENTATIONS, -1).argsort(axis=1).reshape(ORIENTATIONS, block, block)
    return back // block * width + back % block


def block_size(height: int, width: int, rows: int, cols: int) -> int:
    """The side of the square blocks into which a grid cuts a picture.

    Raises:
        ValueError: it does not.
    """
    block = height // max(rows, 1)
    if block < 1 or (height, width) != (rows * block, cols * block):
        raise ValueError(f"a grid of {rows}×{cols} does not cut {height}×{width} pixels into square blocks")
    return block


def _moved(
    picture: np.ndarray,
    shuffle: Shuffle,
    turns: np.ndarray,
    sources: np.ndarray,
    inside: Callable[[int, int], np.ndarray],
    rows: slice,
    cols: slice,
) -> np.ndarray:
    """The blocks of a picture, each at another place.

    Args:
        turns, sources: (N,), for each block of the result: whose orientation and sign it has, and where it comes from.
        inside: `turned`, or what undoes it.
        rows, cols: pixels of the result to give.
    """
    height, width = picture.shape[:2]
    block = block_size(height, width, shuffle.rows, shuffle.cols)
    (top, bottom, _), (left, right, _) = rows.indices(height), cols.indices(width)
    chosen = slice(top // block, -(-bottom // block)), slice(left // block, -(-right // block))
    turns, sources = (them.reshape(shuffle.rows, shuffle.cols)[chosen] for them in (turns, sources))
    down, across = sources.shape
    flat = turns.reshape(-1)
    index = pixel_index(sources.reshape(-1), shuffle.orientation[flat], shuffle.cols, inside(block, width), across)
    moved = _pixels(picture).take(index, axis=0).reshape(down * block, across * block, -1)
    moved = _negated(moved, shuffle.negative[flat], down, across)
    top, left = top - chosen[0].start * block, left - chosen[1].start * block
    return moved[top : top + bottom - rows.indices(height)[0], left : left + right - cols.indices(width)[0]]


def _pixels(picture: np.ndarray) -> np.ndarray:
    """(H, W, C) to (H·W, C): whole pixels move."""
    return picture.reshape(-1, picture.shape[2])


def _negated(picture: np.ndarray, negative: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """The picture, (H, W, C), with those blocks of a grid multiplied by −1 that are negative, (N,) bool."""
    _, width, channels = picture.shape
    signs = (1 - 2 * negative.astype(picture.dtype)).reshape(rows, 1, cols)
    signs = signs.repeat(width // cols * channels, axis=2)
    return (picture.reshape(rows, -1, width * channels) * signs).reshape(picture.shape)
