"""The method "network": a picture in a picture, or a film with its sound in a film, by neural networks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stegnet import networks
from stegnet.core.errors import CapacityError
from stegnet.core.measures import PSNR
from stegnet.core.names import FILM, counted
from stegnet.core.text import Setting, Text
from stegnet.hiding.method import (
    Context,
    CoverSize,
    Fit,
    Method,
    MethodInfo,
    MethodOptions,
    NewContainer,
    Payload,
    option,
)
from stegnet.keys import KeySource
from stegnet.media.cover import Cover, kind_of_secret
from stegnet.record import (
    Container,
    Pictures,
)

if TYPE_CHECKING:
    from stegnet.methods.network_containers import FoundPictures

NETWORK = "network"


@dataclass(frozen=True)
class NetworkOptions(MethodOptions):
    """Options of the method "network"."""

    sound: bool = option(True, "do not hide the secret film's sound")


class NetworkMethod(Method[NetworkOptions]):
    """A picture in a picture, or a film in a film."""

    info = MethodInfo(
        name=NETWORK,
        summary="a picture or film, by neural networks",
        description="""\
The method "network" hides a picture in a picture, or a film with its sound in
a film, by neural networks. A coarse copy and the sound are encrypted; the rest
is masked by a keystream (other weights may only scramble it). The secret is
revealed once to measure its quality, printed as PSNR: below 30 dB a warning
gives the reason, below 22 dB nothing is written without --any-quality.

  $ stegnet hide cover.mkv secret.mp4 --method network --key-file k -o sent.mkv
""",
        topic="networks",
        options=NetworkOptions,
        shared=("longer", "any_quality"),
        any_file=False,
        matched=True,
        computes=True,
        needs_pair=True,
    )

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """Return a picture or film of the cover's size, at the quality of the shipped pair.

        It is not marked as brief, since its quality is no better than a compressed copy's.
        """
        if cover.channels == 1 or not networks.hides_in(cover.height, cover.width):
            return []
        film = f"a film of its own size and up to {counted(cover.frames, 'frame')}"
        what = film if cover.kind == FILM else "a picture of its own size"
        figures = networks.read_card(networks.SHIPPED).figures
        return [Fit(what, self.info.name, psnr=round(figures[PSNR.of("secret")]), brief=False)]

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: NetworkOptions, context: Context
    ) -> NewContainer:
        """Hide as `Method.embed`.

        Raises CapacityError if the cover is grey, too small or of another kind, or the secret's quality too low.
        """
        from stegnet.methods import network_containers as containers  # with all that runs networks

        kind = kind_of_secret(payload.file)
        if cover.kind != kind:
            hint = Text(f"use a {kind} as the cover, or ", Setting("method", "sealed"), ", which hides any file")
            raise CapacityError(f"a {kind} can't be hidden in a {cover.kind}", hint)
        if cover.is_film:
            return containers.NetworkFilm(cover, payload.file, suffix, key, options, context)
        return containers.new_picture(cover, payload.file, suffix, key, options, context)

    def find(self, container: Container, context: Context) -> "FoundPictures | None":
        """Find a hidden picture or film, whose header names the pair that hid it."""
        header = container.header(context.progress)
        if header is None or not isinstance(header.secret, Pictures):
            return None
        from stegnet.methods.network_containers import FoundPictures

        return FoundPictures(container, context, header)
