"""The method "auto": sealed as it is where it fits, else sealed and compressed, else by the network.

Sealed bytes are encrypted, and at the same quality of the secret they leave a better container than the networks
(docs/evaluation.md). So the network is left with what can't be compressed into its cover.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stegnet.core.errors import CapacityError, MediaError, PackageError
from stegnet.methods.method import AUTO, RESIZE_HELP, SAFE_HELP, CoverSize, Method, option
from stegnet.methods.network import ByNetwork, NetworkOptions
from stegnet.methods.sealed import Sealed, SealedOptions

if TYPE_CHECKING:
    from stegnet.keys import KeySource
    from stegnet.methods.run import Run
    from stegnet.results import OutputTarget, Report

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
    summary = "sealed, compressed if it does not fit otherwise"
    options = AutoOptions
    matched = True
    computes = True

    def file_room(self, cover: CoverSize, name: str, options: AutoOptions) -> int | None:
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
        try:
            chosen = {"resize": options.resize, "at_most_safe": options.at_most_safe, "verify": options.verify}
            sealed = SealedOptions(compress=True, **chosen)
            return Sealed().hide(cover, secret, out, key_source, sealed, run)
        except (CapacityError, PackageError):
            if options.resize or options.at_most_safe or not _network_could(cover, secret):
                raise
        by_network = NetworkOptions(options.longer, any_quality=options.any_quality, verify=options.verify)
        report = ByNetwork().hide(cover, secret, out, key_source, by_network, run)
        from stegnet.methods.network import chosen_network

        note = _NETWORK + _UNMASKED * (not chosen_network(run).period)
        return replace(report, notes=(note, *report.notes))


def _network_could(cover: Path, secret: Path) -> bool:
    """True for a picture in a picture, or a film in a film, in colour."""
    from stegnet.media.inputs import check_input, input_kind, is_grey_cover

    check_input(secret)
    try:
        return input_kind(cover) == input_kind(secret) and not is_grey_cover(cover)
    except MediaError:
        return False
