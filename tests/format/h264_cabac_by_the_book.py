"""CABAC of H.264 slices by Rec. ITU-T H.264, clause 9.3, slowly and without a line of stegnet.

Only the numbers from which contexts begin (tables 9-12 to 9-33) are read from stegnet's source instead of being copied.
"""

import re
from itertools import chain, repeat
from pathlib import Path

from tests.format.h264_headers_by_the_book import B, I
from tests.format.h264_slices_by_the_book import CHROMA_DC, INTRA_IN_B, INTRA_IN_P, LUMA_8X8, Macroblock, Slice

SOURCE = Path(__file__, "../../../stegnet/video/_h264_cabac_tables.h").resolve()
CONTEXTS = [*range(276), *range(399, 436)]  # that SOURCE has, in each of its four parts
TERMINATE = 276

# Table 9-44: rangeTabLPS by pStateIdx; and table 9-45: transIdxLPS.
RANGES = """
128 176 208 240 128 167 197 227 128 158 187 216 123 150 178 205 116 142 169 195 111 135 160 185 105 128 152 175
100 122 144 166 95 116 137 158 90 110 130 150 85 104 123 142 81 99 117 135 77 94 111 128 73 89 105 122 69 85 100 116
66 80 95 110 62 76 90 104 59 72 86 99 56 69 81 94 53 65 77 89 51 62 73 85 48 59 69 80 46 56 66 76 43 53 63 72
41 50 59 69 39 48 56 65 37 45 54 62 35 43 51 59 33 41 48 56 32 39 46 53 30 37 43 50 29 35 41 48 27 33 39 45 26 31 37 43
24 30 35 41 23 28 33 39 22 27 32 37 21 26 30 35 20 24 29 33 19 23 27 31 18 22 26 30 17 21 25 28 16 20 23 27 15 19 22 25
14 18 21 24 14 17 20 23 13 16 19 22 12 15 18 21 12 14 17 20 11 14 16 19 11 13 15 18 10 12 15 17 10 12 14 16 9 11 13 15
9 11 12 14 8 10 12 14 8 9 11 13 7 9 11 12 7 9 10 12 7 8 10 11 6 8 9 11 6 7 9 10 6 7 8 9 2 2 2 2
"""
AFTER_LPS = """
0 0 1 2 2 4 4 5 6 7 8 9 9 11 11 12 13 13 15 15 16 16 18 18 19 19 21 21 22 22 23 24 24 25 26 26 27 27 28 29 29 30 30 30
31 32 32 33 33 33 34 34 35 35 35 36 36 36 37 37 37 38 38 63
"""
# Table 9-43: ctxIdxInc of significant_coeff_flag of 8×8 blocks, and of last_significant_coeff_flag.
SIGNIFICANT = """
0 1 2 3 4 5 5 4 4 3 3 4 4 4 5 5 4 4 4 4 3 3 6 7 7 7 8 9 10 9 8 7 7 6 11 12 13 11 6 7 8 9 14 10 9 8 6 11 12 13 11 6 9 14
10 9 11 12 13 11 14 10 12
"""
LAST = "0 " + 15 * "1 " + 16 * "2 " + 8 * "3 " + 8 * "4 " + 4 * "5 " + 4 * "6 " + 4 * "7 " + 3 * "8 "
# Tables 9-34 and 9-40: first contexts of the elements of a block, by ctxBlockCat.
CODED = 85, 89, 93, 97, 101
FIRST_SIGNIFICANT = 105, 120, 134, 149, 152, 402
FIRST_LAST = 166, 181, 195, 210, 213, 417
FIRST_SIZE = 227, 237, 247, 257, 266, 426


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split()]


RANGE, NEXT, SIGNIFICANT_8X8, LAST_8X8 = numbers(RANGES), numbers(AFTER_LPS), numbers(SIGNIFICANT), numbers(LAST)


def beginnings() -> list[dict[int, tuple[int, int]]]:
    """m and n of each context, for I slices and each cabac_init_idc."""
    text = SOURCE.read_text(encoding="utf-8").partition("context_init")[2].partition("};")[0]
    pairs = [(int(m), int(n)) for m, n in re.findall(r"\{(-?\d+), (-?\d+)\}", text)]
    size = len(CONTEXTS)
    assert len(pairs) == 4 * size
    return [dict(zip(CONTEXTS, pairs[part * size :], strict=False)) for part in range(4)]


BEGINNINGS = beginnings()


class Decoder:
    """The arithmetic decoder (9.3.1.2, 9.3.3.2).

    Attributes:
        states: of each context, pStateIdx and valMPS.
    """

    def __init__(self, bits: str, table: int, qp: int) -> None:
        self.states = {}
        for context, (m, n) in BEGINNINGS[table].items():
            state = min(max((m * qp >> 4) + n, 1), 126)
            self.states[context] = [63 - state, 0] if state <= 63 else [state - 64, 1]
        self.rest = chain(map(int, bits), repeat(0))
        self.range, self.offset = 510, 0
        for _ in range(9):
            self._shift()

    def _shift(self) -> None:
        self.offset = 2 * self.offset + next(self.rest)

    def decide(self, context: int) -> int:
        state = self.states[context]
        index, symbol = state
        lps = RANGE[4 * index + (self.range >> 6 & 3)]
        self.range -= lps
        if self.offset < self.range:
            state[0] = min(index + 1, 62)
        else:
            self.offset -= self.range
            self.range, symbol = lps, 1 - symbol
            state[:] = NEXT[index], state[1] if index else symbol
        while self.range < 256:
            self.range *= 2
            self._shift()
        return symbol

    def bypass(self) -> int:
        self._shift()
        if self.offset < self.range:
            return 0
        self.offset -= self.range
        return 1

    def terminate(self) -> int:
        self.range -= 2
        if self.offset >= self.range:
            return 1
        while self.range < 256:
            self.range *= 2
            self._shift()
        return 0


class Cabac(Slice):
    """A slice in CABAC."""

    def start(self) -> None:
        bits, qp = self.bits, min(max(self.header.qp, 0), 51)
        self.decoder = Decoder(bits.bits[-(-bits.at // 8) * 8 :], self.header.cabac_table, qp)
        self.decide, self.qp_moved = self.decoder.decide, False

    def ended(self) -> bool:
        return bool(self.macroblocks) and bool(self.decoder.terminate())

    def _beside(self, asked: object) -> int:
        """Number of the macroblocks to the left and above that are there and are as asked."""
        return sum(other is not None and bool(asked(other)) for other in (self.left, self.above))

    def _unary(self, contexts: list[int], most: int) -> int:
        """Ones before a 0, or `most`; the last context is that of all later bins."""
        count = 0
        while count < most and self.decide(contexts[min(count, len(contexts) - 1)]):
            count += 1
        return count

    def _exponential(self, order: int) -> int:
        """Exp-Golomb of bypass bins (9.3.2.3)."""
        value = 0
        while self.decoder.bypass():
            value += 1 << order
            order += 1
        for _ in range(order):
            order -= 1
            value += self.decoder.bypass() << order
        return value

    # Types

    def skip(self) -> bool:
        context = (24 if self.header.kind == B else 11) + self._beside(lambda other: not other.skipped)
        skipped = bool(self.decide(context))
        if skipped:
            self.now.direct, self.qp_moved = True, False
        return skipped

    def mb_type(self) -> int:
        if self.header.kind == I:
            first = 3 + self._beside(lambda other: not other.intra or other.large)
            return self._intra_type(first, [6, 7, 8, 9, 10])
        return self._b_type() if self.header.kind == B else self._p_type()

    def _p_type(self) -> int:
        if self.decide(14):
            return INTRA_IN_P + self._intra_type(17, [18, 19, 19, 20, 20])
        if self.decide(15):
            return 1 if self.decide(17) else 2
        return 3 if self.decide(16) else 0

    def _b_type(self) -> int:
        if not self.decide(27 + self._beside(lambda other: not other.direct)):
            return 0
        if not self.decide(30):
            return 1 + self.decide(32)
        code = self._bins(31, 32, 32, 32)
        if code < 8:
            return 3 + code
        if code == 13:
            return INTRA_IN_B + self._intra_type(32, [33, 34, 34, 35, 35])
        return {14: 11, 15: 22}.get(code) or 2 * code + self.decide(32) - 4

    def _bins(self, *contexts: int) -> int:
        value = 0
        for context in contexts:
            value = 2 * value + self.decide(context)
        return value

    def _intra_type(self, first: int, later: list[int]) -> int:
        """mb_type of I slices; `later` are the contexts of luma, chroma twice, and the prediction's two."""
        if not self.decide(first):
            return 0
        if self.decoder.terminate():
            return 25
        luma, chroma = self.decide(later[0]), self.decide(later[1])
        chroma += chroma and self.decide(later[2])
        return 1 + 12 * luma + 4 * chroma + self._bins(*later[3:])

    def sub_type(self) -> int:
        if self.header.kind != B:
            return 0 if self.decide(21) else 1 if not self.decide(22) else 2 if self.decide(23) else 3
        if not self.decide(36):
            return 0
        if not self.decide(37):
            return 1 + self.decide(39)
        if not self.decide(38):
            return 3 + self._bins(39, 39)
        return 11 + self.decide(39) if self.decide(39) else 7 + self._bins(39, 39)

    # Prediction

    def transform_flag(self) -> int:
        return self.decide(399 + self._beside(lambda other: other.transform_8x8))

    def intra_mode(self) -> None:
        if not self.decide(68):
            self._bins(69, 69, 69)

    def intra_chroma_mode(self) -> int:
        return self._unary([64 + self._beside(lambda other: other.chroma_mode), 67], 3)

    def reference(self, which: int, x: int, y: int) -> int:
        left, above = self.later.get((which, x - 1, y), False), self.later.get((which, x, y - 1), False)
        return self._unary([54 + left + 2 * above, 58, 59], 32)

    def mvd_part(self, which: int, x: int, y: int, component: int) -> int:
        near = sum(self.mvd.get((which, *at), (0, 0))[component] for at in ((x - 1, y), (x, y - 1)))
        first = 47 if component else 40
        size = self._unary([first + (near > 2) + (near > 32), *range(first + 3, first + 7)], 9)
        size += self._exponential(3) if size == 9 else 0
        return -size if size and self.decoder.bypass() else size

    def coded_block_pattern(self) -> int:
        luma = 0
        for quarter in range(4):
            left = luma >> quarter - 1 & 1 if quarter & 1 else self._coded_luma(self.left, quarter + 1)
            above = luma >> quarter - 2 & 1 if quarter & 2 else self._coded_luma(self.above, quarter + 2)
            luma |= self.decide(73 + (not left) + 2 * (not above)) << quarter
        return luma + 16 * self._coded_chroma()

    def _coded_luma(self, other: Macroblock | None, quarter: int) -> int:
        return 1 if other is None else other.pattern >> quarter & 1

    def _coded_chroma(self) -> int:
        patterns = [other.pattern >> 4 if other else 0 for other in (self.left, self.above)]
        contexts = [77 + (left > 0) + 2 * (above > 0) for left, above in [patterns]]
        contexts += [81 + (left > 1) + 2 * (above > 1) for left, above in [patterns]]
        return self._unary(contexts, 2)

    def qp_delta(self) -> int:
        return self._unary([60 + self.qp_moved, 62, 63], 200)

    # Blocks (9.3.2.1 and 7.3.5.3.3)

    def block_8x8(self, quarter: int) -> None:
        found = self.coefficients(LUMA_8X8, 64, None)
        self.counts |= {self.place(LUMA_8X8, 4 * quarter + part): len(found) for part in range(4)}
        self.log(LUMA_8X8, quarter, found)

    def coefficients(self, kind: int, length: int, place: tuple | None) -> list[tuple[int, int]]:
        """Index and value of each level, the last in scan order first."""
        if kind != LUMA_8X8:
            near = [self.now.intra if count is None else count > 0 for count in self.neighbours(place)]
            if not self.decide(CODED[kind] + near[0] + 2 * near[1]):
                return []
        places, ones, larger = self._significant(kind, length), 0, 0
        found = []
        for at in reversed(places):
            size = 1 + self._size(kind, ones, larger)
            found.append((at, -size if self.decoder.bypass() else size))
            ones, larger = ones + (size == 1), larger + (size > 1)
        return found

    def _significant(self, kind: int, length: int) -> list[int]:
        """Indices of the levels."""
        places = []
        for at in range(length - 1):
            large = kind == LUMA_8X8
            if self.decide(FIRST_SIGNIFICANT[kind] + (SIGNIFICANT_8X8[at] if large else self._step(kind, at))):
                places.append(at)
                if self.decide(FIRST_LAST[kind] + (LAST_8X8[at] if large else self._step(kind, at))):
                    return places
        return [*places, length - 1]

    def _step(self, kind: int, at: int) -> int:
        return min(at, 2) if kind == CHROMA_DC else at

    def _size(self, kind: int, ones: int, larger: int) -> int:
        """coeff_abs_level_minus1."""
        first, most = FIRST_SIZE[kind], 4 - (kind == CHROMA_DC)
        size = self._unary([first + (0 if larger else min(4, 1 + ones)), first + 5 + min(most, larger)], 14)
        return size + (self._exponential(0) if size == 14 else 0)
