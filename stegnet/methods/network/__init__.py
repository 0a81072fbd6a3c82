"""The method "network": a picture in a picture, or a film with its sound in a film, by neural networks.

`network` runs a pair on 8-bit pictures, `frame` hides and reveals one frame with its record; `picture` and `film` hide,
`reveal` brings back; `quality` measures what comes back. Its networks run in `stegnet.networks`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stegnet import lazy_names
from stegnet.methods.method import CoverSize, Fit, Method, option

if TYPE_CHECKING:
    from stegnet.keys import KeySource
    from stegnet.methods.network.reveal import HiddenPictures
    from stegnet.methods.run import Run
    from stegnet.record import Container
    from stegnet.results import OutputTarget, Report

__getattr__, __all__ = lazy_names(
    __name__,
    film="hide_film",
    frame="FrameInput check_cover hide_frame reveal_frame",
    network="HideResult Network chosen_network network_for run_of",
    picture="Revealed hide_picture reveal_picture",
    quality="measured_quality",
    reveal="reveal_film",
)


@dataclass(frozen=True)
class NetworkOptions:
    """Options of the method "network"."""

    longer: Literal["refuse", "cut"] = option("refuse", "refuse or cut a film with more frames than its cover")
    sound: bool = option(True, "do not hide the secret film's sound")
    any_quality: bool = option(False, "hide a secret even if it comes back below 22 dB PSNR")
    verify: bool = option(True, "do not read the output back to verify it")


NETWORK = "network"
DEFAULT = NetworkOptions()


class ByNetwork(Method):
    """A picture in a picture, or a film in a film."""

    name = NETWORK
    summary = "a picture or film, by neural networks"
    description = """\
The method "network" hides a picture in a picture, or a film with its sound in a
film, by neural networks: a coarse copy and the sound are encrypted, the rest is
masked by a keystream (other weights may only scramble it). It reveals the
secret once to measure its quality, which is printed as PSNR. Below 30 dB a
warning gives the reason; below 22 dB nothing is written, unless any quality is
accepted.
"""
    options = NetworkOptions
    any_file = False
    matched = True
    computes = True

    def load(self, run: "Run") -> None:
        from stegnet.methods.network.network import chosen_network

        chosen_network(run)

    def room(self, cover: CoverSize) -> list[Fit]:
        """A picture or film of its own size, at the quality of the shipped pair; it is no better than compressed."""
        from stegnet.methods.network.frame import hides_in
        from stegnet.methods.network.network import shipped_quality

        if not hides_in(cover):
            return []
        film = f"a film of its own size and up to {cover.frames} frames"
        what = film if cover.frames > 1 else "a picture of its own size"
        return [Fit(what, self.name, psnr=round(shipped_quality()), brief=False)]

    def hide(
        self,
        cover: Path,
        secret: Path,
        out: "OutputTarget",
        key_source: "KeySource",
        options: NetworkOptions,
        run: "Run",
    ) -> "Report":
        from stegnet.methods.network.film import hide_pictures

        return hide_pictures(cover, secret, out, key_source, options, run)

    def open(self, container: "Container", run: "Run") -> "HiddenPictures | None":
        from stegnet.methods.network.reveal import hidden_pictures

        return hidden_pictures(container, run)
