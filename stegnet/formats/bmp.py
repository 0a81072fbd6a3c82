"""BMP files of 24 and 32 bits per pixel, and with 256 levels of grey.

Microsoft, "Bitmap storage", BITMAPINFOHEADER to BITMAPV5HEADER; and the first header of OS/2.
"""

import math
import struct

from stegnet.formats.opened_file import Source, mapped
from stegnet.formats.raster import Block, Raster, not_kept, truncated

_FORM = "BMP"
_PLAIN, _MASKS = 0, 3  # BI_RGB and BI_BITFIELDS of the field biCompression
_OS2 = 12  # bytes of BITMAPCOREHEADER
_INFO, _MASKS_AT = 40, 54  # bytes of BITMAPINFOHEADER; the masks come after it or are its last fields
_WITH_OPACITY = 56  # bytes of the smallest header with an opacity mask
_BYTES = {0xFF << 8 * at: at for at in range(4)}  # position of a byte in a pixel, by its mask
_GREYS = b"".join(bytes([level, level, level, 0]) for level in range(256))  # a palette
_ROWS, _BLOCKS = 64, 1024  # rows of a block; approximate number of blocks in a taller picture


def read_bmp(source: Source) -> Raster:
    """Return the layout of a BMP's pixels.

    Raises:
        MediaError: the BMP is truncated, or of another kind: with a palette, 16 bits, or compression.
    """
    with mapped(source) as data:
        if len(data) < _MASKS_AT + 16:
            raise truncated(source, _FORM)
        first, header = struct.unpack_from("<I", data, 10)[0], struct.unpack_from("<I", data, 14)[0]
        if header == _OS2:
            (width, height, _, bits), compression = struct.unpack_from("<4H", data, 18), _PLAIN
        elif header >= _INFO:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        else:
            raise not_kept(source, _FORM, f"its header has {header} bytes")
        masks = struct.unpack_from("<4I", data, _MASKS_AT)
        greys = data[14 + header : 14 + header + len(_GREYS)] == _GREYS
        length = len(data)
    if compression not in (_PLAIN, _MASKS):
        raise not_kept(source, _FORM, "it is compressed")
    if bits not in (24, 32) and not (bits == 8 and greys and compression == _PLAIN):
        raise not_kept(source, _FORM, f"it has {bits} bits a pixel")
    colours, opacity = (0,) if bits == 8 else (2, 1, 0), None
    if compression == _MASKS:
        if header < _WITH_OPACITY:
            masks = (*masks[:3], 0)
        used = [mask for mask in masks if mask]
        if not all(masks[:3]) or len(set(used)) < len(used) or any(_BYTES.get(mask, 4) >= bits // 8 for mask in used):
            raise not_kept(source, _FORM, "its colours are no whole bytes")
        colours, opacity = tuple(_BYTES[mask] for mask in masks[:3]), _BYTES.get(masks[3])
    stride, rows = (width * bits + 31) // 32 * 4, abs(height)
    if width <= 0 or first + rows * stride - (stride - width * bits // 8) > length:
        raise truncated(source, _FORM)
    at_once = max(_ROWS, math.ceil(rows / _BLOCKS))
    blocks = [
        Block(first + top * stride, stride, slice(top, min(top + at_once, rows)), slice(0, width))
        for top in range(0, rows, at_once)
    ]
    return Raster(source, rows, width, bits // 8, colours, opacity, blocks, upside_down=height > 0)
