"""Figures of compressed streams, counted bit by bit: deflate (RFC 1951), PNG's filters, FLAC's frames (RFC 9639)."""

import numpy as np
from numba import njit

INFLATE_FIGURES = (
    *("stored blocks", "fixed blocks", "dynamic blocks", "literals", "matches", "total length", "length 258"),
    *("length 3", "distance 1", "distance of a pixel", "distance of a row", "largest distance", "first block's kind"),
    *("last block's kind", "symbols of the first block", "most symbols of a block", "literal codes of the first block"),
    *("distance codes of the first block", "code length codes of the first block", "bytes after the stream"),
    *("symbols of the last block", "least literal codes", "one distance code"),
)
_EXTRA = np.array([0] * 8 + [each // 4 for each in range(4, 24)] + [0])
_BASE = np.array([*range(3, 11), *(3 + ((4 + each % 4) << each // 4) for each in range(4, 24)), 258])
_DISTANCE_EXTRA = np.array([0, 0] + [each // 2 - 1 for each in range(2, 30)])
_DISTANCE_BASE = np.array([1, 2] + [1 + ((2 + each % 2) << (each // 2 - 1)) for each in range(2, 30)])
_CODE_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])

FLAC_FIGURES = (
    *("frames", "subframes", "least frame", "largest frame", "variable blocks", "block code", "rate code", "bits code"),
    *("frames of left and right", "frames of left and side", "frames of side and right", "frames of mid and side"),
    *(
        "subframes constant",
        "subframes verbatim",
        "subframes fixed",
        "subframes predicted",
        "subframes with wasted bits",
    ),
    *(f"subframes of order {order}" for order in range(33)),
    *(f"subframes of {partitions} partition orders" for partitions in range(16)),
    *("subframes of wide Rice parameters", "largest precision", "least precision", "largest shift", "escapes"),
    *("largest order", "largest partition order", "block size of the first frame", "block size of the last frame"),
    *("largest Rice parameter", "unreadable frames"),
)
_SIZES = np.array([0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768])


@njit
def _bits(data: np.ndarray, at: int, count: int) -> int:
    """Bits as deflate has them, the lowest first."""
    value = 0
    for index in range(count):
        place = at + index
        if place >> 3 >= data.size:
            return value
        value |= ((int(data[place >> 3]) >> (place & 7)) & 1) << index
    return value


@njit
def _code_table(lengths: np.ndarray) -> np.ndarray:
    """For each 15 bits of the stream, 16 times the symbol, plus the length of its code; 0: no code."""
    table = np.zeros(1 << 15, np.int64)
    code = 0
    for length in range(1, 16):
        for symbol in range(lengths.size):
            if lengths[symbol] == length:
                turned = 0
                for index in range(length):
                    turned |= (code >> index & 1) << (length - 1 - index)
                for index in range(turned, 1 << 15, 1 << length):
                    table[index] = 16 * symbol + length
                code += 1
        code <<= 1
    return table


@njit
def _code_lengths(data: np.ndarray, at: int, codes: np.ndarray, count: int) -> tuple:
    lengths, index = np.zeros(count, np.int64), 0
    table = _code_table(codes)
    while index < count:
        entry = table[_bits(data, at, 15)]
        if entry == 0:
            break
        at += entry & 15
        symbol, value, times = entry >> 4, 0, 1
        if symbol < 16:
            value = symbol
        elif symbol == 16:
            value, times, at = lengths[index - 1], 3 + _bits(data, at, 2), at + 2
        elif symbol == 17:
            times, at = 3 + _bits(data, at, 3), at + 3
        else:
            times, at = 11 + _bits(data, at, 7), at + 7
        for _ in range(times):
            if index < count:
                lengths[index] = value
                index += 1
    return lengths, at


@njit
def inflate_figures(data: np.ndarray, pixel: int, row: int) -> np.ndarray:
    """Figures of a zlib stream, (23,) in the order of INFLATE_FIGURES; distances of a pixel and a row in bytes."""
    found, at, final, blocks = np.zeros(23, np.int64), 16, 0, 0
    found[21] = 999
    while not final and at >> 3 < data.size:
        final, kind = _bits(data, at, 1), _bits(data, at + 1, 2)
        at, symbols = at + 3, 0
        if kind == 3:
            break
        found[kind] += 1
        found[12] = kind if blocks == 0 else found[12]
        found[13], blocks = kind, blocks + 1
        if kind == 0:
            at = (at + 7) & ~7
            at += 32 + 8 * _bits(data, at, 16)
            continue
        literals, distances, at = _block_codes(data, at, kind, found, blocks == 1)
        at, symbols = _block_symbols(data, at, (_code_table(literals), _code_table(distances)), (pixel, row), found)
        found[14] = symbols if blocks == 1 else found[14]
        found[15], found[20] = max(found[15], symbols), symbols
    found[19] = data.size - ((at + 7) >> 3) - 4
    return found


@njit
def _block_codes(data: np.ndarray, at: int, kind: int, found: np.ndarray, is_first: bool) -> tuple:
    """Lengths of the codes of literals and of distances, and the place after them."""
    literals, distances = np.full(288, 8), np.full(30, 5)
    if kind == 1:
        literals[144:256], literals[256:280] = 9, 7
        return literals, distances, at
    sizes = _bits(data, at, 5) + 257, _bits(data, at + 5, 5) + 1, _bits(data, at + 10, 4) + 4
    codes, at = np.zeros(19, np.int64), at + 14
    for index in range(sizes[2]):
        codes[_CODE_ORDER[index]] = _bits(data, at, 3)
        at += 3
    both, at = _code_lengths(data, at, codes, sizes[0] + sizes[1])
    if is_first:
        found[16], found[17], found[18] = sizes
    found[21] = min(found[21], sizes[0])
    found[22] += np.count_nonzero(both[sizes[0] :]) == 1
    return both[: sizes[0]], both[sizes[0] :], at


@njit
def _block_symbols(data: np.ndarray, at: int, tables: tuple, sizes: tuple[int, int], found: np.ndarray) -> tuple:
    """The place after a block's symbols, and their number; sizes are those of a pixel and a row."""
    (first, second), (pixel, row), symbols = tables, sizes, 0
    while at >> 3 < data.size:
        entry = first[_bits(data, at, 15)]
        if entry == 0:
            break
        at, symbol = at + (entry & 15), entry >> 4
        if symbol == 256:
            break
        symbols += 1
        if symbol < 256:
            found[3] += 1
            continue
        length = _BASE[symbol - 257] + _bits(data, at, _EXTRA[symbol - 257])
        at += _EXTRA[symbol - 257]
        entry = second[_bits(data, at, 15)]
        at, symbol = at + (entry & 15), entry >> 4
        distance = _DISTANCE_BASE[symbol] + _bits(data, at, _DISTANCE_EXTRA[symbol])
        at += _DISTANCE_EXTRA[symbol]
        found[4] += 1
        found[5] += length
        found[6] += length == 258
        found[7] += length == 3
        found[8] += distance == 1
        found[9] += distance == pixel
        found[10] += distance == row
        found[11] = max(found[11], distance)
    return at, symbols


@njit
def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    away = abs(guess - left), abs(guess - above), abs(guess - corner)
    if away[0] <= away[1] and away[0] <= away[2]:
        return left
    return above if away[1] <= away[2] else corner


@njit
def least_sums(lines: np.ndarray, pixel: int) -> np.ndarray:
    """(rows,) bool: whether the filter of each row is one of least sum of absolute differences (W3C PNG, 9 and 12.7).

    Lines are rows of one pass, (rows, 1 + bytes) uint8, as filtered; a pixel has so many bytes.
    """
    width = lines.shape[1] - 1
    right, above, row = np.zeros(lines.shape[0], np.bool_), np.zeros(width, np.int64), np.zeros(width, np.int64)
    for number in range(lines.shape[0]):
        kind, sums = int(lines[number, 0]), np.zeros(5, np.int64)
        for at in range(width):
            left = row[at - pixel] if at >= pixel else 0
            corner = above[at - pixel] if at >= pixel else 0
            guesses = 0, left, above[at], (left + above[at]) // 2, _paeth(left, above[at], corner)
            row[at] = (int(lines[number, at + 1]) + guesses[kind]) & 255
            for each in range(5):
                sums[each] += abs(((row[at] - guesses[each] + 128) & 255) - 128)
        right[number] = sums[kind] == sums.min()
        above[:] = row
    return right


@njit
def _high_bits(data: np.ndarray, at: int, count: int) -> int:
    """Bits as FLAC has them, the highest first."""
    value = 0
    for place in range(at, at + count):
        bit = (int(data[place >> 3]) >> (7 - (place & 7))) & 1 if place >> 3 < data.size else 0
        value = value << 1 | bit
    return value


@njit
def _zeros(data: np.ndarray, at: int) -> int:
    count = 0
    while at + count < 8 * data.size and not _high_bits(data, at + count, 1):
        count += 1
    return count


@njit
def _residual(data: np.ndarray, at: int, size: int, order: int, found: np.ndarray) -> int:
    wide = _high_bits(data, at, 2)
    partitions = _high_bits(data, at + 2, 4)
    at += 6
    found[50 + partitions] += 1
    found[66] += wide == 1
    found[72] = max(found[72], partitions)
    width = 5 if wide else 4
    for part in range(1 << partitions):
        parameter = _high_bits(data, at, width)
        at += width
        count = (size >> partitions) - (order if part == 0 else 0)
        if parameter == (1 << width) - 1:
            found[70] += 1
            at += 5 + count * _high_bits(data, at, 5)
            continue
        found[75] = max(found[75], parameter)
        for _ in range(count):
            at += _zeros(data, at) + 1 + parameter
    return at


@njit
def _subframe(data: np.ndarray, at: int, size: int, depth: int, found: np.ndarray) -> int:
    """Place after a subframe; -1 if it can't be read."""
    kind, wasted = _high_bits(data, at + 1, 6), _high_bits(data, at + 7, 1)
    at += 8
    if wasted:
        found[16] += 1
        extra = _zeros(data, at) + 1
        at, depth = at + extra, depth - extra
    found[1] += 1
    if kind == 0:
        found[12] += 1
        return at + depth
    if kind == 1:
        found[13] += 1
        return at + depth * size
    if 8 <= kind <= 12:
        order = kind - 8
        found[14] += 1
        at += order * depth
    elif kind >= 32:
        order = kind - 31
        found[15] += 1
        at += order * depth
        precision, shift = _high_bits(data, at, 4) + 1, _high_bits(data, at + 4, 5)
        found[67], found[68], found[69] = max(found[67], precision), min(found[68], precision), max(found[69], shift)
        at += 9 + order * precision
    else:
        return -1
    found[17 + order] += 1
    found[71] = max(found[71], order)
    return _residual(data, at, size, order, found)


@njit
def flac_frames(data: np.ndarray, place: int, depth: int) -> np.ndarray:
    """Figures of all frames from a place on, (77,) in the order of FLAC_FIGURES."""
    found = np.zeros(77, np.int64)
    found[2], found[68] = 1 << 40, 99
    while place + 6 < data.size and data[place] == 0xFF and data[place + 1] & 0xFE == 0xF8:
        start, at = place, 8 * place
        code, rate = _high_bits(data, at + 16, 4), _high_bits(data, at + 20, 4)
        kind, bits = _high_bits(data, at + 24, 4), _high_bits(data, at + 28, 4)
        found[4] += data[place + 1] & 1
        if found[0] == 0:
            found[5], found[6], found[7] = code, rate, bits >> 1
        at += 32
        at += 8 * max(1, _ones(data[place + 4]))
        size = _SIZES[code]
        if code == 6:
            size, at = _high_bits(data, at, 8) + 1, at + 8
        elif code == 7:
            size, at = _high_bits(data, at, 16) + 1, at + 16
        at += 8 if rate == 12 else 16 if rate in (13, 14) else 0
        at += 8
        if found[0] == 0:
            found[73] = size
        found[74] = size
        if kind in (8, 9, 10):
            found[9 + kind - 8] += 1
        elif kind == 1:
            found[8] += 1
        for channel in range(2 if kind >= 8 else kind + 1):
            side = (kind == 8 and channel == 1) or (kind == 9 and channel == 0) or (kind == 10 and channel == 1)
            at = _subframe(data, at, size, depth + side, found)
            if at < 0:
                found[76] += 1
                return found
        place = ((at + 7) >> 3) + 2
        found[0] += 1
        found[2], found[3] = min(found[2], place - start), max(found[3], place - start)
    return found


@njit
def _ones(byte: int) -> int:
    """Bytes of a number as UTF-8 codes it, by its first byte."""
    count = 0
    while count < 8 and byte << count & 0x80:
        count += 1
    return count
