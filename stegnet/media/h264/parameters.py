"""Parameter sets of H.264 streams, headers of their slices, and reasons to leave a slice alone."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import ModuleType
from typing import Any

from stegnet.core.errors import MediaError, PackageError


def _load() -> ModuleType | None:
    try:
        from stegnet.kernels import _h264
    except ImportError:  # it was installed without a C compiler
        return None
    return _h264


compiled = _load()
SPS, PPS = 7, 8  # types of NAL units


class SliceType(IntEnum):
    P = 0
    B = 1
    I = 2  # noqa: E741


class Reason(Enum):
    """Reasons why a slice is left alone: the number of `Failure` in _h264.h, and a line for people."""

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
        return self.value[1]


BY_NUMBER = {reason.value[0]: reason for reason in Reason}


class H264Error(MediaError):
    """A slice or a parameter set can't be used."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.line)
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
    found = checked(reader().header(*parameters.of(nal), nal))
    nal_type, ref_idc, slice_type, first_mb, frame_num, idr, order_lsb, pps_id, qp, width, height, cabac = found
    pictures = (frame_num, None if idr < 0 else idr, order_lsb, pps_id)
    return SliceHeader(nal_type, ref_idc, SliceType(slice_type), first_mb, *pictures, qp, width, height, bool(cabac))


def reader() -> ModuleType:
    """The compiled reader.

    Raises:
        PackageError: stegnet was installed without a C compiler.
    """
    if compiled is None:
        raise PackageError("the compiled reader of H.264 is missing", "a C compiler, then `pip install .`")
    return compiled


def _identify(nal: bytes) -> tuple[int, int, int]:
    failure, kind, number, sps = reader().identify(nal)
    if failure:
        raise H264Error(BY_NUMBER[failure])
    return kind, number, sps


def checked(found: Any) -> Any:
    """Returns what the reader has found.

    Raises:
        H264Error: that is the number of a failure.
    """
    if isinstance(found, int):
        raise H264Error(BY_NUMBER[found])
    return found
