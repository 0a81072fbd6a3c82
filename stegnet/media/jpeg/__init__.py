"""JPEG files by their quantised coefficients: read, and written again with all other bytes as they were.

`markers` finds the parts of a file, `scans` codes them, by compiled kernels or by `entropy`, `multi_picture` keeps a
phone's other pictures findable, `coefficients` reads a file and writes it again. `jpeg_cover` makes a JPEG of a cover
that is none, with its `rounding` errors; `transcoded_blocks` says what arrives of blocks that are saved again, by
libjpeg's `integer_dct`.
"""

from stegnet.media.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.media.jpeg.entropy import ZIGZAG
from stegnet.media.jpeg.jpeg_cover import JpegCover, jpeg_cover, read_both
from stegnet.media.jpeg.rounding import coefficients, dct_basis
