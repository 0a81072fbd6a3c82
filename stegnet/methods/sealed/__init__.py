"""The method "sealed": any file, byte for byte, in the lowest bits of a picture or film; no network is used.

`cover` says what fits, `embed` hides, `extract` reveals what `collecting` collects. A film's frames get shares of equal
length, so that as few samples as possible change in any of them, and the file comes back although some are lost.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet import lazy_names
from stegnet.methods.method import RESIZE_HELP, SAFE_HELP, CoverSize, FileRoom, Fit, Method, PartRoom, option

if TYPE_CHECKING:
    from stegnet.keys import ContainerKeys, Key, KeySource
    from stegnet.methods.run import Run
    from stegnet.methods.sealed.extract import HiddenFile
    from stegnet.record import Container, Record
    from stegnet.results import OutputTarget, Report

__getattr__, __all__ = lazy_names(
    __name__,
    cover="DATA_NAME bytes_room empty_record_bytes",
    embed="embed_file embed_record hide_bytes",
    extract="HiddenFile describe_file extract_file hidden_file reveal_bytes",
)
_GOOD, _MOST = 40, 52  # dB; the forecast of films ends there


@dataclass(frozen=True)
class SealedOptions:
    """Options of the method "sealed"."""

    compress: bool = option(False, "compress a picture or film that does not fit otherwise")
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    verify: bool = option(True, "do not read the output back to verify it")


SEALED = "sealed"
DEFAULT = SealedOptions()


def _room(cover: CoverSize, name: str = "") -> FileRoom:
    """Room for a file of this name."""
    from stegnet.media.history import lossy_history
    from stegnet.methods.sealed.cover import sealed_room, secure_payload

    most = sealed_room(cover, name)
    if cover.file is None:
        return FileRoom(most)
    history = lossy_history(cover.file)
    if cover.frames > 1:
        return FileRoom(most, history=history)
    hard = 0 if history else secure_payload(cover.height * cover.width * cover.channels).hard
    return FileRoom(most, min(most, hard), history)


class Sealed(Method):
    """Any file, byte for byte."""

    name = SEALED
    summary = "any file, byte for byte"
    description = """\
The method "sealed" embeds SECRET in the lowest bits of COVER, encrypted: as it
is, or compressed.
"""
    options = SealedOptions
    albums = True

    def room(self, cover: CoverSize) -> list[Fit]:
        """Files as they are, and pictures or films that are compressed."""
        from stegnet.media import forecast

        found = _room(cover)
        room = found.bytes
        if not room:
            return []
        fits, how = [Fit("any file", self.name, room, found.hard)], f"{self.name}, compressed"
        if cover.frames == 1:
            decibels = round(forecast.picture_quality(room, cover.width, cover.height))
            return [*fits, Fit("a picture of its own size", how, psnr=decibels)]
        decibels = min(forecast.film_quality(room, cover.width, cover.height, cover.frames), _MOST)
        times = forecast.film_frames(room, cover.width, cover.height, _GOOD) / cover.frames
        longer = f"a film of its own size, {times:.1f} times as long"
        fits.append(Fit("a film of its own size and length", how, psnr=round(decibels)))
        return [*fits, Fit(longer, how, psnr=_GOOD)]

    def file_room(self, cover: CoverSize, name: str, options: object) -> FileRoom:
        return _room(cover, name)

    def hide(
        self,
        cover: Path,
        secret: Path,
        out: "OutputTarget",
        key_source: "KeySource",
        options: SealedOptions,
        run: "Run",
    ) -> "Report":
        from stegnet.methods.sealed.embed import embed_file

        return embed_file(cover, secret, out, key_source, options, run)

    def part_room(self, cover: Path, empty: int, key: "Key", options: SealedOptions) -> PartRoom:
        from stegnet.methods.sealed.embed import part_room

        return part_room(cover, empty, key, options)

    def hide_record(
        self,
        cover: Path,
        record: "Record",
        out: "OutputTarget",
        keys: "ContainerKeys",
        options: SealedOptions,
        run: "Run",
    ) -> "Report":
        from stegnet.methods.sealed.embed import embed_record

        return embed_record(cover, record, out, keys, options, run)

    def open(self, container: "Container", run: "Run") -> "HiddenFile | None":
        from stegnet.methods.sealed.extract import hidden_file

        return hidden_file(container, run)
