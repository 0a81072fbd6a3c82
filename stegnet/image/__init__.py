"""Pictures: read, written and resized; JPEG by its coefficients, AVIF, traces of compression."""

from stegnet.image.pictures import read_cover, read_picture, resize, write_png

__all__ = [
    "read_cover",
    "read_picture",
    "resize",
    "write_png",
]
