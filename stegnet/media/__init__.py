"""Pictures and films alike: covers, JPEGs made of them, traces of compression, copies that fit, checks of a result."""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(__name__, sound_cover="SoundCover")
