"""Macroblocks of H.264 slices by Rec. ITU-T H.264 (7.3.4, 7.3.5), slowly and without a line of stegnet.

Headers are read by `h264_headers_by_the_book`; how elements are coded is in `h264_cavlc_by_the_book` and
`h264_cabac_by_the_book`.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.format.h264_headers_by_the_book import B, Bits, Header, I, P, Pps, Sps, expect

LUMA_DC, LUMA_AC, LUMA_4X4, CHROMA_DC, CHROMA_AC, LUMA_8X8 = range(6)  # ctxBlockCat (table 9-42)
SIDE = {LUMA_DC: 1, LUMA_AC: 4, LUMA_4X4: 4, CHROMA_DC: 1, CHROMA_AC: 2, LUMA_8X8: 4}  # blocks across a macroblock
LENGTH = {LUMA_DC: 16, LUMA_AC: 15, LUMA_4X4: 16, CHROMA_DC: 4, CHROMA_AC: 15, LUMA_8X8: 64}
PCM, INTRA_IN_P, INTRA_IN_B = 25, 5, 23  # mb_type; the first of Intra ones in P and B slices

# Macroblock partitions (tables 7-13, 7-14): areas in blocks of 4×4, x, y, width and height; and the lists of each.
WHOLE, ROWS, COLUMNS = [(0, 0, 4, 4)], [(0, 0, 4, 2), (0, 2, 4, 2)], [(0, 0, 2, 4), (2, 0, 2, 4)]
QUARTERS = [(0, 0, 2, 2), (2, 0, 2, 2), (0, 2, 2, 2), (2, 2, 2, 2)]
L0, L1, BI = (0,), (1,), (0, 1)
P_PARTS = [(WHOLE, [L0]), (ROWS, [L0, L0]), (COLUMNS, [L0, L0])]
PAIRS = (L0, L0), (L1, L1), (L0, L1), (L1, L0), (L0, BI), (L1, BI), (BI, L0), (BI, L1), (BI, BI)
B_PARTS = [([], []), *((WHOLE, [lists]) for lists in (L0, L1, BI))]
B_PARTS += [(areas, pair) for pair in PAIRS for areas in (ROWS, COLUMNS)]
# Sub-macroblock types (tables 7-17, 7-18): width and height of the parts, and their lists.
P_SUB = [(2, 2, L0), (2, 1, L0), (1, 2, L0), (1, 1, L0)]
B_SUB = [(2, 2, ()), (2, 2, L0), (2, 2, L1), (2, 2, BI), (2, 1, L0), (1, 2, L0), (2, 1, L1), (1, 2, L1)]
B_SUB += [(2, 1, BI), (1, 2, BI), (1, 1, L0), (1, 1, L1), (1, 1, BI)]


# A block's place: blocks across a macroblock and a number, which say what it is of; and x and y among blocks of that.
Place = tuple[tuple[int, int], int, int]


class Level(NamedTuple):
    """A level that is not 0.

    Attributes:
        address: of its macroblock.
        kind: ctxBlockCat.
        place: in scan order.
        block: its number in the macroblock.
    """

    address: int
    kind: int
    place: int
    block: int
    value: int
    intra: bool


@dataclass
class Macroblock:
    """Properties of a macroblock that others ask for."""

    x: int
    y: int
    skipped: bool = False
    direct: bool = False
    intra: bool = False
    large: bool = False  # Intra_16x16
    pattern: int = 0  # coded_block_pattern
    chroma_mode: int = 0
    transform_8x8: int = 0


@dataclass
class Slice:
    """A slice's levels; how its elements are coded is a subclass's.

    Attributes:
        counts: levels of each block, by what it is of, x and y; missing where there is none.
        later: whether ref_idx is above 0, by list, x and y of the quarter.
        mvd: |mvd| of each 4×4 block, by list, x and y.
    """

    bits: Bits
    header: Header
    sps: Sps
    pps: Pps
    levels: list[Level] = field(default_factory=list)
    macroblocks: dict[tuple[int, int], Macroblock] = field(default_factory=dict)
    counts: dict[tuple, int] = field(default_factory=dict)
    later: dict[tuple[int, int, int], bool] = field(default_factory=dict)
    mvd: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)

    def read(self) -> list[Level]:
        """All levels, in coding order."""
        self.address = self.header.first
        self.start()
        while not self.ended():
            y, x = divmod(self.address, self.sps.width)
            self.now = Macroblock(x, y)
            self.left, self.above = self.macroblocks.get((x - 1, y)), self.macroblocks.get((x, y - 1))
            self.now.skipped = self.header.kind != I and self.skip()
            self.macroblocks[x, y] = self.now
            if not self.now.skipped:
                self._macroblock()
            self.address += 1
        return self.levels

    def _macroblock(self) -> None:
        now, number, small = self.now, self.mb_type(), True
        intra = number - (INTRA_IN_P, INTRA_IN_B, 0)[self.header.kind]
        expect(intra != PCM)
        now.intra, now.large = intra >= 0, intra > 0
        now.direct = self.header.kind == B and number == 0
        if now.intra:
            self._intra()
        elif self.header.kind == P and number >= 3:
            small = self._quarters([P_SUB[self.sub_type()] for _ in range(4)], number == 3)
        elif number == 22:
            small = self._quarters([B_SUB[self.sub_type()] for _ in range(4)], True)
        else:
            areas, lists = (P_PARTS, B_PARTS)[self.header.kind][number]
            self._predicted(list(zip(areas, lists, strict=True)))
            small = not now.direct or self.sps.direct_8x8
        now.pattern = (intra - 1) // 4 % 3 * 16 + 15 * (intra > 12) if now.large else self.coded_block_pattern()
        if now.pattern & 15 and not now.intra and small and self.pps.transform_8x8:
            now.transform_8x8 = self.transform_flag()
        self.qp_moved = self.qp_delta() != 0 if now.pattern or now.large else False
        self._residual()

    def _intra(self) -> None:
        if not self.now.large:
            self.now.transform_8x8 = self.transform_flag() if self.pps.transform_8x8 else 0
            for _ in range(4 if self.now.transform_8x8 else 16):
                self.intra_mode()
        self.now.chroma_mode = self.intra_chroma_mode()

    def _quarters(self, types: list[tuple], with_references: bool) -> bool:
        """Sub-macroblocks; returns whether the 8×8 transform is possible."""
        self._references([(area, lists) for area, (_, _, lists) in zip(QUARTERS, types, strict=True)], with_references)
        parts = [
            ((x + right, y + down, width, height), lists)
            for (x, y, _, _), (width, height, lists) in zip(QUARTERS, types, strict=True)
            for down in range(0, 2, height)
            for right in range(0, 2, width)
        ]
        self._vectors(parts)
        return all(self.sps.direct_8x8 if not lists else (w, h) == (2, 2) for w, h, lists in types)

    def _predicted(self, parts: list[tuple]) -> None:
        self._references(parts, True)
        self._vectors(parts)

    def _references(self, parts: list[tuple], present: bool) -> None:
        for which in BI:
            for (x, y, width, height), lists in parts:
                if which in lists and present and self.header.references[which] > 1:
                    left, top = 2 * self.now.x + x // 2, 2 * self.now.y + y // 2
                    later = self.reference(which, left, top) > 0
                    self.later |= {
                        (which, left + i, top + j): later for i in range(width // 2) for j in range(height // 2)
                    }

    def _vectors(self, parts: list[tuple]) -> None:
        for which in BI:
            for (x, y, width, height), lists in parts:
                if which in lists:
                    left, top = 4 * self.now.x + x, 4 * self.now.y + y
                    moved = tuple(abs(self.mvd_part(which, left, top, component)) for component in range(2))
                    self.mvd |= {(which, left + i, top + j): moved for i in range(width) for j in range(height)}

    # Levels (7.3.5.3)

    def _residual(self) -> None:
        now = self.now
        if now.large:
            self._block(LUMA_DC, 0)
        for quarter in range(4):
            if now.pattern >> quarter & 1:
                self._luma(quarter)
        for plane in range(2 if now.pattern >> 4 else 0):
            self._block(CHROMA_DC, plane)
        for number in range(8 if now.pattern >> 4 == 2 else 0):
            self._block(CHROMA_AC, number)

    def _luma(self, quarter: int) -> None:
        if self.now.transform_8x8:
            self.block_8x8(quarter)
        else:
            for number in range(4 * quarter, 4 * quarter + 4):
                self._block(LUMA_AC if self.now.large else LUMA_4X4, number)

    def _block(self, kind: int, number: int) -> None:
        found = self.coefficients(kind, LENGTH[kind], self.place(kind, number))
        self.counts[self.place(kind, number)] = len(found)
        first = kind in (LUMA_AC, CHROMA_AC)
        self.log(kind, number, [(first + index, value) for index, value in found])

    def log(self, kind: int, number: int, found: list[tuple[int, int]]) -> None:
        self.levels += [Level(self.address, kind, at, number, value, self.now.intra) for at, value in found]

    def place(self, kind: int, number: int) -> Place:
        """That of a block; `number` of an 8×8 block is that of a 4×4 block in it."""
        x, y, side = self.now.x, self.now.y, SIDE[kind]
        if side == 4:
            return (4, 0), 4 * x + (number & 1) + (number >> 1 & 2), 4 * y + (number >> 1 & 1) + (number >> 2 & 2)
        if side == 2:
            return (2, number // 4), 2 * x + number % 2, 2 * y + number // 2 % 2
        return (1, number + (kind == CHROMA_DC)), x, y

    def neighbours(self, place: Place) -> list[int | None]:
        """Levels of the blocks to the left and above; None where there is no macroblock of this slice."""
        (side, _), x, y = place
        beside = (x - 1, y), (x, y - 1)
        there = [(left // side, top // side) in self.macroblocks for left, top in beside]
        counts = [self.counts.get((place[0], *at), 0) for at in beside]
        return [count if known else None for count, known in zip(counts, there, strict=True)]
