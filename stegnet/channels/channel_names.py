"""Channels as users write them: NAME or NAME:NUMBER, then any number of +EDIT or +EDIT:FACTOR.

The names stand in `channel_table`.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from stegnet.channels.channel_table import FILM_CHANNELS, PICTURE_CHANNELS, FilmEntry, PictureEntry
from stegnet.channels.destinations import MESSENGER
from stegnet.channels.film_channels import FilmChannel
from stegnet.channels.picture_channels import PictureChannel
from stegnet.core.errors import ConfigError
from stegnet.core.names import FILM, PICTURE

_Entry = TypeVar("_Entry", PictureEntry, FilmEntry)

_LEAST_FACTOR = 0.25  # of an edit


def parse_picture_channel(text: str, side: int | None = None) -> PictureChannel:
    """Return the channel of pictures with this name. Raises ConfigError if it is unknown.

    Args:
        text: the name.
        side: pixels of the longer side that a channel which reduces pictures keeps; None: those of the table.
    """
    if (parsed := _parsed(text, PICTURE_CHANNELS)) is None:
        raise _unknown(text, PICTURE)
    entry, quality, edits = parsed
    return entry.channel(text, quality, edits, side)


def parse_film_channel(text: str) -> FilmChannel:
    """Return the channel of films with this name. Raises ConfigError if it is unknown."""
    if (parsed := _parsed(text, FILM_CHANNELS)) is None:
        raise _unknown(text, FILM)
    entry, crf, _ = parsed
    return entry.channel(text, crf)


def _parsed(text: str, entries: Mapping[str, _Entry]) -> tuple[_Entry, int | None, dict[str, float | None]] | None:
    """Return a channel's entry, its number, and the factor of each edit; None if there is no such channel."""
    first, *words = text.split("+")
    name = re.fullmatch(r"(\w+)(?::(\d{1,3}))?", first)
    edits = [edit for word in words if (edit := re.fullmatch(r"(\w+)(?::(0\.\d{1,4}|1(?:\.0*)?))?", word))]
    if name is None or len(edits) < len(words) or name[1] not in entries:
        return None
    entry = entries[name[1]]
    joined = " ".join(f"{edit[1]}:" if edit[2] else edit[1] for edit in edits)
    number = int(name[2]) if name[2] else None
    factors = {edit[1]: float(edit[2]) if edit[2] else None for edit in edits}
    small = min(filter(None, factors.values()), default=1) < _LEAST_FACTOR
    if number in (entry.numbers or [None]) and joined in entry.edits and not small:
        return entry, number, factors
    return None


def _unknown(text: str, kind: str) -> ConfigError:
    """Return the error for a name that is not one of the table, with those of this kind of cover."""
    entries: Mapping[str, PictureEntry | FilmEntry] = FILM_CHANNELS if kind == FILM else PICTURE_CHANNELS
    wrong_kind = PICTURE if kind == FILM else FILM
    wrong_entries: Mapping[str, PictureEntry | FilmEntry] = PICTURE_CHANNELS if kind == FILM else FILM_CHANNELS
    problem = "no such channel is known"
    if re.split("[:+]", text)[0] in wrong_entries.keys() - {MESSENGER}:
        problem = f"is for {wrong_kind}s, and the cover is a {kind}"

    known = ", ".join(
        f"{name}:{entry.numbers[0]} to {entry.numbers[-1]}" for name, entry in entries.items() if entry.numbers
    )
    if kind == FILM:
        hint = f"films survive {known}, or {MESSENGER}"
        return ConfigError(problem, hint, parameter="survive", value=text)
    hint = f"known: {known}, or {MESSENGER}; each may be followed by +resize:F ({_LEAST_FACTOR} to 1)"
    return ConfigError(problem, hint, parameter="survive", value=text)
