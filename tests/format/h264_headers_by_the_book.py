"""Parameter sets and slice headers of H.264 by Rec. ITU-T H.264 (08/2021), without a line of stegnet.

Only what the vectors need: progressive, 4:2:0, 8 bits, slices I, P and B; all else raises. Clauses in brackets are the
standard's.
"""

from dataclasses import dataclass
from typing import NamedTuple

P, B, I = range(3)  # noqa: E741
WITH_CHROMA_FORMAT = 100, 110, 122, 244, 44, 83, 86, 118, 128  # profiles


class Bits:
    """Bits of a NAL unit without its first byte and emulation prevention (7.4.1), up to the stop bit."""

    def __init__(self, nal: bytes) -> None:
        data = nal[1:].replace(b"\0\0\3", b"\0\0")
        self.bits, self.at = bin(int.from_bytes(b"\1" + data, "big"))[3:], 0
        self.end = self.bits.rindex("1")

    def u(self, count: int) -> int:
        self.at += count
        return int(self.bits[self.at - count : self.at] or "0", 2)

    def zeros(self) -> int:
        """Number of zeros before the next 1, which is read, too."""
        start, self.at = self.at, self.bits.index("1", self.at) + 1
        return self.at - start - 1

    def ue(self) -> int:
        count = self.zeros()
        return (1 << count) - 1 + self.u(count)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -code // 2

    def more(self) -> bool:
        return self.at < self.end


class Sps(NamedTuple):
    """Part of a sequence parameter set that slices need; the width is in macroblocks."""

    width: int
    frame_num_bits: int
    order_type: int
    order_bits: int
    direct_8x8: int


class Pps(NamedTuple):
    """Part of a picture parameter set that slices need."""

    sps: int
    cabac: int
    order_present: int
    references: tuple[int, int]
    weighted: int
    bipred: int
    qp: int
    deblocking: int
    redundant: int
    transform_8x8: int


def expect(holds: bool) -> None:
    if not holds:
        raise ValueError("no vector needs this of H.264")


def read_sps(nal: bytes) -> tuple[int, Sps]:
    """Its number, and itself."""
    bits = Bits(nal)
    profile, _, number = bits.u(8), bits.u(16), bits.ue()
    if profile in WITH_CHROMA_FORMAT:
        expect([bits.ue(), bits.ue(), bits.ue(), bits.u(1), bits.u(1)] == [1, 0, 0, 0, 0])  # 4:2:0, 8 bits, no matrices
    frame_num_bits, order_type = bits.ue() + 4, bits.ue()
    expect(order_type != 1)
    order_bits = bits.ue() + 4 if order_type == 0 else 0
    _, _, width, _, frames_only, direct_8x8 = bits.ue(), bits.u(1), bits.ue() + 1, bits.ue(), bits.u(1), bits.u(1)
    expect(frames_only == 1)
    return number, Sps(width, frame_num_bits, order_type, order_bits, direct_8x8)


def read_pps(nal: bytes) -> tuple[int, Pps]:
    """Its number, and itself."""
    bits = Bits(nal)
    number, sps, cabac, order_present, slice_groups = bits.ue(), bits.ue(), bits.u(1), bits.u(1), bits.ue()
    expect(slice_groups == 0)
    references, weighted, bipred, qp = (bits.ue() + 1, bits.ue() + 1), bits.u(1), bits.u(2), 26 + bits.se()
    _, _, deblocking, _, redundant = bits.se(), bits.se(), bits.u(1), bits.u(1), bits.u(1)
    transform_8x8 = bits.u(1) if bits.more() else 0
    own = cabac, order_present, references, weighted, bipred, qp, deblocking, redundant, transform_8x8
    return number, Pps(sps, *own)


@dataclass
class Header:
    """Part of a slice header that the macroblock layer needs."""

    first: int
    kind: int
    references: tuple[int, int]
    cabac_table: int
    qp: int


def pps_of(nal: bytes) -> int:
    """Number of the picture parameter set that a slice refers to."""
    bits = Bits(nal)
    return [bits.ue() for _ in range(3)][2]


def read_header(bits: Bits, nal: bytes, sps: Sps, pps: Pps) -> Header:
    first, kind, _, _ = bits.ue(), bits.ue() % 5, bits.ue(), bits.u(sps.frame_num_bits)
    expect(kind in (P, B, I))
    if nal[0] & 31 == 5:
        bits.ue()  # idr_pic_id
    if sps.order_type == 0:
        bits.u(sps.order_bits)
        if pps.order_present:
            bits.se()
    if pps.redundant:
        bits.ue()
    if kind == B:
        bits.u(1)  # direct_spatial_mv_pred_flag
    references = pps.references
    if kind != I and bits.u(1):
        references = bits.ue() + 1, bits.ue() + 1 if kind == B else references[1]
    for _ in range((1, 2, 0)[kind]):
        pass_list_changes(bits)
    if (pps.weighted and kind == P) or (pps.bipred == 1 and kind == B):
        pass_weights(bits, references[: 2 if kind == B else 1])
    if nal[0] & 0x60:
        pass_marking(bits, nal[0] & 31 == 5)
    table = bits.ue() + 1 if pps.cabac and kind != I else 0
    qp = pps.qp + bits.se()
    if pps.deblocking and bits.ue() != 1:
        bits.se(), bits.se()
    return Header(first, kind, references, table, qp)


def pass_list_changes(bits: Bits) -> None:
    """ref_pic_list_modification of a list (7.3.3.1)."""
    if bits.u(1):
        while bits.ue() != 3:
            bits.ue()


def pass_weights(bits: Bits, references: tuple[int, ...]) -> None:
    """pred_weight_table (7.3.3.2)."""
    bits.ue(), bits.ue()
    for count in references:
        for _ in range(count):
            for numbers in (2, 4):
                if bits.u(1):
                    [bits.se() for _ in range(numbers)]


def pass_marking(bits: Bits, idr: bool) -> None:
    """dec_ref_pic_marking (7.3.3.3)."""
    if idr:
        bits.u(2)
    elif bits.u(1):
        while operation := bits.ue():
            [bits.ue() for _ in range(2 if operation == 3 else operation != 5)]
