"""Hide/reveal pairs: families of networks, their weights files, the engines that run them, and their use.

A family is a file in `families`, which registers its `Pair`; `layers` holds layers that several share. Engines compute
with PyTorch or ONNX Runtime; `onnx_export` writes ONNX files. `inference` runs a pair on 8-bit pictures, and hides and
reveals a picture or a film's frame with its record; `secret_quality` measures the revealed secret. `costa` and `modem`
are shipped. The other families are rivals, for training and comparison, and are imported only if a weights file names
them.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    card="MODEM NETWORKS SHIPPED SHIPPED_MODEM Card read_card weights_id",
    inference="FrameInput HideResult Network Revealed at_own_size check_cover hide_frame hide_picture reveal_frame "
    "reveal_picture",
    secret_quality="SecretErrors SecretQuality",
    engines="BACKENDS PRECISIONS Engine Pool load_engine",
    pair="Pair build build_from family_names load_pair options_of receptive_fields register save_pair",
)
