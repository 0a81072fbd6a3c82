"""Films: reading, writing and converting them; their sound, subtitles, boxes and H.264 syntax.

Importing this package does not import FFmpeg; using a name that needs it does. So pictures need no FFmpeg.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
