"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .forms import write_picture as write_picture
from .medium import (
    DATA_NAME as DATA_NAME,
    PixelMedium as PixelMedium,
    bytes_capacity as bytes_capacity,
    check_pixels as check_pixels,
    regular_areas_of as regular_areas_of,
    secure_in as secure_in,
    secure_payload as secure_payload,
)
from .opacity import OpacityMedium as OpacityMedium
