"""CAVLC of H.264 slices by Rec. ITU-T H.264, clauses 9.1 and 9.2, slowly and without a line of stegnet."""

from tests.format.h264_slices_by_the_book import CHROMA_DC, LUMA_4X4, LUMA_8X8, LUMA_DC, Slice

# Table 9-4: coded_block_pattern by codeNum, of macroblocks predicted from other pictures and from the same one.
INTER = (
    *(0, 16, 1, 2, 4, 8, 32, 3, 5, 10, 12, 15, 47, 7, 11, 13, 14, 6, 9, 31, 35, 37, 42, 44, 33, 34, 36, 40, 39, 43),
    *(45, 46, 17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41),
)
INTRA = (
    *(47, 31, 15, 0, 23, 27, 29, 30, 7, 11, 13, 14, 39, 43, 45, 46, 16, 3, 5, 10, 12, 19, 21, 26, 28, 35, 37, 42, 44),
    *(1, 2, 4, 8, 17, 18, 20, 24, 6, 9, 22, 25, 32, 33, 34, 36, 40, 38, 41),
)

# Table 9-5: coeff_token, by TotalCoeff, then TrailingOnes, of nC from 0, 2 and 4 on, and of chroma DC.
TOKENS = """
1 000101 01 00000111 000100 001 000000111 00000110 0000101 00011 0000000111 000000110 00000101 000011 00000000111
0000000110 000000101 0000100 0000000001111 00000000110 0000000101 00000100 0000000001011 0000000001110 00000000101
000000100 0000000001000 0000000001010 0000000001101 0000000100 00000000001111 00000000001110 0000000001001 00000000100
00000000001011 00000000001010 00000000001101 0000000001100 000000000001111 000000000001110 00000000001001
00000000001100 000000000001011 000000000001010 000000000001101 00000000001000 0000000000001111 000000000000001
000000000001001 000000000001100 0000000000001011 0000000000001110 0000000000001101 000000000001000 0000000000000111
0000000000001010 0000000000001001 0000000000001100 0000000000000100 0000000000000110 0000000000000101 0000000000001000
/
11 001011 10 000111 00111 011 0000111 001010 001001 0101 00000111 000110 000101 0100 00000100 0000110 0000101 00110
000000111 00000110 00000101 001000 00000001111 000000110 000000101 000100 00000001011 00000001110 00000001101 0000100
000000001111 00000001010 00000001001 000000100 000000001011 000000001110 000000001101 00000001100 000000001000
000000001010 000000001001 00000001000 0000000001111 0000000001110 0000000001101 000000001100 0000000001011
0000000001010 0000000001001 0000000001100 0000000000111 00000000001011 0000000000110 0000000001000 00000000001001
00000000001000 00000000001010 0000000000001 00000000000111 00000000000110 00000000000101 00000000000100
/
1111 001111 1110 001011 01111 1101 001000 01100 01110 1100 0001111 01010 01011 1011 0001011 01000 01001 1010 0001001
001110 001101 1001 0001000 001010 001001 1000 00001111 0001110 0001101 01101 00001011 00001110 0001010 001100 000001111
00001010 00001101 0001100 000001011 000001110 00001001 00001100 000001000 000001010 000001101 00001000 0000001101
000000111 000001001 000001100 0000001001 0000001100 0000001011 0000001010 0000000101 0000001000 0000000111 0000000110
0000000001 0000000100 0000000011 0000000010
/
01 000111 1 000100 000110 001 000011 0000011 0000010 000101 000010 00000011 00000010 0000000
"""
# Tables 9-7 and 9-8: total_zeros of 4×4 blocks, by TotalCoeff from 1 on.
ZEROS = """
1 011 010 0011 0010 00011 00010 000011 000010 0000011 0000010 00000011 00000010 000000011 000000010 000000001
/ 111 110 101 100 011 0101 0100 0011 0010 00011 00010 000011 000010 000001 000000
/ 0101 111 110 101 0100 0011 100 011 0010 00011 00010 000001 00001 000000
/ 00011 111 0101 0100 110 101 100 0011 011 0010 00010 00001 00000
/ 0101 0100 0011 111 110 101 100 011 0010 00001 0001 00000 / 000001 00001 111 110 101 100 011 010 0001 001 000000
/ 000001 00001 101 100 011 11 010 0001 001 000000 / 000001 0001 00001 011 11 10 010 001 000000
/ 000001 000000 0001 11 10 001 01 00001 / 00001 00000 001 11 10 01 0001 / 0000 0001 001 010 1 011
/ 0000 0001 01 1 001 / 000 001 1 01 / 00 01 1 / 0 1
"""
CHROMA_ZEROS = "1 01 001 000 / 1 01 00 / 1 0"  # table 9-9 (a)
# Table 9-10: run_before, by zerosLeft from 1 on.
RUNS = """
1 0 / 1 01 00 / 11 10 01 00 / 11 10 01 001 000 / 11 10 011 010 001 000 / 11 000 001 011 010 101 100
/ 111 110 101 100 011 010 001 0001 00001 000001 0000001 00000001 000000001 0000000001 00000000001
"""
PAIRS = [(total, ones) for total in range(17) for ones in range(min(total, 3) + 1)]


def tables(text: str, values: object) -> list[dict[str, object]]:
    return [dict(zip(part.split(), values, strict=False)) for part in text.split("/")]


TOKEN_TABLES, ZERO_TABLES = tables(TOKENS, PAIRS), tables(ZEROS, range(16))
CHROMA_TABLES, RUN_TABLES = tables(CHROMA_ZEROS, range(16)), tables(RUNS, range(16))


class Cavlc(Slice):
    """A slice in CAVLC."""

    def start(self) -> None:
        self.skips = None  # macroblocks left of mb_skip_run; None: it comes next

    def ended(self) -> bool:
        return not self.skips and not self.bits.more()

    def skip(self) -> bool:
        self.skips = self.bits.ue() if self.skips is None else self.skips
        if self.skips:
            self.skips -= 1
            return True
        self.skips = None
        return False

    def mb_type(self) -> int:
        return self.bits.ue()

    sub_type = intra_chroma_mode = mb_type

    def transform_flag(self) -> int:
        return self.bits.u(1)

    def intra_mode(self) -> None:
        if not self.bits.u(1):
            self.bits.u(3)

    def coded_block_pattern(self) -> int:
        return (INTRA if self.now.intra else INTER)[self.bits.ue()]

    def qp_delta(self) -> int:
        return self.bits.se()

    def reference(self, which: int, *_: int) -> int:
        return self.bits.ue() if self.header.references[which] > 2 else 1 - self.bits.u(1)

    def mvd_part(self, *_: int) -> int:
        return self.bits.se()

    def block_8x8(self, quarter: int) -> None:
        """Four blocks of 4×4, each of which has one of four levels (7.3.5.3.2)."""
        for part in range(4):
            place = self.place(LUMA_8X8, 4 * quarter + part)
            found = self.coefficients(LUMA_4X4, 16, place)
            self.counts[place] = len(found)
            self.log(LUMA_8X8, quarter, [(4 * index + part, value) for index, value in found])

    # Blocks (9.2)

    def coefficients(self, kind: int, length: int, place: tuple) -> list[tuple[int, int]]:
        """Index and value of each level, the last in scan order first."""
        total, ones = self._token(kind, place)
        values = self._values(total, ones)
        at = total - 1
        if 0 < total < length:
            at += self._code((CHROMA_TABLES if kind == CHROMA_DC else ZERO_TABLES)[total - 1])
        found = []
        for left in range(total - 1, -1, -1):
            found.append((at, values[total - 1 - left]))
            zeros = at - left
            at -= 1 + (self._code(RUN_TABLES[min(zeros, 7) - 1]) if zeros and left else 0)
        return found

    def _token(self, kind: int, place: tuple) -> tuple[int, int]:
        """TotalCoeff and TrailingOnes."""
        if kind == CHROMA_DC:
            return self._code(TOKEN_TABLES[3])
        if kind == LUMA_DC:
            place = self.place(LUMA_4X4, 0)
        counts = [count for count in self.neighbours(place) if count is not None]
        expected = -(-sum(counts) // max(len(counts), 1))
        if expected < 8:
            return self._code(TOKEN_TABLES[(expected >= 2) + (expected >= 4)])
        code = self.bits.u(6)
        return (0, 0) if code == 3 else (code // 4 + 1, code % 4)

    def _values(self, total: int, ones: int) -> list[int]:
        found, size = [1 - 2 * self.bits.u(1) for _ in range(ones)], int(total > 10 and ones < 3)
        while len(found) < total:
            prefix = self.bits.zeros()
            suffix = prefix - 3 if prefix >= 15 else 4 if prefix == 14 and size == 0 else size
            code = (min(prefix, 15) << size) + self.bits.u(suffix)
            code += 15 * (prefix >= 15 and size == 0) + ((1 << prefix - 3) - 4096 if prefix >= 16 else 0)
            code += 2 * (len(found) == ones < 3)
            found.append(-(code + 1) // 2 if code % 2 else (code + 2) // 2)
            size = max(size, 1)
            size += abs(found[-1]) > 3 << size - 1 and size < 6
        return found

    def _code(self, table: dict) -> object:
        start = self.bits.at
        while (code := self.bits.bits[start : self.bits.at]) not in table:
            self.bits.at += 1
        return table[code]
