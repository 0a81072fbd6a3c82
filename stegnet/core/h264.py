"""Levels of the coefficients of H.264 slices: read, and written again with all other syntax as it was.

Slices of progressive films in 8 bits and 4:2:0, of the Constrained Baseline, Main and High profiles, in CAVLC or CABAC
(Rec. ITU-T H.264). The set of levels that are not zero stays, so that no other element of the stream depends on a
change. The reader is compiled: there is no other.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from types import ModuleType

import numpy as np

from stegnet.core.errors import MediaError, PackageError


def _load() -> ModuleType | None:
    try:
        from stegnet.core import _h264
    except ImportError:  # it was installed without a C compiler
        return None
    return _h264


compiled = _load()

LEVEL = np.dtype(
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
SPS, PPS = 7, 8  # types of NAL units


class Kind(IntEnum):
    """Kinds of blocks (ctxBlockCat, table 9-42)."""

    LUMA_DC = 0  # Intra16x16
    LUMA_AC = 1  # Intra16x16
    LUMA_4X4 = 2
    CHROMA_DC = 3
    CHROMA_AC = 4
    LUMA_8X8 = 5


class SliceType(IntEnum):
    P = 0
    B = 1
    I = 2  # noqa: E741


class Reason(IntEnum):
    """Reasons why a slice is left alone; the numbers of `Failure` in _h264.h."""

    NOT_A_SLICE = 1
    DAMAGED = 2
    INTERLACED = 3
    DEEP = 4
    NOT_420 = 5
    SWITCHING = 6
    PARTITIONED = 7
    GROUPED = 8
    REDUNDANT = 9
    LOSSLESS = 10
    UNKNOWN_PROFILE = 11
    TOO_LARGE = 12
    NOT_EXACT = 13
    WRONG_COUNT = 15
    WRONG_VALUE = 16
    NO_PARAMETERS = 17


LINES = {
    Reason.NOT_A_SLICE: "not a slice of a picture",
    Reason.DAMAGED: "the H.264 stream is damaged",
    Reason.INTERLACED: "interlaced H.264 is not supported",
    Reason.DEEP: "H.264 of more than 8 bits is not supported",
    Reason.NOT_420: "H.264 in other than 4:2:0 is not supported",
    Reason.SWITCHING: "H.264's switching slices (SP, SI) are not supported",
    Reason.PARTITIONED: "H.264's data partitioning is not supported",
    Reason.GROUPED: "H.264's slice groups are not supported",
    Reason.REDUNDANT: "H.264's redundant pictures are not supported",
    Reason.LOSSLESS: "lossless H.264 is not supported",
    Reason.UNKNOWN_PROFILE: "unknown profile of H.264",
    Reason.TOO_LARGE: "the H.264 picture is larger than level 6.2 allows",
    Reason.NOT_EXACT: "the H.264 slice can't be rewritten byte for byte",
    Reason.WRONG_COUNT: "the slice has another number of levels",
    Reason.WRONG_VALUE: f"a level must be from 1 to {WRITABLE} or from -{WRITABLE} to -1",
    Reason.NO_PARAMETERS: "a parameter set of the H.264 stream is missing",
}


class H264Error(MediaError):
    """A slice or a parameter set can't be used."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(LINES[reason])
        self.reason = reason


@dataclass(frozen=True)
class SliceHeader:
    """Header of a slice; sizes and addresses are in macroblocks.

    Args:
        ref_idc: 0 if no other picture refers to this one.
        order_lsb: pic_order_cnt_lsb; 0 where the stream has none.
        qp: of luma, 0 to 51.
    """

    nal_unit_type: int
    ref_idc: int
    slice_type: SliceType
    first_mb: int
    frame_num: int
    idr_pic_id: int | None
    order_lsb: int
    pps_id: int
    qp: int
    width: int
    height: int
    cabac: bool


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


@dataclass
class Parameters:
    """Parameter sets of a stream; a later one replaces that of its number."""

    sps: dict[int, bytes] = field(default_factory=dict)
    pps: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # with the number of its SPS

    def add(self, nal: bytes) -> bool:
        """Adds an SPS or PPS; False of any other NAL unit.

        Raises:
            H264Error: it is damaged.
        """
        if not nal or nal[0] & 31 not in (SPS, PPS):
            return False
        kind, number, sps = _identify(nal)
        if kind == SPS:
            self.sps[number] = bytes(nal)
        else:
            self.pps[number] = (sps, bytes(nal))
        return True

    def of(self, nal: bytes) -> tuple[bytes, bytes]:
        """Returns a slice's SPS and PPS.

        Raises:
            H264Error: this is no slice, or they are missing.
        """
        if nal and nal[0] & 31 in (SPS, PPS):
            raise H264Error(Reason.NOT_A_SLICE)
        sps, pps = self.pps.get(_identify(nal)[1], (-1, b""))
        if sps not in self.sps:
            raise H264Error(Reason.NO_PARAMETERS)
        return self.sps[sps], pps

    @classmethod
    def of_avcc(cls, extradata: bytes) -> tuple["Parameters", int]:
        """Reads an avcC box or the same as extradata (ISO/IEC 14496-15): the parameters, and bytes of a NAL's length.

        Raises:
            H264Error: it is damaged.
        """
        if len(extradata) < 7 or extradata[0] != 1:
            raise H264Error(Reason.DAMAGED)
        found, at = cls(), 5
        for mask in (31, 255):
            if at >= len(extradata):
                raise H264Error(Reason.DAMAGED)
            count, at = extradata[at] & mask, at + 1
            for _ in range(count):
                size = int.from_bytes(extradata[at : at + 2])
                nal = extradata[at + 2 : at + 2 + size]
                if len(nal) != size or not found.add(nal):
                    raise H264Error(Reason.DAMAGED)
                at += 2 + size
        return found, (extradata[4] & 3) + 1


def header(parameters: Parameters, nal: bytes) -> SliceHeader:
    """Reads the header of a slice, a NAL unit without start code or length.

    Raises:
        H264Error: it can't be read, or the stream is of an unsupported kind.
    """
    found = _done(_reader().header(*parameters.of(nal), nal))
    nal_unit_type, ref_idc, slice_type, first_mb, frame_num, idr, *rest, cabac = found
    places = (nal_unit_type, ref_idc, SliceType(slice_type), first_mb, frame_num, None if idr < 0 else idr)
    return SliceHeader(*places, *rest, bool(cabac))


def read_levels(parameters: Parameters, nal: bytes) -> Levels:
    """Reads the levels of a slice, and checks that it is written again byte for byte.

    Raises:
        H264Error: it can't be read or rewritten, or the stream is of an unsupported kind.
    """
    found = np.frombuffer(_done(_reader().read(*parameters.of(nal), nal)), LEVEL)
    return Levels(**{name: found[name] for name in Levels.__dataclass_fields__})


def write_levels(parameters: Parameters, nal: bytes, values: np.ndarray) -> bytes:
    """Returns a slice with other levels.

    Args:
        values: of all that `read_levels` found, in the same order: integers from ±1 to ±2063, or as they are.
    Raises:
        ValueError: their number is another, or one is 0 or too large.
        H264Error: as by `read_levels`.
    """
    if np.asarray(values).dtype.kind not in "iu" or np.any(
        np.abs(np.asarray(values, np.int64)) > np.iinfo(np.int16).max
    ):
        raise ValueError(LINES[Reason.WRONG_VALUE])
    written = _reader().write(*parameters.of(nal), nal, np.ascontiguousarray(values, np.int32))
    if written in (Reason.WRONG_COUNT, Reason.WRONG_VALUE):
        raise ValueError(LINES[Reason(written)])
    return _done(written)


def _reader() -> ModuleType:
    if compiled is None:
        raise PackageError("the compiled reader of H.264 is missing", "a C compiler, then `pip install .`")
    return compiled


def _identify(nal: bytes) -> tuple[int, int, int]:
    failure, *found = _reader().identify(nal)
    if failure:
        raise H264Error(Reason(failure))
    return tuple(found)


def _done(found):
    if isinstance(found, int):
        raise H264Error(Reason(found))
    return found
