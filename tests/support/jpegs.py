"""JPEGs as the library reads and saves them, for the tests that look into them."""

from stegnet.core.jpeg import DITHER, encode_jpeg, through_jpeg, through_webp
from stegnet.media.jpeg import ZIGZAG, JpegPicture, read_jpeg
from stegnet.methods.jpeg import jpeg_cover, juniward, shown_luma

__all__ = [
    "DITHER",
    "ZIGZAG",
    "JpegPicture",
    "encode_jpeg",
    "jpeg_cover",
    "juniward",
    "read_jpeg",
    "shown_luma",
    "through_jpeg",
    "through_webp",
]
