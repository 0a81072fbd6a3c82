"""PNG: its chunks and rows, and the pixels and the opacity of a picture as media."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
