"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .sound_cover import SOUND_ROW as SOUND_ROW, SoundCover as SoundCover
