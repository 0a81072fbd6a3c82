"""Near-lossless coding of pictures, to fit a number of bytes: no sample is more than a known number of levels off.

`quantisation` turns samples into levels by steps, and back. `jpeg_xl` codes levels without loss, and decodes them, once
`jpeg_xl_header` has checked their header. `predicted` does so by a network, the `predictor`, which says how likely each
level is, and by `mixtures`, which make bits of that. `fitting` finds the finest steps whose coded picture fits.

The network is trained as PyTorch has it, `prediction_network`; its `integer_layers` are what `prediction_export` writes
as ONNX files. Only these three import PyTorch.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
