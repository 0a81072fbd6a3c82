"""Pictures without loss: their pixels and their opacity as media, and the forms that they are written in."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
