"""The method "auto": sealed as it is where it fits, else sealed and compressed, else by the network; in a JPEG, "jpeg".

An MP4 of H.264 stays what it is, too, where the secret fits into it as it is, by the method "h264".

Sealed bytes are encrypted, and at the same quality of the secret they leave a better container than the networks
(docs/evaluation.md). So the network is left with what can't be compressed into its cover.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stegnet.core.errors import CapacityError, MediaError, PackageError
from stegnet.core.kinds import FILM, JPEG_SUFFIXES, PICTURE
from stegnet.methods.h264 import ByLevels, H264Options
from stegnet.methods.jpeg import Jpeg, JpegOptions
from stegnet.methods.method import AUTO, RESIZE_HELP, SAFE_HELP, CoverSize, FileRoom, Method, PartRoom, option
from stegnet.methods.network import ByNetwork, NetworkOptions
from stegnet.methods.sealed import Sealed, SealedOptions

if TYPE_CHECKING:
    from stegnet.keys import ContainerKeys, Key, KeySource
    from stegnet.methods.run import Run
    from stegnet.record import Record
    from stegnet.results import OutputTarget, Report

_LEVELS = 64  # a film's own levels hold a smaller part of its bytes
_NETWORK = "method: network, since it can't be compressed into this cover"
_UNMASKED = "; what these weights hide is scrambled, not masked"


@dataclass(frozen=True)
class AutoOptions:
    """Options of the method "auto"."""

    longer: Literal["refuse", "cut"] = option("refuse", "refuse or cut a film with more frames than its cover")
    any_quality: bool = option(False, "hide a secret even if it comes back below 22 dB PSNR")
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

    def form(self, cover: Path, kind: str) -> str:
        """That of a JPEG for a JPEG: saved without loss, it would show what it was."""
        from stegnet.media.signature import is_jpeg

        return (Jpeg() if kind == PICTURE and is_jpeg(cover) else super()).form(cover, kind)

    def file_room(self, cover: CoverSize, name: str, options: AutoOptions) -> FileRoom:
        return Sealed().file_room(cover, name, options)

    def hide(
        self,
        cover: Path,
        secret: Path,
        out: "OutputTarget",
        key_source: "KeySource",
        options: AutoOptions,
        run: "Run",
    ) -> "Report":
        if _fits_levels(cover, secret, out.path.suffix, options):
            return ByLevels().hide(cover, secret, out, key_source, H264Options(options.verify), run)
        method, exact = _exactly(out.path.suffix, options)
        try:
            return method.hide(cover, secret, out, key_source, exact, run)
        except (CapacityError, PackageError):
            only_exactly = isinstance(method, Jpeg) or options.resize or options.at_most_safe
            if only_exactly or not _network_could(cover, secret):
                raise
        by_network = NetworkOptions(options.longer, any_quality=options.any_quality, verify=options.verify)
        report = ByNetwork().hide(cover, secret, out, key_source, by_network, run)
        from stegnet.methods.network import chosen_network

        note = _NETWORK + _UNMASKED * (not chosen_network(run).period)
        return replace(report, notes=(note, *report.notes))

    def part_room(self, cover: Path, empty: int, key: "Key", options: AutoOptions) -> PartRoom:
        method, exact = _exactly(self.form(cover, PICTURE), options)
        return method.part_room(cover, empty, key, exact)

    def hide_record(
        self,
        cover: Path,
        record: "Record",
        out: "OutputTarget",
        keys: "ContainerKeys",
        options: AutoOptions,
        run: "Run",
    ) -> "Report":
        method, exact = _exactly(out.path.suffix, options)
        return method.hide_record(cover, record, out, keys, exact, run)


def _exactly(suffix: str, options: AutoOptions) -> tuple[Method, SealedOptions | JpegOptions]:
    """The method that writes a picture of this suffix, byte for byte, and its options."""
    chosen = {"resize": options.resize, "at_most_safe": options.at_most_safe, "verify": options.verify}
    if suffix.lower() in JPEG_SUFFIXES:
        return Jpeg(), JpegOptions(**chosen)
    return Sealed(), SealedOptions(compress=True, **chosen)


def _fits_levels(cover: Path, secret: Path, suffix: str, options: AutoOptions) -> bool:
    """True if a secret fits into the H.264 of a film that stays what it is."""
    from stegnet.media.inputs import check_input, input_kind
    from stegnet.results import stored_name

    check_input(secret)
    if suffix.lower() != ".mp4" or options.resize or input_kind(cover) != FILM:
        return False
    size = secret.stat().st_size
    if size > cover.stat().st_size // _LEVELS:
        return False
    found = ByLevels().file_room(CoverSize(0, 0, 2, file=cover), stored_name(secret), H264Options())
    return size <= (found.hard if options.at_most_safe and found.hard is not None else found.bytes)


def _network_could(cover: Path, secret: Path) -> bool:
    """True for a picture in a picture, or a film in a film, in colour."""
    from stegnet.media.inputs import check_input, input_kind, is_grey_cover

    check_input(secret)
    try:
        return input_kind(cover) == input_kind(secret) and not is_grey_cover(cover)
    except MediaError:
        return False
