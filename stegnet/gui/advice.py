"""Advice that the page asks for before a job: what fits into a cover, how weak a passphrase is, and a strong one."""

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stegnet.core.errors import StegnetError, renamed
from stegnet.core.names import safe_name
from stegnet.gui.jobs import chosen_method, destination_of, parsing, size_of, text_of
from stegnet.keys import Passphrase, guessing_years, random_words
from stegnet.media.capacity_tables import picture_quality
from stegnet.media.cover import Cover
from stegnet.methods import Capacity, CoverSize

_WORDS = 6
_MOST_SIDE = 1 << 20  # of a cover or secret in pixels
_MOST_FRAMES = 1 << 32


def advise(about: str, line: bytes) -> dict[str, str]:
    """The answer to a question, one line of JSON.

    Args:
        about: one of ADVICE.
    Raises:
        BadRequest: it is none that the page asks.
    """
    with parsing():
        asked = json.loads(line)
    return ADVICE[about](asked)


class CapacityQuestion:
    """The question how much fits into a cover, and what gives it away, by what is in its file.

    Attributes:
        name, size: of the cover's file.

    Raises:
        BadRequest: the line of JSON is no such question.
    """

    def __init__(self, line: bytes) -> None:
        with parsing():
            asked = json.loads(line)
            file = asked["cover"]["file"]
            self.name, self.size = safe_name(text_of(file["name"])), size_of(file["size"])
            self._capacity = _capacity(asked)

    def answer(self, path: Path) -> dict[str, Any]:
        """Bytes of a secret that fit and that are hard to find, and the cover's lossy past; or why nothing fits.

        The file's folder is its own: no message names it.
        """
        try:
            with renamed({f"{path.parent}{os.sep}": ""}):
                found = self._capacity(path)
            return {} if found is None else {"capacity": found.bytes, "hard": found.hard, "history": found.history}
        except StegnetError as error:
            return {"text": f"{error}."}


def _words(_: object) -> dict[str, str]:
    """A passphrase as `stegnet keygen --passphrase-words 6` prints it, and its strength."""
    text, bits = random_words(_WORDS)
    years = float(f"{guessing_years(bits):.0e}")
    strength = f"{int(bits)} random bits: a thousand processor cores would guess it in {years:,.0f} years."
    return {"passphrase": text, "text": strength}


def _weakness(asked: Any) -> dict[str, str]:
    with parsing():
        passphrase = text_of(asked["passphrase"])
    try:
        return {"text": Passphrase(passphrase).weakness()}
    except StegnetError as error:
        return {"text": str(error)}


def _forecast(asked: Any) -> dict[str, str]:
    """A sentence on what fits, and what becomes of the secret.

    `capacity` and `hard` are the answer to a CapacityQuestion, if there was one; `safe`: hide no more than `hard`.
    """
    with parsing():
        secret, measure, only_safe = asked["secret"], _capacity(asked), asked.get("safe") is True
        most, hard = (None if asked.get(name) is None else size_of(asked[name]) for name in ("capacity", "hard"))
        size, film = size_of(secret["size"]), bool(secret.get("film"))
        sides = [size_of(secret[side], _MOST_SIDE) for side in ("width", "height")] if secret.get("width") else []
    try:
        found = measure(None) if most is None else Capacity(most, hard)
    except StegnetError as error:
        return {"text": f"{error}."}
    if found is None:
        return {"text": ""}
    most = found.bytes if found.hard is None or not only_safe else found.hard
    fate = "The secret fits as it is, byte for byte." if size <= most else _too_large(most, film, sides)
    return {"text": f"Capacity: about {_amount(found.bytes)}{_hard_to_find(found)}. {fate}"}


def _hard_to_find(capacity: Capacity) -> str:
    if capacity.hard is None:
        return ""
    return f", {_amount(capacity.hard)} of it hard to find" if capacity.hard else ", all of it easy to find"


def _capacity(asked: dict[str, Any]) -> Callable[[Path | None], Capacity | None]:
    """Capacity of a cover for a secret, by its file if that is there; None: not known."""
    cover, destination, suffix = asked["cover"], destination_of(asked), text_of(asked.get("suffix", ""))
    height, width = (size_of(cover[name], _MOST_SIDE) for name in ("height", "width"))
    cover_size = CoverSize(height, width, size_of(cover["frames"], _MOST_FRAMES))
    name = text_of(asked["secret"]["name"])

    def measure(file: Path | None) -> Capacity | None:
        method, options = chosen_method(destination, suffix)
        if not file:
            return method.capacity(cover_size, name, options)
        with Cover(file) as opened:
            size = cover_size if cover_size.width else replace(CoverSize.of(opened), channels=3)
            channels = opened.channels if size.frames == 1 else 3
            return method.capacity(replace(size, cover=opened, channels=channels), name, options)

    return measure


def _too_large(most: int, film: bool, sides: Sequence[int]) -> str:
    """The fate of a secret that does not fit as it is.

    Args:
        sides: width and height of a picture or film.
    """
    if film:
        return "A compressed copy of the secret is hidden, if that fits."
    if not sides:
        return "The secret is too large. Use a larger cover, or a film."
    quality = picture_quality(most, *(max(side, 1) for side in sides))
    return f"A copy of the secret fits, at about {quality:.0f} dB." if quality > 0 else "The secret is too large."


def _amount(count: int) -> str:
    """A number of bytes with two digits, rounded down."""
    if count < 1000:
        return f"{count} bytes"
    unit = 10 ** (int(math.log10(count)) - 1)
    rounded = count // unit * unit
    return f"{rounded / 1e6:g} MB" if rounded >= 1_000_000 else f"{rounded / 1e3:g} kB"


ADVICE = {"forecast": _forecast, "weakness": _weakness, "words": _words}
