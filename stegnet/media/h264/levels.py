"""Levels of the coefficients of H.264 slices: read, and written again.

The set of levels that are not zero stays, so that no other element of a stream depends on a change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from stegnet.media.h264.parameters import BY_NUMBER, Parameters, Reason, checked, reader

_ARRAYS = {"value": "i4", "macroblock": "u4", "kind": "u1", "position": "u1", "qp": "u1", "block": "u1", "intra": "?"}
LEVEL = np.dtype([*_ARRAYS.items(), ("unused", "V3")])  # as in _h264.h
_X264_BITS = 0x35A4E4F5
WRITABLE = 2063  # the largest magnitude that every profile's CAVLC can code


class Kind(IntEnum):
    """Kinds of blocks (ctxBlockCat, table 9-42)."""

    LUMA_DC = 0  # Intra16x16
    LUMA_AC = 1  # Intra16x16
    LUMA_4X4 = 2
    CHROMA_DC = 3
    CHROMA_AC = 4
    LUMA_8X8 = 5


@dataclass(frozen=True)
class Levels:
    """Levels of a slice that are not zero, in coding order; read-only arrays of one length.

    Args:
        value: int32, ±1 to ±32767.
        macroblock: uint32, its address.
        kind: uint8, a `Kind`.
        position: uint8, in scan order: 0 to 15, of AC blocks from 1 on, of 8x8 blocks to 63, of chroma DC to 3.
        qp: uint8, of the macroblock's luma, or of this level's chroma plane; 0 to 51.
        block: uint8, in its macroblock in coding order: luma 4x4 0 to 15, 8x8 0 to 3; chroma DC 0 and 1; chroma AC 0
            to 7, Cb first.
        intra: bool, of the macroblock.
        padding: the last bit of the slice, see `x264_padding`; None if the slice does not show it, and in CAVLC.
    """

    value: np.ndarray
    macroblock: np.ndarray
    kind: np.ndarray
    position: np.ndarray
    qp: np.ndarray
    block: np.ndarray
    intra: np.ndarray
    padding: bool | None

    def __len__(self) -> int:
        return len(self.value)


def read_levels(parameters: Parameters, nal: bytes) -> Levels:
    """Reads the levels of a slice, and checks that it is written again byte for byte.

    Raises:
        H264Error: it can't be read or rewritten, or the stream is of an unsupported kind.
    """
    data, padding = checked(reader().read(*parameters.of(nal), nal))
    found = np.frombuffer(data, LEVEL)
    return Levels(**{name: found[name] for name in _ARRAYS}, padding=None if padding < 0 else bool(padding))


def write_levels(parameters: Parameters, nal: bytes, values: np.ndarray, *, padding: bool = False) -> bytes:
    """Returns a slice with other levels.

    Args:
        values: of all that `read_levels` found, in the same order: integers from ±1 to ±2063, or as they are.
        padding: the last bit, where the slice read does not show one.
    Raises:
        ValueError: their number is another, or one is 0 or too large.
        H264Error: as by `read_levels`.
    """
    given = np.asarray(values)
    limits = np.iinfo(np.int32)
    if given.dtype.kind not in "iu" or np.any((given < limits.min) | (given > limits.max)):
        raise ValueError(Reason.WRONG_VALUE.line)
    written = reader().write(*parameters.of(nal), nal, np.ascontiguousarray(given, np.int32), padding)
    if isinstance(written, int) and BY_NUMBER[written] in (Reason.WRONG_COUNT, Reason.WRONG_VALUE):
        raise ValueError(BY_NUMBER[written].line)
    return checked(written)


def x264_padding(shown: Sequence[bool | None]) -> list[bool]:
    """Guesses the padding of slices in CABAC that do not show it, so that those rewritten do not stand out.

    x264 sets the last bit of a slice's last byte by bits of a number in turn, one a picture; other encoders set none.

    Args:
        shown: `Levels.padding` of a slice of each picture of a stream, in coding order.
    Returns:
        The padding of each: as shown, else by the only turn that fits all pictures, else False.
    """
    turns = [[bool(_X264_BITS >> (index + first) % 32 & 1) for index in range(len(shown))] for first in range(32)]
    fits = [turn for turn in turns if all(each in (None, bit) for each, bit in zip(shown, turn, strict=True))]
    sure = fits[0] if len(fits) == 1 else [False] * len(shown)
    return [bit if each is None else each for each, bit in zip(shown, sure, strict=True)]
