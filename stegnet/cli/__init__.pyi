"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .command import main as main

def run() -> None: ...
