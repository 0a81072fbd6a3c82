"""Pictures, films and sounds as covers: JPEGs made of them, compression traces, compressed copies, denoising."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
