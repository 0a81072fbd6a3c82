"""Advice that the page asks for before a job: what fits into a cover, how weak a passphrase is, and a strong one."""

import json
import math
from collections.abc import Callable
from typing import Any

from stegnet.core.card import SHIPPED_MODEM
from stegnet.core.errors import StegnetError
from stegnet.files.info import fits_in
from stegnet.gui.jobs import BadRequest, size_of, text_of
from stegnet.keys import Passphrase
from stegnet.keys.keys import guessing_years, random_words
from stegnet.media.forecast import picture_quality
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.content import file_bytes
from stegnet.methods.robust.modem import read_rungs
from stegnet.methods.robust.pictures import CONTAINER_PSNR, forecast_room
from stegnet.methods.robust.survival import choose_rung

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
        return ADVICE[about](json.loads(line))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise BadRequest from None


def _words(_: object) -> dict[str, str]:
    """A passphrase as `stegnet keygen --passphrase-words 6` prints it, and its strength."""
    text, bits = random_words(_WORDS)
    years = float(f"{guessing_years(bits):.0e}")
    return {
        "passphrase": text,
        "text": f"{int(bits)} random bits: a thousand processor cores would guess it in {years:,.0f} years.",
    }


def _weakness(asked: dict[str, Any]) -> dict[str, str]:
    try:
        return {"text": Passphrase(text_of(asked["passphrase"])).weakness()}
    except StegnetError as error:
        return {"text": str(error)}


def _forecast(asked: dict[str, Any]) -> dict[str, str]:
    """A sentence on what fits, and what becomes of the secret."""
    cover, secret, survive = asked["cover"], asked["secret"], asked.get("survive")
    height, width = (size_of(cover[name], _MOST_SIDE) for name in ("height", "width"))
    frames = size_of(cover["frames"], _MOST_FRAMES)
    name, size = text_of(secret["name"]), size_of(secret["size"])
    try:
        room = _room(height, width, frames, survive and text_of(survive))
    except StegnetError as error:
        return {"text": f"{error}."}
    if room is None:
        return {"text": ""}
    taken = file_bytes(name, size) if survive else size + len(name.encode(errors="replace"))
    return {"text": f"Room for about {_amount(room)}: {_fate(taken, room, secret)}"}


def _room(height: int, width: int, frames: int, survive: str | None) -> int | None:
    """Bytes of a file that fit into a cover; None if it is not known."""
    if survive and frames == 1:
        channel = parse_channel(survive)
        rung = choose_rung(read_rungs(SHIPPED_MODEM), channel, CONTAINER_PSNR)
        return forecast_room(rung, *channel.sent_size(height, width))
    files = (fit for fit in fits_in(height, width, frames) if "bytes" in fit and fit.get("survive") == survive)
    return next((int(fit["bytes"]) for fit in files), 0 if not survive else None)


def _fate(taken: int, room: int, secret: dict[str, Any]) -> str:
    """What becomes of a secret, which a cover may have room for."""
    if taken <= room:
        return "the secret as it is, byte for byte."
    if secret.get("film"):
        return "a compressed copy of the secret, if that fits."
    if secret.get("width") is None:
        return "too little for this secret. Use a larger cover, or a film."
    sides = (size_of(secret[name], _MOST_SIDE) for name in ("width", "height"))
    quality = picture_quality(room, *(max(side, 1) for side in sides))
    return f"a copy of the secret at about {quality:.0f} dB." if quality > 0 else "too little for this secret."


def _amount(count: int) -> str:
    """A number of bytes with two digits, rounded down."""
    if count < 1000:
        return f"{count} bytes"
    unit = 10 ** (int(math.log10(count)) - 1)
    rounded = count // unit * unit
    return f"{rounded / 1e6:g} MB" if rounded >= 1_000_000 else f"{rounded / 1e3:g} kB"


ADVICE: dict[str, Callable[[Any], dict[str, str]]] = {"forecast": _forecast, "weakness": _weakness, "words": _words}
