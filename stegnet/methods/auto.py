"""The method "auto": asks the others, by their preference, whether they suit a cover and a secret.

Sealed bytes are encrypted, and at the same quality of the secret they leave a better container than the networks
(docs/evaluation.md). So networks are left with what can't be compressed into its cover.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.context import Context
from stegnet.methods.method import (
    AUTO,
    RESIZE_HELP,
    SAFE_HELP,
    Capacity,
    CoverSize,
    Fitness,
    Method,
    NewContainer,
    option,
)
from stegnet.methods.payload import Payload
from stegnet.methods.registry import METHODS


@dataclass(frozen=True)
class AutoOptions:
    """Options of the method "auto"."""

    longer: Literal["refuse", "cut"] = option("refuse", "refuse or cut a film with more frames than its cover")
    any_quality: bool = option(False, "hide a secret even if it is revealed below 22 dB PSNR")
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    verify: bool = option(True, "do not read the output back to verify it")


class Auto(Method):
    """The method that suits a secret; the report's first note says so if it is not sealed."""

    name = AUTO
    summary = "sealed, compressed if it does not fit otherwise; in a JPEG or MP4 that stays one, jpeg or h264"
    options = AutoOptions
    matched = True
    computes = True
    albums = True

    def form(self, cover: Cover) -> str:
        """That of a JPEG for a JPEG: saved without loss, it would show what it was."""
        return next(each.form(cover) for each in _preferred() if each.keeps(cover))

    def candidates(
        self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions
    ) -> Iterator[tuple[Method, Fitness]]:
        for each in _preferred():
            if fitness := each.suits(cover, payload, suffix, options):
                yield each, fitness

    def capacity(self, cover: CoverSize, name: str, options: AutoOptions) -> Capacity | None:
        """That of the method that is asked last of those that hide any file: what it refuses is compressed."""
        *_, last = (each for each in _preferred() if each.any_file)
        return last.capacity(cover, name, options)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: AutoOptions, context: Context
    ) -> NewContainer:
        """Not called: its candidates are other methods."""
        raise NotImplementedError

    def for_album(self, cover: Cover, options: AutoOptions) -> tuple[Method, Any]:
        method = next(each for each in _preferred() if each.albums and each.keeps(cover))
        return method, method.options_of(options)


def _preferred() -> list[Method]:
    """The methods that are asked, the most preferred first."""
    return sorted((each for each in METHODS.values() if each.preference), key=lambda each: -each.preference)
