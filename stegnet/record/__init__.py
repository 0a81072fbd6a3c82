"""Records, which a frame must carry without error, and containers as their readers see them.

`record` formats and parses a record, with the sound of a film. `base` is the coarse copy of the secret in it, `spread`
the frame's share of a file in a film, and `file_payload` prepares a file for all of them. `reading` reads a record from
a frame and diagnoses alterations, `container` reads a file.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
