"""Hiding so that any part of a picture gives back what it hides: a record in tiles (`tiles`)."""

from collections.abc import Callable, Sequence

import numpy as np

from stegnet.core.errors import CapacityError, KeyFileError
from stegnet.core.parallel import with_heartbeat
from stegnet.keys import Key, KeySource
from stegnet.methods.context import DEFAULT_CONTEXT, Context
from stegnet.methods.robust.fec import LOWEST
from stegnet.methods.robust.modem import Modem, Rung
from stegnet.methods.robust.record import Blocks, coded_bits, content_room, new_nonce
from stegnet.methods.robust.regions import hidden_area
from stegnet.methods.robust.survival import Promise, Survivor, best_rate
from stegnet.methods.robust.tiles import MAP, SALT, TILE, Place, map_dither, map_signs, read_tiled

_ATTEMPTS, _MARGIN = 4, 2  # _MARGIN: 64ths, between the rate that a simulation bears and the one that is used


def hide_tiled(
    modem: Modem,
    cover: np.ndarray,
    fit: Callable[[int], bytes],
    key_source: KeySource,
    promise: Promise,
    context: Context = DEFAULT_CONTEXT,
) -> Survivor:
    """As `hide_robust`; any part of the container gives the content back, down to the channel's share of its sides.

    Raises:
        CapacityError: the cover is too small, or the content does not fit, or does not come back.
        KeyFileError: it is no key file.
    """
    channel, rung = promise.channel, promise.rung
    if not isinstance(key_source, Key):
        hint = "use a key file, or +crop without a share: up to 8 pixels at each edge"
        trouble = "a passphrase opens no part of a picture: cropping removes what its salt is computed from"
        raise KeyFileError(trouble, hint)
    area, shape = hidden_area(cover), channel.grid(*cover.shape[:2]).shape
    row, col = (int.from_bytes(context.randomness(2), "big") % MAP for _ in range(2))
    place, blocks = Place(0, 0, row, col), Blocks((TILE, TILE), rung, key_source, SALT)
    rate = context.with_heartbeat("try", lambda: best_rate(modem, cover, promise, context.randomness)) - _MARGIN
    signs, dither = (place.part(each, shape) for each in (map_signs(key_source, rung), map_dither(key_source)))
    container = cover.copy(order="C")
    for _ in range(_ATTEMPTS):
        if rate < LOWEST or content_room(blocks.count, rung, rate) < 1:
            break
        content = fit(content_room(blocks.count, rung, rate))
        tile = coded_bits(blocks, rate, content, new_nonce(context.randomness)) * np.float32(2) - 1
        bits = place.part(tile, shape) * signs
        hidden_area(container)[:] = modem.hide(area, bits, dither, context.step("hide tiles"), rung.places)
        arriving = channel.parts(container, written=promise.written)
        if _come_back(modem, key_source, rung, content, arriving, context):
            return Survivor(container, rung, content_room(blocks.count, rung, rate))
        rate -= max(_MARGIN, rate // 4)
    raise CapacityError(
        f"nothing that is hidden in this cover survives {channel}", "take a larger cover, with more detail"
    )


def _come_back(
    modem: Modem, key: Key, rung: Rung, content: bytes, arriving: Sequence[np.ndarray], context: Context
) -> bool:
    for done, picture in enumerate(arriving):
        reading = with_heartbeat(
            lambda picture=picture: read_tiled(modem, key, picture, [rung]),
            lambda done=done: context.progress("check", done, len(arriving)),
        )
        if reading is None or not reading.content.startswith(content):
            return False
    return True
