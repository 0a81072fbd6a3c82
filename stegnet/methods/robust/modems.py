"""The modems for pictures and for films, each loaded at its first use."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stegnet.core.card import SHIPPED_FILM_MODEM, SHIPPED_MODEM
from stegnet.methods.robust.modem import Modem
from stegnet.methods.robust_film.modem import FilmModem


@dataclass(frozen=True)
class Modems:
    """Weights files of modems, and where they are computed; arguments as `load_engine`.

    Attributes:
        pictures, films: weights files.
    """

    pictures: Path = SHIPPED_MODEM
    films: Path = SHIPPED_FILM_MODEM
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"

    @cached_property
    def picture(self) -> Modem:
        """The modem for pictures; errors as `Modem.load`."""
        return Modem.load(self.pictures, self.device, self.precision, self.backend)

    @cached_property
    def film(self) -> FilmModem:
        """The modem for films; errors as `FilmModem.load`."""
        return FilmModem.load(self.films, self.device, self.precision, self.backend)


SHIPPED_MODEMS = Modems()
