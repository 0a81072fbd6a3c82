"""Levels of the coefficients of H.264 slices: read, and written again.

The set of levels that are not zero stays, so that no other element of a stream depends on a change.
"""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from stegnet.media.h264.parameters import BY_NUMBER, Parameters, Reason, checked, reader

_BYTES = ("kind", "position", "qp", "block")
LEVEL = np.dtype(  # of a level, as in _h264.h
    [("value", "i4"), ("macroblock", "u4"), *((name, "u1") for name in _BYTES), ("intra", "?"), ("unused", "V3")]
)
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
    """

    value: np.ndarray
    macroblock: np.ndarray
    kind: np.ndarray
    position: np.ndarray
    qp: np.ndarray
    block: np.ndarray
    intra: np.ndarray

    def __len__(self) -> int:
        return len(self.value)


def read_levels(parameters: Parameters, nal: bytes) -> Levels:
    """Reads the levels of a slice, and checks that it is written again byte for byte.

    Raises:
        H264Error: it can't be read or rewritten, or the stream is of an unsupported kind.
    """
    found = np.frombuffer(checked(reader().read(*parameters.of(nal), nal)), LEVEL)
    return Levels(*(found[each.name] for each in fields(Levels)))


def write_levels(parameters: Parameters, nal: bytes, values: np.ndarray) -> bytes:
    """Returns a slice with other levels.

    Args:
        values: of all that `read_levels` found, in the same order: integers from ±1 to ±2063, or as they are.
    Raises:
        ValueError: their number is another, or one is 0 or too large.
        H264Error: as by `read_levels`.
    """
    given = np.asarray(values)
    limits = np.iinfo(np.int32)
    if given.dtype.kind not in "iu" or np.any((given < limits.min) | (given > limits.max)):
        raise ValueError(Reason.WRONG_VALUE.line)
    written = reader().write(*parameters.of(nal), nal, np.ascontiguousarray(given, np.int32))
    if isinstance(written, int) and BY_NUMBER[written] in (Reason.WRONG_COUNT, Reason.WRONG_VALUE):
        raise ValueError(BY_NUMBER[written].line)
    return checked(written)
