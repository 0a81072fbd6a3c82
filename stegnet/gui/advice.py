"""Advice that the page asks for before a job: what fits into a cover, how weak a passphrase is, and a strong one."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from stegnet.core.errors import StegnetError
from stegnet.gui.jobs import BadRequest, size_of, text_of
from stegnet.keys import Passphrase, guessing_years, random_words
from stegnet.media.forecast import picture_quality
from stegnet.methods import AUTO, METHODS, CoverSize

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
    try:
        answer = ADVICE[about](json.loads(line))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise BadRequest from None
    return answer()


Answer = Callable[[], dict[str, str]]


def _words(_: object) -> Answer:
    """A passphrase as `stegnet keygen --passphrase-words 6` prints it, and its strength."""

    def answer() -> dict[str, str]:
        text, bits = random_words(_WORDS)
        years = float(f"{guessing_years(bits):.0e}")
        strength = f"{int(bits)} random bits: a thousand processor cores would guess it in {years:,.0f} years."
        return {"passphrase": text, "text": strength}

    return answer


def _weakness(asked: dict[str, Any]) -> Answer:
    passphrase = text_of(asked["passphrase"])

    def answer() -> dict[str, str]:
        try:
            return {"text": Passphrase(passphrase).weakness()}
        except StegnetError as error:
            return {"text": str(error)}

    return answer


def _forecast(asked: dict[str, Any]) -> Answer:
    """A sentence on what fits, and what becomes of the secret."""
    cover, secret, survive = asked["cover"], asked["secret"], asked.get("survive")
    height, width = (size_of(cover[name], _MOST_SIDE) for name in ("height", "width"))
    cover_size = CoverSize(height, width, size_of(cover["frames"], _MOST_FRAMES))
    given = {"survive": text_of(survive)} if survive else {}
    name, size, film = text_of(secret["name"]), size_of(secret["size"]), bool(secret.get("film"))
    sides = [size_of(secret[side], _MOST_SIDE) for side in ("width", "height")] if secret.get("width") else []

    def answer() -> dict[str, str]:
        try:
            method = METHODS.choose(AUTO, given)
            room = method.file_room(cover_size, name, method.options(**given))
        except StegnetError as error:
            return {"text": f"{error}."}
        if room is None:
            return {"text": ""}
        fate = "the secret as it is, byte for byte." if size <= room else _too_large(room, film, sides)
        return {"text": f"Room for about {_amount(room)}: {fate}"}

    return answer


def _too_large(room: int, film: bool, sides: Sequence[int]) -> str:
    """The fate of a secret that does not fit as it is.

    Args:
        sides: width and height of a picture or film.
    """
    if film:
        return "a compressed copy of the secret, if that fits."
    if not sides:
        return "too little for this secret. Use a larger cover, or a film."
    quality = picture_quality(room, *(max(side, 1) for side in sides))
    return f"a copy of the secret at about {quality:.0f} dB." if quality > 0 else "too little for this secret."


def _amount(count: int) -> str:
    """A number of bytes with two digits, rounded down."""
    if count < 1000:
        return f"{count} bytes"
    unit = 10 ** (int(math.log10(count)) - 1)
    rounded = count // unit * unit
    return f"{rounded / 1e6:g} MB" if rounded >= 1_000_000 else f"{rounded / 1e3:g} kB"


ADVICE: dict[str, Callable[[Any], Answer]] = {"forecast": _forecast, "weakness": _weakness, "words": _words}
