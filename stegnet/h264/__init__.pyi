"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .medium import LARGER as LARGER, TOO_FEW as TOO_FEW, H264Container as H264Container, H264Medium as H264Medium
