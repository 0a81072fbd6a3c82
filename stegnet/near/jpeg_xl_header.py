"""Headers of JPEG XL codestreams (ISO/IEC 18181-1), which say how much memory a decoder takes.

libjxl has no limit for it: a few bytes may declare thousands of channels, or a frame far larger than the picture. So
what comes from strangers is decoded only if it is what lossless encoders write of 8-bit RGB: one frame of the
picture's size, in modular mode, without other channels, previews, profiles, patches or references.
"""

from fractions import Fraction

_LONGEST = 64  # bytes of a header of this kind, and more
_Choice = tuple[int, int]  # an offset, and the bits of the number that is added to it


class _HeaderBits:
    """Reader of bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next `count` bits. Raises ValueError if there are fewer."""
        self._left -= count
        if self._left < 0:
            raise ValueError("a truncated JPEG XL header")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def chosen(self, *choices: _Choice) -> int:
        """Return a number that one of four distributions describes (B.2.2, U32)."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)

    def enum(self) -> int:
        """Return an enumerated value (B.2.6)."""
        return self.chosen((0, 0), (1, 0), (2, 4), (18, 6))

    def expect(self, count: int, *wanted: int) -> None:
        """Read `count` bits. Raises ValueError if they are none of those that are wanted."""
        _require(self.take(count) in wanted)

    def align(self) -> None:
        """Skip bits up to the next byte."""
        self.take(self._left % 8)


def require_plain(data: bytes, height: int, width: int) -> None:
    """Raise ValueError unless a codestream is one lossless frame of 8-bit RGB, of this size and without extras."""
    signature = b"\xff\x0a"
    _require(data.startswith(signature))
    bits = _HeaderBits(data[len(signature) : _LONGEST])
    _require(_size(bits) == (height, width))
    _require_rgb(bits)
    bits.align()
    _require_single_frame(bits)


def _size(bits: _HeaderBits) -> tuple[int, int]:
    """Return height and width (D.2, SizeHeader)."""
    ratios = (1, Fraction(12, 10), Fraction(4, 3), Fraction(3, 2), Fraction(16, 9), Fraction(5, 4), 2)
    is_small = bits.take(1)

    def side() -> int:
        return 8 * (1 + bits.take(5)) if is_small else bits.chosen((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.take(3)
    return height, int(height * ratios[ratio - 1]) if ratio else side()


def _require_rgb(bits: _HeaderBits) -> None:
    """Read the picture's metadata (D.3, ImageMetadata), which must be those of 8-bit sRGB without transforms."""
    srgb_transfer = 13
    srgb = 1  # primaries
    d65 = 1  # white point, of enumerated ones
    rgb = 0  # colour space
    bits.expect(1, 0)  # not all default, which is XYB
    bits.expect(1, 0)  # no orientation, preview, animation
    bits.expect(1, 0)  # integer samples
    _require(bits.chosen((8, 0), (10, 0), (12, 0), (1, 6)) == 8)
    bits.expect(1, 0, 1)  # buffers of 16 bits suffice
    _require(bits.chosen((0, 0), (1, 0), (2, 4), (1, 12)) == 0)  # extra channels
    bits.expect(1, 0)  # not XYB
    if not bits.take(1):  # not the default encoding of colours, sRGB
        bits.expect(1, 0)  # no ICC profile
        _require((bits.enum(), bits.enum(), bits.enum()) == (rgb, d65, srgb))
        bits.expect(1, 0)  # no gamma
        _require(bits.enum() == srgb_transfer)
        bits.enum()  # rendering intent
    bits.expect(2, 0)  # no extensions
    bits.expect(1, 1)  # default transforms


def _require_single_frame(bits: _HeaderBits) -> None:
    """Read the frame's header (F.2, FrameHeader), which must be that of the only frame, of the picture's size."""
    bits.expect(1, 0)  # not all default, which is lossy
    bits.expect(2, 0)  # a regular frame
    bits.expect(1, 1)  # modular
    bits.expect(2, 0)  # no flags: noise, patches, splines
    bits.expect(1, 0)  # not YCbCr
    bits.expect(2, 0)  # not upsampled
    bits.take(2)  # size of groups
    bits.expect(2, 0)  # one pass
    bits.expect(1, 0)  # not cropped
    bits.expect(2, 0)  # replaces what was there
    bits.expect(1, 1)  # the last frame


def _require(condition: bool) -> None:
    """Raise ValueError unless the condition holds."""
    if not condition:
        raise ValueError("not a plain JPEG XL picture")
