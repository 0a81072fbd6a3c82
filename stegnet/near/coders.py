"""Coders of levels, by which records say how they hold a picture; no code of theirs is imported."""

from enum import IntEnum

from stegnet.near.quantisation import Steps

RESTORED = {2: 3}  # errors with which the network restores pictures, and the largest error after it


class Coder(IntEnum):
    """Coder of levels without loss, by its number in a record."""

    JPEG_XL = 1
    NETWORK = 2  # that predicts them, `stegnet.near.predicted`

    def may_hold(self, pixels: int, size: int) -> bool:
        """Return whether a picture of so many pixels may be coded in `size` bytes.

        Strangers need few bytes for a picture that takes minutes. What is as large and as empty, a writer hides as
        lossless WebP or as AVIF.
        """
        always, for_each_byte = MAY_HOLD[self]
        return pixels <= max(always, for_each_byte * size)

    @property
    def label(self) -> str:
        """Name for a report."""
        return "JPEG XL" if self is Coder.JPEG_XL else "coded by a network"

    def largest_error(self, steps: Steps) -> int:
        """Return the largest error of a sample in levels, with steps."""
        error = steps.largest_error
        return RESTORED.get(error, error) if self is Coder.NETWORK else error


# Pixels that each may hold in any number of bytes, and for each byte.
MAY_HOLD = {Coder.JPEG_XL: (1 << 24, 32), Coder.NETWORK: (1 << 20, 12)}
