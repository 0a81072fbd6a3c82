"""H.264 in an MP4 that stays one: its levels as a medium."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
