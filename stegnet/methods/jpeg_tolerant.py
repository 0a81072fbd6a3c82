"""Containers for a channel that moves some coefficients: the record can be read nevertheless.

The cover is brought into the channel's form (`channel_cover`). The record is sealed as `stegnet.sealing.tolerant` does:
protected by error correction, in few places, at the same costs.
"""

from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from stegnet.core.errors import CapacityError, KeyFileError, MediaError
from stegnet.core.names import FILE
from stegnet.core.text import Text
from stegnet.image.jpeg_coefficients import read_jpeg
from stegnet.keys import ContainerKeys, Key, KeySource, Opener, Randomness
from stegnet.media.cover import Cover
from stegnet.methods.channel_cover import BY_MODEM, ChannelCover
from stegnet.methods.hiding import FoundFile
from stegnet.methods.jpeg_medium import JpegMedium
from stegnet.methods.method import Context
from stegnet.record import Container, Record, format_record
from stegnet.record.reading import FrameReading
from stegnet.record.record import parse_record
from stegnet.sealing.jpeg_samples import fixed_samples, with_samples
from stegnet.sealing.tolerant import (
    StepLimits,
    content_salts,
    count_stable,
    salted_keys,
    seal_tolerant,
    unseal_tolerant,
)
from stegnet.sealing.tolerant_rates import (
    MovedCoefficients,
    choose_rates,
    costs_by_width,
    moved_share,
    tolerant_capacity,
)


class NearlyThroughChannel(JpegMedium):
    """A JPEG for a channel that moves some coefficients, in which the record can be read nevertheless.

    Raises:
        KeyFileError: the key is for a recipient.
    """

    efficiency = 0.33
    promise = "the channel is not exact: what is hidden is protected, and at most about 3 in 1,000 do not arrive"

    def __init__(self, made: ChannelCover, source: KeySource) -> None:
        super().__init__(replace(made.cover, picture=made.sent))
        self._made = made
        self.opener = source
        self._keys = next(salted_keys(source, content_salts(made.sent)), None)
        if self._keys is None:
            problem = "for a recipient, nothing can be hidden that arrives through a channel that is not exact"
            raise KeyFileError(problem, Text("use a key file or passphrase"))
        self._moved = _moved_coefficients(made)

        self.transit = made.transit
        # Bytes of the largest record; negative if none fits, as too much moves.
        self.capacity = tolerant_capacity(count_stable(made.sent), self._moved)

    def record_capacity(self, key: Key) -> int:
        """Return the bytes of a record that fit and can be protected; negative if too much moves."""
        return min(super().record_capacity(key), self.capacity)

    def sealed(self, record: Record, keys: ContainerKeys, randomness: Randomness) -> np.ndarray:
        """Return the luma to send, as `JpegMedium.sealed`. Raises CapacityError if too much of them moves."""
        assert self._keys is not None
        sent = self._made.sent
        data = format_record(record, self._keys.key)
        limits = StepLimits(self._made.costs, fixed_samples(sent) | self._made.unusable)
        rates = choose_rates(count_stable(sent), len(data), self._moved, costs_by_width(sent, limits))
        if rates is None:
            hint = Text("use a smaller secret or a larger cover; or ", BY_MODEM)
            raise CapacityError("too much of what is sent moves on its way", hint)
        return with_samples(sent, seal_tolerant(sent, data, self._keys, rates, limits, randomness))[0]


def _moved_coefficients(made: ChannelCover) -> MovedCoefficients:
    """Return how many coefficients will move, as far as examples and the simulation tell, with a margin.

    Of mozjpeg's, .0003 to .0025 moved in ten pictures that had come through it, and less than this says.
    """
    least = 0.0015
    of_examples = 1.5 * (made.transit.known.moved or 0.0)
    of_cover = 0.001 + 1.2 * moved_share(made.sent, made.arrived)
    return MovedCoefficients(max(least, of_examples, of_cover))


class TolerantContainer(Container):
    """A JPEG in which a record can be read though some coefficients have moved."""

    _has_samples = False

    def __init__(self, file: Cover, key_source: Opener) -> None:
        super().__init__(file, key_source)
        jpeg = file.once("coefficients", read_jpeg)
        found = None if isinstance(key_source, ContainerKeys) else unseal_tolerant(jpeg, key_source)
        if found is not None:
            with suppress(ValueError):  # of an invalid record
                self.first = FrameReading(parse_record(found.record, found.key), True)

    def _decode(self) -> Generator[np.ndarray, None, None]:
        yield self.file.pixels


class TolerantFile(FoundFile):
    """A file that is revealed byte for byte, whatever happened to its container on the way."""

    tells_damage = False

    def details(self) -> dict[str, Any]:
        """Return name, size and digest."""
        damage = ("whole", "trouble")
        return {name: value for name, value in super().details().items() if name not in damage}


def found_tolerant_file(container: Container, context: Context, method: str) -> TolerantFile | None:
    """Find a file, as `Method.find`, in a JPEG of which some coefficients may have moved."""
    try:
        opened = TolerantContainer(container.file, container.key_source)
    except MediaError:
        return None
    header = opened.header(context.progress)
    return TolerantFile(opened, context, method, header) if header and header.kind == FILE else None
