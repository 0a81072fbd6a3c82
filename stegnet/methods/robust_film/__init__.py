"""The method "robust" for films: bits that survive H.264, in groups of frames.

`phases` are the coefficients that carry them, `groups` has records, and frames that follow motion, `variants` what is
drawn for each film, `opening` finds both by key, `reading` whole messages; `survival` hides what comes back, with what
`hiding` knows of the film.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    channels="FilmCarrier",
    groups="GroupContent group_room hidden_pixels hide_in_group modulated pieces_of signal_of",
    hiding="WRITTEN",
    phases="ALL_RUNGS FREQUENCIES GROUP RUNGS coefficients dither_of luma periods_of sines sureness",
    reading="Pieces hidden_in_film read_film",
    variants="new_variant",
    survival="embed_in_film film_fits film_room",
)
