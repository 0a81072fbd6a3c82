"""The method "robust": bits that survive JPEG, and in films H.264. docs/robust.md follows one bit.

What both kinds of covers share, in the order of reading: `operating_points` trade bits for robustness.
`stegnet.sealing.fec` corrects errors. `block_placement` says which blocks carry bits, `robust_record` what the bits
say. `survival` searches for a container that survives its channel, which `stegnet.channels` simulates. `robust_content`
fits a file or picture.

Pictures: `grid` has salts and the sizes at which bits are hidden. `robust_modem` hides and reads bits, `picture_reader`
reads records. `robust_pictures` has the covers of the search, `jpeg_container` and `picture_containers` the files.

Films: `film_groups` hides bits in groups of frames, and `film_reader` reads them. `film_containers` the files.

`robust_method` is the method, and `robust_options` names a channel.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
