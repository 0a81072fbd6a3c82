"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .medium import FrameMedium as FrameMedium, FrameSamples as FrameSamples
from .rewriting import RewrittenFilm as RewrittenFilm, changed_meanwhile as changed_meanwhile
