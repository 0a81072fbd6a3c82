"""JPEG files by their quantised coefficients: read, and written again with all other bytes as they were.

`markers` finds the parts of a file, `scans` codes them, by compiled kernels or by `entropy`, `multi_picture` keeps a
phone's other pictures findable, `coefficients` reads a file and writes it again.
"""

from stegnet.media.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.media.jpeg.entropy import ZIGZAG

__all__ = ["ZIGZAG", "JpegPicture", "read_jpeg"]
