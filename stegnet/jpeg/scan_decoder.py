"""Coefficients of a JPEG from its scans: Huffman decoding (ITU-T T.81, annexes C, F and G).

Files that libjpeg refuses are refused: with tables that are missing or invalid, or scans that the standard forbids.
Damaged data of a scan are read as libjpeg, and so viewers, read them: invalid codes as symbol 0, and coefficients
behind the last one as the last one. Data of a restart interval that end too early are followed by zeros, which complete
the MCU that needs them; the interval's remaining MCUs stay as they are.
"""

from itertools import accumulate, pairwise

import numpy as np

from stegnet import kernels
from stegnet.jpeg.markers import AC_KEY, HuffmanTable, JpegFile, Scan

_BLOCK = 64  # coefficients
_MOST_BLOCKS = 10  # of an MCU (B.2.3)
_LONGEST_CODE = 16  # bits


def is_decodable(file: JpegFile) -> bool:
    """Return whether libjpeg decodes a file's scans: their tables exist, and their order makes sense."""
    across, down = file.mcu
    if any(across % component.across or down % component.down for component in file.components):
        return False  # a sample would have to be repeated by a fraction
    if not file.progressive and len(file.scans) > 1 and len(file.scans[0].components) == len(file.components):
        return False  # the first scan has all components
    return all(_is_valid(file, scan) for scan in file.scans)


def _is_valid(file: JpegFile, scan: Scan) -> bool:
    """Return whether a scan's components, tables, coefficients and bits are valid (B.2.3)."""
    if len(set(scan.components)) < len(scan.components):
        return False
    blocks = sum(file.components[index].across * file.components[index].down for index in scan.components)
    if len(scan.components) > 1 and blocks > _MOST_BLOCKS:
        return False
    if file.progressive:  # DC only, or AC of one component; a first scan, or one that adds a bit (G.1.1.1)
        is_dc = scan.first == scan.last == 0
        is_ac = 0 < scan.first <= scan.last < _BLOCK and len(scan.components) == 1
        highest_bit = 13  # lowest bit of a first scan, at most, as in libjpeg
        if not ((is_dc or is_ac) and scan.low <= highest_bit and scan.high in (0, scan.low + 1)):
            return False
    return all(key in scan.tables and _is_code(scan.tables[key]) for key in _keys(scan))


def _keys(scan: Scan) -> set[int]:
    """Return the keys of the tables that a scan uses: a refinement of DC uses no table."""
    dc = set(scan.dc) if scan.first == 0 and not scan.high else set()
    ac = {AC_KEY + number for number in scan.ac} if scan.last > 0 else set()
    return dc | ac


def _is_code(table: HuffmanTable) -> bool:
    """Return whether a table has a code for each symbol, no code of ones only, and valid sizes of DC coefficients."""
    code = 0
    for length, count in enumerate(table.counts, 1):
        code += count
        if count and code >= 1 << length:
            return False
        code <<= 1
    return table.key >= AC_KEY or max(table.symbols, default=0) < _LONGEST_CODE


def decode_scans(file: JpegFile) -> tuple[tuple[np.ndarray, ...], bool]:
    """Decode all scans of a file that `is_decodable`.

    Returns:
        The coefficients of each component, (rows, columns, 64) int16 in zigzag order, with all blocks of its MCUs; and
        whether surplus bytes may be behind a scan's data.
    """
    rows, cols = file.mcus
    shapes = [(rows * component.down, cols * component.across) for component in file.components]
    starts = [0, *accumulate(height * width for height, width in shapes)]
    coefficients = np.zeros((starts[-1], _BLOCK), np.int16)
    surplus = False
    for scan in file.scans:
        data = memoryview(file.data)[scan.start : scan.end]
        band = int(file.progressive), scan.first, scan.last, scan.high, scan.low
        is_alone = len(scan.components) == 1  # then an MCU is one block (A.2.2)
        mcus = (*(file.blocks(file.components[scan.components[0]]) if is_alone else file.mcus), scan.interval)
        layout = []  # of each component, its first block, the blocks of a row, and those of an MCU, across and down
        for index in scan.components:
            component = file.components[index]
            blocks = (1, 1) if is_alone else (component.across, component.down)
            layout.append((starts[index], cols * component.across, *blocks))
        tables = np.zeros((len(scan.components), 2, _LONGEST_CODE + 256), np.uint8)  # for DC and AC; zeros if not used
        used = _keys(scan)
        for place, numbers in enumerate(zip(scan.dc, scan.ac, strict=True)):
            for kind, key in enumerate((numbers[0], AC_KEY + numbers[1])):
                if key in used:
                    content = scan.tables[key].counts + scan.tables[key].symbols
                    tables[place, kind, : len(content)] = np.frombuffer(content, np.uint8)
        surplus |= not kernels.decode_scan(data, band, mcus, np.array(layout, np.int64), tables, coefficients)
    parts = zip(pairwise(starts), shapes, strict=True)
    return tuple(coefficients[start:end].reshape(*shape, _BLOCK) for (start, end), shape in parts), surplus
