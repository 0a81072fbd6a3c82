"""WAV and FLAC: parser and coder, sounds as covers, and their samples as a medium."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
