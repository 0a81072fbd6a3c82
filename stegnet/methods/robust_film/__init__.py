"""The method "robust" for films: bits that survive H.264."""

from stegnet.methods.robust_film.reading import hidden_in_film
from stegnet.methods.robust_film.survival import film_fits, film_room, hide_in_film

__all__ = [
    "film_fits",
    "film_room",
    "hidden_in_film",
    "hide_in_film",
]
