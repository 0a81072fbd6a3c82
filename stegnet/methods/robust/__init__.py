"""The method "robust": bits that survive JPEG, and in films H.264 and similar codecs.

`fec` corrects errors. `robust_record` has operating points, places of bits, headers and records. `grid` has salts and
the sizes at which bits are hidden in pictures; `registration` finds these grids in copies and parts. `robust_modem`
hides and reads bits in pictures, `groups` in a film's frames. `channels` simulates what may happen to containers, and
`robust_options` names a channel. `survival` fits content and searches for what survives; `robust_pictures` and
`robust_films` are its two carriers. `robust_method` is the method.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
