"""Random bytes of the system, the keystream, and orders, masks and the keyed shuffle drawn from it.

The shuffle permutes the square blocks of a picture, and rotates, reflects and negates each block. This is scrambling,
not encryption: anyone who knows the picture can match its blocks. So every frame has a separate shuffle, and
confidential data is protected by authenticated encryption instead. The key of a shuffle also gives a mask, which hides
the blocks themselves if a network's containers count modulo a period (`stegnet.networks.families.costa`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from os import urandom
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from torch import Tensor

Integers = TypeVar("Integers", np.ndarray, "Tensor")
ORIENTATIONS = 8
NEGATIVE = 8  # the bit after those of the orientation
_AES_BLOCK = 16  # bytes


def system_bytes(count: int) -> bytes:
    """Return random bytes of the operating system, through the single function that tests replace by a seeded one."""
    return urandom(count)


def keystream(key: bytes, size: int, first: int = 0) -> memoryview:
    """Return `size` bytes of the AES-256-CTR keystream, whose counter starts at zero, from byte `first` on."""
    block, skipped = divmod(first, _AES_BLOCK)
    encryptor = Cipher(algorithms.AES256(key), modes.CTR(block.to_bytes(_AES_BLOCK, "big"))).encryptor()
    encryptor.update(bytes(skipped))
    piece = 1 << 18  # bytes that are made at once, which bounds the memory
    zeros = bytes(min(piece, size))
    spare = _AES_BLOCK - 1  # bytes that the cipher needs after what it writes
    stream = np.empty(size + spare, np.uint8).data  # large arrays get large pages
    for start in range(0, size, piece):
        encryptor.update_into(zeros[: size - start], stream[start:])
    return stream[:size]


def keystream_words(key: bytes, places: np.ndarray) -> np.ndarray:
    """Return the little-endian 16-bit words of `keystream` at the given places, (n,) int, as (n,) uint16.

    Consecutive places in one block of the cipher cost less.
    """
    values = np.empty(places.size, np.uint16)
    encryptor = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # CTR is ECB of the counter
    words_at_once = 1 << 15  # words that are made at once, which bounds the memory
    for start in range(0, places.size, words_at_once):
        part = places[start : start + words_at_once]
        blocks = part >> 3  # of eight words
        begins = np.append(True, blocks[1:] != blocks[:-1])
        counters = np.zeros((np.count_nonzero(begins), 2), ">u8")  # 128 bits
        counters[:, -1] = blocks[begins]
        words = np.frombuffer(encryptor.update(counters.tobytes()), "<u2")
        block_of_place = np.cumsum(begins, dtype=np.int32) - 1
        values[start : start + words_at_once] = words[(block_of_place << 3) + (part & 7)]
    return values


def random_numbers(key: bytes, count: int) -> np.ndarray:
    """Return random numbers, (count,) uint64."""
    return np.frombuffer(keystream(key, 8 * count), "<u8")


@dataclass(frozen=True, eq=False)
class Shuffle:
    """Permutation of the blocks of a grid, with an orientation and a sign for each."""

    rows: int  # rows of the grid, which has N = rows · cols blocks in raster order
    cols: int
    permutation: np.ndarray  # (N,) int64; block n of the shuffled picture is block permutation[n] of the original
    # (N,) int64 in 0..7, elements of the dihedral group of the square: bit 2 transposes, then bits 0 and 1 count
    # quarter turns.
    orientation: np.ndarray
    negative: np.ndarray  # (N,) bool; the block is multiplied by −1
    key: bytes = b""  # 32 bytes, from which the frame's mask is derived; b"" in training


def grid(height: int, width: int, block: int = 8) -> tuple[int, int]:
    """Return rows and columns of whole blocks in a picture; the remainder at the right and bottom is not shuffled."""
    return height // block, width // block


def draw(stream_key: bytes, rows: int, cols: int) -> Shuffle:
    """Derive a shuffle from a 32-byte key that is used for one frame only.

    An AES-256-CTR keystream (counter from zero) gives N little-endian 64-bit words, whose stable argsort is the
    permutation, then N bytes: the low three bits are the orientation, the fourth the negative. The permutation is
    uniform unless two words are equal, so its distance from uniform is below N² / 2⁶⁵: 4·10⁻¹³ for 640×360.
    """
    count = rows * cols
    word = 8  # bytes
    stream = keystream(stream_key, count * (word + 1))
    words = np.frombuffer(stream, "<u8", count)
    turns = np.frombuffer(stream, np.uint8, count, offset=count * word).astype(np.int64)
    permutation = np.argsort(words, kind="stable").astype(np.int64)
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & NEGATIVE != 0, stream_key)


def draw_mask(shuffle: Shuffle, rows: slice, width: int) -> np.ndarray:
    """Derive some rows of the mask that hides the samples' values, (rows, width, 3) float32 in [0, 1), in periods.

    Its planes are contiguous in memory, like those of pictures that networks take.

    An AES-256-CTR keystream under the shuffle's key, whose counter starts at 2¹²⁷, gives a little-endian 16-bit word
    for each sample in raster order, in units of 2⁻¹⁶ periods. The width of the hidden area is a multiple of 8.
    """
    row = 3 * 2 * width  # bytes; a multiple of AES's block
    first_counter = 1 << 127  # far from that of the permutation, which uses the same key
    start = first_counter + rows.start * row // _AES_BLOCK
    cipher = Cipher(algorithms.AES256(shuffle.key), modes.CTR(start.to_bytes(_AES_BLOCK, "big"))).encryptor()
    words = np.frombuffer(cipher.update(bytes((rows.stop - rows.start) * row)), "<u2")
    planes = np.ascontiguousarray(np.moveaxis(words.reshape(-1, width, 3), 2, 0))

    return np.moveaxis(planes * np.float32(2**-16), 0, 2)


def apply(picture: np.ndarray, shuffle: Shuffle, rows: slice = slice(None), cols: slice = slice(None)) -> np.ndarray:
    """Shuffle a picture, (H, W, C), of signed values centred on 0; return some rows and columns."""
    entries = np.arange(shuffle.permutation.size)
    return _permute(picture, shuffle, (entries, shuffle.permutation), orientations, (rows, cols))


def invert(picture: np.ndarray, shuffle: Shuffle, rows: slice = slice(None), cols: slice = slice(None)) -> np.ndarray:
    """Return a picture, (H, W, C), as it was before `apply`, exactly; arguments and errors are the same."""
    inverse = np.empty_like(shuffle.permutation)
    inverse[shuffle.permutation] = np.arange(inverse.size)
    return _permute(picture, shuffle, (inverse, inverse), inverse_orientations, (rows, cols))


def pixel_index(
    permutation: Integers, orientation: Integers, cols: int, inside: Integers, across: int | None = None
) -> Integers:
    """Return the source of each pixel of a shuffled picture, in raster order: (…, H·W) int64.

    Args:
        permutation: source block of each block, of one or several shuffles, (…, N) integers; an array or a tensor.
        orientation: number of each block's orientation, 0 to 7, (…, N) integers; an array or a tensor.
        cols: columns of the source grid.
        inside: result of `orientations`, of the same kind.
        across: columns of the target grid, if they differ.
    """
    block = inside.shape[-1]
    shape = permutation.shape
    across = across or cols
    corner = permutation // cols * (cols * block**2) + permutation % cols * block
    index = corner[..., None, None] + inside[orientation]  # (…, N, block, block)
    rows: Integers = index.reshape(*shape[:-1], shape[-1] // across, across, block, block).swapaxes(-3, -2)
    pixels: Integers = rows.reshape(*shape[:-1], shape[-1] * block**2)
    return pixels


@cache
def orientations(block: int, width: int) -> np.ndarray:
    """Return the source of each pixel in a block, relative to its corner, by orientation: (8, block, block) int64."""
    upright = np.arange(block)[:, None] * width + np.arange(block)
    return np.stack([np.rot90(upright.T if turn & 4 else upright, turn & 3) for turn in range(ORIENTATIONS)])


@cache
def inverse_orientations(block: int, width: int) -> np.ndarray:
    """Return `orientations` of the inverse of each orientation."""
    back = orientations(block, block).reshape(ORIENTATIONS, -1).argsort(axis=1).reshape(ORIENTATIONS, block, block)
    return back // block * width + back % block


def block_size(height: int, width: int, rows: int, cols: int) -> int:
    """Return the side of the blocks into which a grid cuts a picture. Raises ValueError if they are not square."""
    block = height // max(rows, 1)
    if block < 1 or (height, width) != (rows * block, cols * block):
        raise ValueError(f"a grid of {rows}×{cols} does not cut {height}×{width} pixels into square blocks")
    return block


def _permute(
    picture: np.ndarray,
    shuffle: Shuffle,
    blocks: tuple[np.ndarray, np.ndarray],
    inside: Callable[[int, int], np.ndarray],
    part: tuple[slice, slice],
) -> np.ndarray:
    """Permute the blocks of a picture; return some rows and columns, with planes contiguous in memory.

    `blocks` has two arrays, (N,): for each block of the result, the index of its orientation and sign, and the source
    block.
    """
    height, width = picture.shape[:2]
    block = block_size(height, width, shuffle.rows, shuffle.cols)
    (top, bottom, _), (left, right, _) = (side.indices(size) for side, size in zip(part, (height, width), strict=True))
    chosen = slice(top // block, -(-bottom // block)), slice(left // block, -(-right // block))

    entries, sources = (array.reshape(shuffle.rows, shuffle.cols)[chosen] for array in blocks)
    down, across = sources.shape
    flat = entries.reshape(-1)
    index = pixel_index(sources.reshape(-1), shuffle.orientation[flat], shuffle.cols, inside(block, width), across)
    planes: np.ndarray = np.ascontiguousarray(picture.reshape(height * width, -1).T).take(index, axis=1)

    signs = 1 - 2 * shuffle.negative[flat].astype(picture.dtype)
    by_row = planes.reshape(-1, down, block, across * block)
    by_row *= signs.reshape(down, 1, across).repeat(block, axis=2)

    permuted = np.moveaxis(planes.reshape(-1, down * block, across * block), 0, 2)
    first_row = chosen[0].start * block
    first_col = chosen[1].start * block
    return permuted[top - first_row : bottom - first_row, left - first_col : right - first_col]
