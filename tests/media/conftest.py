import struct

import numpy as np
import pytest
from imagecodecs import cms_profile

WHITE = 0.3127, 0.329, 1
ROUNDED = (0.6401, 0.33, 1), (0.3, 0.6002, 1), (0.1499, 0.06, 1)  # red, green and blue of sRGB, nearly


def rgb_profile(*primaries: tuple[float, ...]) -> bytes:
    """An ICC profile with the curve of sRGB, as a table."""
    light = np.linspace(0, 1, 1024)
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    curve = (65535 * light).round().astype(np.uint16)
    return bytes(cms_profile("rgb", whitepoint=WHITE, primaries=sum(primaries, ()), transferfunction=curve))


@pytest.fixture(scope="session")
def srgb_profile() -> bytes:
    """sRGB as most cameras write it: a tabulated curve and rounded primaries, which change some colours by a level."""
    return rgb_profile(*ROUNDED)


@pytest.fixture(scope="session")
def swapped_profile() -> bytes:
    """sRGB with red and green swapped."""
    red, green, blue = ROUNDED
    return rgb_profile(green, red, blue)


@pytest.fixture(scope="session")
def linear_grey_profile() -> bytes:
    """Linear grey."""
    return bytes(cms_profile("gray", whitepoint=WHITE, gamma=1.0))


@pytest.fixture(scope="session")
def cmyk_profile() -> bytes:
    """CMYK of version 2.4 in which only black ink has an effect (a table of 2⁴ corners, ICC.1 10.10)."""
    ramp = bytes(range(256))
    corners = b"".join(bytes([255 * (1 - key), 128, 128]) for _ in range(8) for key in (0, 1))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + 4 * ramp + corners + 3 * ramp
    kinds = b"prtr", b"CMYK", b"Lab ", b"acsp"
    head = struct.pack(">I4xI4s4s4s12x4s28x3i", 156 + len(table), 0x02400000, *kinds, 63190, 65536, 54061)
    tags = b"".join(struct.pack(">4sII", name, 156, len(table)) for name in (b"A2B0", b"A2B1"))
    return head.ljust(128, b"\0") + bytes([0, 0, 0, 2]) + tags + table
