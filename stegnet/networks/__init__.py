"""Hide/reveal pairs: families of networks, their weights files, the engines that run them, and their use.

A family is a file in `families`, which registers its `Pair`; `layers` holds layers that several share. Engines compute
with PyTorch or ONNX Runtime. `inference` runs a pair on 8-bit pictures, and hides and reveals a picture or a film's
frame with its record; `secret_quality` measures the revealed secret. `costa` and `modem` are shipped. The other
families are for training and comparison, and are imported only if a weights file names them.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
