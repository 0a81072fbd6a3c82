"""Pictures, films and sounds as covers: JPEGs made of them, compression traces, compressed copies, denoising."""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(__name__, sound_cover="SoundCover")
