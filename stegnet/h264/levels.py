"""H.264 streams by their coefficients' levels: slices are read, and rewritten with all other syntax unchanged.

The set of nonzero levels stays the same, so that no other element of a stream depends on a change. This is the
interface of a compiled reader, `_h264*.c`, for progressive films in 8 bits and 4:2:0 of the Constrained Baseline, Main
and High profiles (Rec. ITU-T H.264); there is no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TypeVar

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.h264 import _h264

SPS = 7  # type of a NAL unit: sequence parameter set
PPS = 8  # type of a NAL unit: picture parameter set
Result = TypeVar("Result", bytes, tuple[bytes, int])
LEVEL = np.dtype(  # as in _h264.h
    [
        ("value", "i4"),
        ("macroblock", "u4"),
        ("kind", "u1"),
        ("position", "u1"),
        ("qp", "u1"),
        ("block", "u1"),
        ("intra", "?"),
        ("unused", "V3"),
    ]
)
WRITABLE = 2063  # the largest magnitude that every profile's CAVLC can code


class Reason(Enum):
    """Reasons why a slice is left alone: the number of `Failure` in _h264.h, and a line for users."""

    NOT_A_SLICE = 1, "not a slice of an H.264 picture"
    DAMAGED = 2, "the H.264 stream is damaged"
    INTERLACED = 3, "interlaced H.264 is not supported"
    DEEP = 4, "H.264 of more than 8 bits is not supported"
    NOT_420 = 5, "H.264 in other than 4:2:0 is not supported"
    SWITCHING = 6, "H.264's switching slices (SP, SI) are not supported"
    PARTITIONED = 7, "H.264's data partitioning is not supported"
    GROUPED = 8, "H.264's slice groups are not supported"
    REDUNDANT = 9, "H.264's redundant pictures are not supported"
    LOSSLESS = 10, "lossless H.264 is not supported"
    UNKNOWN_PROFILE = 11, "the H.264 profile is unknown"
    TOO_LARGE = 12, "the H.264 picture is larger than level 6.2 allows"
    NOT_EXACT = 13, "the H.264 slice can't be rewritten byte for byte"
    WRONG_COUNT = 15, "the H.264 slice has another number of levels"
    WRONG_VALUE = 16, "a level must be from 1 to 2063 or from -2063 to -1"
    NO_PARAMETERS = 17, "a parameter set of the H.264 stream is missing"

    @property
    def line(self) -> str:
        """Line for users."""
        return self.value[1]


_BY_NUMBER = {reason.value[0]: reason for reason in Reason}


class H264Error(MediaError):
    """Error for a slice or a parameter set that can't be used."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.line)
        self.reason = reason


@dataclass
class Parameters:
    """Parameter sets of a stream. A later set replaces an earlier one with the same number."""

    sps: dict[int, bytes] = field(default_factory=dict)
    pps: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # with the number of its SPS

    def add(self, nal: bytes) -> bool:
        """Add an SPS or PPS, and return True; False for any other NAL unit. Raises H264Error if it is damaged."""
        if not nal or nal[0] & 31 not in (SPS, PPS):
            return False
        kind, number, sps = _identify(nal)
        if kind == SPS:
            self.sps[number] = bytes(nal)
        else:
            self.pps[number] = (sps, bytes(nal))
        return True

    def of(self, nal: bytes) -> tuple[bytes, bytes]:
        """Return a slice's SPS and PPS. Raises H264Error if this is not a slice, or they are missing."""
        if nal and nal[0] & 31 in (SPS, PPS):
            raise H264Error(Reason.NOT_A_SLICE)
        sps, pps = self.pps.get(_identify(nal)[1], (-1, b""))
        if sps not in self.sps:
            raise H264Error(Reason.NO_PARAMETERS)
        return self.sps[sps], pps

    def shown_by(self, nal: bytes) -> tuple[bytes, bytes]:
        """Return a slice's SPS and PPS, which decide its size, colours and rounding; empty if they are missing."""
        try:
            return self.of(nal)
        except H264Error:
            return b"", b""

    def beyond(self, nal: bytes, levels: "Levels") -> np.ndarray:
        """Return the luma levels of a slice whose blocks lie, at least partly, outside the shown area, (n,) bool.

        The SPS says which area is shown.
        """
        failure, width, left, right, top, bottom = _h264.area(self.of(nal)[0])
        if failure:
            raise H264Error(_BY_NUMBER[failure])
        side = np.where(levels.kind == Kind.LUMA_8X8, 8, 4)
        # Blocks of 4×4 are coded quarter by quarter (6.4.3).
        quarter = np.where(levels.kind == Kind.LUMA_8X8, levels.block, levels.block >> 2)
        within = np.where(levels.kind == Kind.LUMA_8X8, 0, levels.block & 3)
        x = 16 * (levels.macroblock % width) + 8 * (quarter & 1) + 4 * (within & 1)
        y = 16 * (levels.macroblock // width) + 8 * (quarter >> 1) + 4 * (within >> 1)
        is_outside: np.ndarray = (x < left) | (x + side > right) | (y < top) | (y + side > bottom)
        return is_outside

    @classmethod
    def of_avcc(cls, extradata: bytes) -> tuple["Parameters", int]:
        """Return the parameters in an avcC box, or in equal extradata, and the bytes of a NAL unit's length.

        The box is specified in ISO/IEC 14496-15.
        """
        if len(extradata) < 7 or extradata[0] != 1:
            raise H264Error(Reason.DAMAGED)
        parameters = cls()
        place = 5
        for mask in (31, 255):  # the numbers of SPS and of PPS have 5 and 8 bits
            if place >= len(extradata):
                raise H264Error(Reason.DAMAGED)
            count = extradata[place] & mask
            place += 1
            for _ in range(count):
                size = int.from_bytes(extradata[place : place + 2])
                nal = extradata[place + 2 : place + 2 + size]
                if len(nal) != size or not parameters.add(nal):
                    raise H264Error(Reason.DAMAGED)
                place += 2 + size
        return parameters, (extradata[4] & 3) + 1


def _identify(nal: bytes) -> tuple[int, int, int]:
    """Return type and number of a parameter set, and a PPS's SPS number; for a slice, the number of its PPS."""
    failure, kind, number, sps = _h264.identify(nal)
    if failure:
        raise H264Error(_BY_NUMBER[failure])
    return kind, number, sps


def _checked(result: int | Result) -> Result:
    """Return the reader's result. Raises H264Error if it is the number of a failure."""
    if isinstance(result, int):
        raise H264Error(_BY_NUMBER[result])
    return result


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
    """Nonzero levels of a slice in coding order; read-only arrays of equal length."""

    value: np.ndarray  # int32, ±1 to ±32767
    macroblock: np.ndarray  # uint32, the macroblock's address
    kind: np.ndarray  # uint8, a `Kind`
    # uint8, in scan order: 0 to 15, in AC blocks from 1 on, in 8x8 blocks to 63, in chroma DC to 3
    position: np.ndarray
    qp: np.ndarray  # uint8, of the macroblock's luma, or of this level's chroma plane; 0 to 51
    # uint8, index in its macroblock in coding order: luma 4x4 0 to 15, 8x8 0 to 3; chroma DC 0 and 1; chroma AC 0 to 7,
    # Cb first
    block: np.ndarray
    intra: np.ndarray  # bool, whether the macroblock is intra-coded
    # the last bit of the slice, see `x264_padding`; None if the slice does not show it, or is in CAVLC
    padding: bool | None

    def __len__(self) -> int:
        return len(self.value)


def read_levels(parameters: Parameters, nal: bytes) -> Levels:
    """Read the levels of a slice. Raises H264Error if it can't be rewritten byte for byte."""
    result: int | tuple[bytes, int] = _h264.read(*parameters.of(nal), nal)
    data, padding = _checked(result)
    levels = np.frombuffer(data, LEVEL)
    return Levels(
        value=levels["value"],
        macroblock=levels["macroblock"],
        kind=levels["kind"],
        position=levels["position"],
        qp=levels["qp"],
        block=levels["block"],
        intra=levels["intra"],
        padding=None if padding < 0 else bool(padding),
    )


def write_levels(parameters: Parameters, nal: bytes, values: np.ndarray, *, padding: bool = False) -> bytes:
    """Return a slice with other levels.

    Args:
        parameters: parameter sets of the stream.
        nal: NAL unit of the slice, with its header.
        values: new values of all levels that `read_levels` found, in their order: from ±1 to ±2063, or the old value.
        padding: the last bit, if the slice read does not show it.

    Raises:
        ValueError: there are more or fewer values, or one is 0 or too large.
        H264Error: as in `read_levels`.
    """
    given = np.asarray(values)
    limits = np.iinfo(np.int32)
    if given.dtype.kind not in "iu" or np.any((given < limits.min) | (given > limits.max)):
        raise ValueError(Reason.WRONG_VALUE.line)
    written: int | bytes = _h264.write(*parameters.of(nal), nal, np.ascontiguousarray(given, np.int32), padding)
    if isinstance(written, int) and _BY_NUMBER[written] in (Reason.WRONG_COUNT, Reason.WRONG_VALUE):
        raise ValueError(_BY_NUMBER[written].line)
    return _checked(written)


def x264_padding(shown: Sequence[bool | None]) -> list[bool]:
    """Guess the padding of CABAC slices that do not show it, so that rewritten slices do not stand out.

    x264 sets the last bit of a slice's last byte from the bits of a number in turn, one for each picture; other
    encoders leave it 0. The padding of a slice of each picture, in coding order, is the one shown, else the one by the
    only turn that fits all of them, else False.
    """
    x264_bits = 0x35A4E4F5  # taken from the lowest on
    turns = [[bool(x264_bits >> (index + first) % 32 & 1) for index in range(len(shown))] for first in range(32)]
    fitting = [turn for turn in turns if all(known in (None, bit) for known, bit in zip(shown, turn, strict=True))]
    guessed = fitting[0] if len(fitting) == 1 else [False for _ in shown]
    return [bit if known is None else known for known, bit in zip(shown, guessed, strict=True)]
