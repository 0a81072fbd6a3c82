"""BMP files of 24 and 32 bits per pixel, and with 256 levels of grey.

Microsoft, "Bitmap storage", BITMAPINFOHEADER to BITMAPV5HEADER; and the first header of OS/2.
"""

import math
import struct

from stegnet.formats.opened_file import Source, mapped
from stegnet.formats.raster import Block, Raster, not_kept, truncated


def read_bmp(source: Source) -> Raster:
    """Return the layout of a BMP's pixels.

    Raises:
        MediaError: the BMP is truncated, or of another kind: with a palette, 16 bits, or compression.
    """
    os2_header = 12  # bytes of BITMAPCOREHEADER
    info_header = 40  # bytes of BITMAPINFOHEADER
    header_with_opacity = 56  # bytes of the smallest header with an opacity mask
    masks_at = 54  # place of the masks, which come after BITMAPINFOHEADER or are the last fields of later headers
    plain = 0  # BI_RGB of the field biCompression
    with_masks = 3  # BI_BITFIELDS
    palette_of_greys = b"".join(bytes([level, level, level, 0]) for level in range(256))
    form = "BMP"
    with mapped(source) as data:
        if len(data) < masks_at + 16:
            raise truncated(source, form)
        first = struct.unpack_from("<I", data, 10)[0]
        header = struct.unpack_from("<I", data, 14)[0]
        if header == os2_header:
            (width, height, _, bits) = struct.unpack_from("<4H", data, 18)
            compression = plain
        elif header >= info_header:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        else:
            raise not_kept(source, form, f"its header has {header} bytes")
        masks = struct.unpack_from("<4I", data, masks_at)
        greys = data[14 + header : 14 + header + len(palette_of_greys)] == palette_of_greys
        length = len(data)
    if compression not in (plain, with_masks):
        raise not_kept(source, form, "it is compressed")
    if bits not in (24, 32) and not (bits == 8 and greys and compression == plain):
        raise not_kept(source, form, f"it has {bits} bits a pixel")

    colours: tuple[int, ...] = (0,) if bits == 8 else (2, 1, 0)
    opacity = None
    if compression == with_masks:
        if header < header_with_opacity:
            masks = (*masks[:3], 0)
        used = [mask for mask in masks if mask]
        byte_of_mask = {0xFF << 8 * place: place for place in range(4)}
        inside = all(byte_of_mask.get(mask, 4) < bits // 8 for mask in used)
        if not all(masks[:3]) or len(set(used)) < len(used) or not inside:
            raise not_kept(source, form, "its colours are no whole bytes")
        colours = tuple(byte_of_mask[mask] for mask in masks[:3])
        opacity = byte_of_mask.get(masks[3])

    stride = (width * bits + 31) // 32 * 4
    rows = abs(height)
    if width <= 0 or first + rows * stride - (stride - width * bits // 8) > length:
        raise truncated(source, form)

    at_once = max(64, math.ceil(rows / 1024))  # rows of a block; about 1024 blocks in a tall picture
    blocks = [
        Block(first + top * stride, stride, slice(top, min(top + at_once, rows)), slice(0, width))
        for top in range(0, rows, at_once)
    ]
    return Raster(source, rows, width, bits // 8, colours, opacity, blocks, upside_down=height > 0)
