"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .medium import SoundMedium as SoundMedium, SoundPart as SoundPart
