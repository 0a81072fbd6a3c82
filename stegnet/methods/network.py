"""The method "network": a picture in a picture, or a film with its sound in a film, by neural networks.

`stegnet.networks` runs them, and hides and reveals one frame with its record; `network_reveal` reveals.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np

from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.kinds import FILM
from stegnet.core.measures import PSNR, psnr
from stegnet.core.parallel import prefetch
from stegnet.core.samples import is_grey
from stegnet.image.pictures import read_picture, refuse_palette
from stegnet.keys import FILM_ID_BYTES, KeyRing, KeySource
from stegnet.media.cover import Cover, about_cover, about_secret, kind_of_secret
from stegnet.methods.method import Context, CoverSize, Fit, Fitness, Method, NewContainer, Payload, option
from stegnet.methods.network_reveal import NETWORK, FoundPictures, chosen_network, found_pictures
from stegnet.methods.writing import NewFilm, NewPicture, changed
from stegnet.networks.card import SHIPPED, read_card
from stegnet.networks.frame import FrameInput, check_cover, grey_refused, hide_frame, hide_picture, hides_in
from stegnet.networks.network import Network
from stegnet.networks.quality import SecretQuality, measure_secret, measured_quality, visibility_notes
from stegnet.record import Container, Header, Pictures, Record, Sound, no_sound, plan_sound
from stegnet.sealing import SEED_BYTES
from stegnet.video.films import read_frames

_COMPARED = 25  # each frame with an index that is a multiple of this is compared with its cover
_CHOSEN = "method: network, since it can't be compressed into this cover"
_UNMASKED = "what these weights hide is scrambled, not masked"


@dataclass(frozen=True)
class NetworkOptions:
    """Options of the method "network"."""

    longer: Literal["refuse", "cut"] = option("refuse", "refuse or cut a film with more frames than its cover")
    sound: bool = option(True, "do not hide the secret film's sound")
    any_quality: bool = option(False, "hide a secret even if it is revealed below 22 dB PSNR")
    verify: bool = option(True, "do not read the output back to verify it")


class NetworkMethod(Method):
    """A picture in a picture, or a film in a film."""

    name = NETWORK
    summary = "a picture or film, by neural networks"
    description = """\
The method "network" hides a picture in a picture, or a film with its sound in
a film, by neural networks. A coarse copy and the sound are encrypted; the rest
is masked by a keystream (other weights may only scramble it). The secret is
revealed once to measure its quality, printed as PSNR: below 30 dB a warning
gives the reason, below 22 dB nothing is written without --any-quality.

  $ stegnet hide cover.mkv secret.mp4 --method network --key-file k -o sent.mkv
"""
    topic = "networks"
    options = NetworkOptions
    any_file = False
    matched = True
    computes = True
    preference = 1

    def load(self, context: Context) -> None:
        chosen_network(context)

    def forecast(self, cover: CoverSize) -> list[Fit]:
        """A picture or film of its own size, at the quality of the shipped pair; it is no better than compressed."""
        if cover.channels == 1 or not hides_in(cover.height, cover.width):
            return []
        film = f"a film of its own size and up to {cover.frames} frames"
        what = film if cover.frames > 1 else "a picture of its own size"
        return [Fit(what, self.name, psnr=round(read_card(SHIPPED).figures[PSNR.of("secret")]), brief=False)]

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: object) -> Fitness | None:
        """Suits a picture in a picture, or a film in a film, in colour, of which nothing more is asked."""
        if suffix not in self.forms[cover.kind] or options.resize or options.at_most_safe:
            return None
        try:
            if cover.kind != payload.kind or cover.channels == 1:
                return None
        except MediaError:
            return None
        return Fitness(self.options_of(options), _CHOSEN)

    def check(self, cover: Cover, payload: Payload, options: NetworkOptions) -> None:
        kind = kind_of_secret(payload.file)
        if cover.kind != kind:
            hint = f'use a {kind} as the cover, or `method="sealed"`, which hides any file'
            raise CapacityError(f"a {kind} can't be hidden in a {cover.kind}", hint)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: NetworkOptions, context: Context
    ) -> NewContainer:
        """As `Method.embed`.

        Raises:
            CapacityError: the cover is grey, too small or too short, or the secret would be revealed at too low a
                quality.
        """
        if cover.is_film:
            return _NewFilm(cover, payload.file, suffix, key, options, context)
        return _NewPicture(cover, payload.file, key, options, context)

    def find(self, container: Container, context: Context) -> FoundPictures | None:
        return found_pictures(container, context)


class _Measured(NewContainer):
    """A container whose secret was revealed once."""

    cover: Cover
    quality: SecretQuality
    worst: float  # PSNR in dB, of the worst of the frames that were compared with their cover

    def warnings(self) -> tuple[str, ...]:
        return self.quality.warnings()

    def secret_psnr(self) -> float:
        return self.quality.psnr()

    def figures(self) -> dict[str, Any]:
        return {"cover_format": self.cover.history, "container_psnr": self.worst}


class _NewPicture(_Measured, NewPicture):
    """A picture in which another one is hidden."""

    def __init__(self, cover: Cover, secret: Cover, key: KeySource, options: NetworkOptions, context: Context) -> None:
        refuse_palette(cover)
        pixels, profile = cover.picture
        if is_grey(pixels):
            raise grey_refused()
        self.cover, self.secret, self.network = cover, secret, chosen_network(context)
        hidden = read_picture(secret)
        context.warn_about_cover(cover.history)
        context = context.in_steps("hide tiles", "measure tiles", "write")
        step = context.step
        network = self.network
        container = hide_picture(network, pixels, hidden, key, context.randomness, step("hide tiles"))
        self.worst = psnr(pixels, container)
        del pixels  # large pictures take much memory
        cover.forget_pixels()
        any_quality = options.any_quality
        self.quality = measured_quality(network, container, hidden, key, any_quality, step("measure tiles"))
        super().__init__(container, profile, context)

    def notes(self) -> tuple[str, ...]:
        lines = (*visibility_notes(self.worst), *about_cover(self.cover), *about_secret(self.secret))
        return (*lines, *unmasked_notes(self.network))


class _NewFilm(_Measured, NewFilm):
    """A film in which another one is hidden: a secret frame in each cover frame by index, and its sound with them."""

    def __init__(
        self, cover: Cover, secret: Cover, suffix: str, key: KeySource, options: NetworkOptions, context: Context
    ) -> None:
        if cover.film.grey:
            raise grey_refused()
        self.secret, self.options, self.network = secret, options, chosen_network(context)
        steps = ("hide", "verify") if options.verify else ("hide",)
        super().__init__(cover, suffix, self.network.pool(*cover.size), context.in_steps(*steps))
        self.hidden = self._frames_to_hide()
        self._sound = self._planned_sound()
        self._keys = key.new_keys(context.randomness)
        self.header = self._header(context.randomness(FILM_ID_BYTES))
        self._check_capacity()
        context.warn_about_cover(cover.history)
        self._distances: list[float] = []
        self.quality = SecretQuality(self.hidden, secret.size, cover.size, options.any_quality)

    def inputs(self) -> Generator[FrameInput, None, None]:
        """The input of each frame: the first hide a secret frame, its stamp and a share of sound.

        Raises:
            MediaError: the secret can't be read, or has fewer frames than when it was scanned.
        """
        secrets = prefetch(_first(read_frames(self.secret), self.hidden))
        with closing(secrets), closing(self._sound.shares()) as shares:
            for index in range(self.frames):
                picture, record = None, Record(self.header, index)
                if index < self.hidden:
                    picture, share = next(secrets, secrets), next(shares, None)
                    if picture is secrets or share is None:
                        raise changed()
                    record = Record(self.header, index, self.secret.film.pts[index], data=share)
                yield FrameInput(picture, record, self.context.randomness(SEED_BYTES))

    def hide(self, given: FrameInput, frame: np.ndarray) -> np.ndarray:
        """Hides a frame, and measures some."""
        container = hide_frame(self.network, self._keys, frame, given)
        index = given.record.index
        if index % _COMPARED == 0:
            self._distances.append(psnr(frame, container))
        if index in self.quality.frames:
            ring = KeyRing.of(self._keys)
            self.quality.add(index, measure_secret(self.network, ring, container, given.secret, first=index == 0))
        return container

    def notes(self) -> tuple[str, ...]:
        return (
            *self._about_films(),
            *(f"cover: {note}" for note in self.not_copied),
            *visibility_notes(self.worst),
            *unmasked_notes(self.network),
        )

    @property
    def worst(self) -> float:
        """PSNR in dB of the worst of the frames that were compared with their cover."""
        return min(self._distances)

    def _frames_to_hide(self) -> int:
        """Number of frames that will be hidden.

        Raises:
            CapacityError: the secret is longer than its cover, and must not be cut.
        """
        wanted = self.secret.frames
        if wanted > self.frames and self.options.longer == "refuse":
            hint = 'use a longer cover, or hide as many as there is room for (`longer="cut"`)'
            raise CapacityError(f"the secret has {wanted} frames, the cover only {self.frames}", hint)
        return min(self.frames, wanted)

    def _planned_sound(self) -> Sound:
        """The secret's sound up to its last hidden frame; none, if none is wanted."""
        info = self.secret.film
        if not self.options.sound or not info.sound:
            return no_sound(self.secret, self.hidden)
        end = info.pts[self.hidden] * info.time_base if self.hidden < len(info.pts) else None
        return plan_sound(self.secret, self.hidden, end)

    def _header(self, film_id: bytes) -> Header:
        """The header of all records."""
        info, network = self.secret.film, self.network
        size = info.width, info.height, self._sound.frames, info.time_base, info.rate
        described = Pictures(*size, network.base, network.block, network.weights, self._sound.tracks)
        return Header(film_id, FILM, self.frames, described)

    def _check_capacity(self) -> None:
        try:
            check_cover(self.height, self.width, self.header, self._keys.film, self._sound.most)
        except CapacityError as error:
            if not self._sound.most:
                raise
            raise CapacityError(str(error), f"{error.hint}, or leave the secret's sound out (`sound=False`)") from error

    def _about_films(self) -> Iterator[str]:
        """Lines on what is not hidden, and on what was found in the films."""
        cover, secret, hidden = self.cover.film, self.secret.film, self.hidden
        if hidden < len(secret.pts):
            yield f"the secret was cut: {hidden} of its {len(secret.pts)} frames are hidden"
        if hidden < len(cover.pts):
            end = float((cover.pts[hidden] - cover.pts[0]) * cover.time_base)
            yield f"the hidden film ends at {end:.2f} s: {hidden} of the cover's {len(cover.pts)} frames hold it"
        if secret.sound and not self.options.sound:
            yield "the secret's sound is left out"
        if secret.more:
            yield f'the secret\'s {" and ".join(secret.more)} are not hidden: `method="sealed"` hides a file whole'
        yield from (f"cover: {note}" for note in cover.notes)
        yield from (f"secret: {note}" for note in secret.notes)


def unmasked_notes(network: Network) -> tuple[str, ...]:
    """A note on weights that mask nothing; else none."""
    return () if network.period else (_UNMASKED,)


def _first(frames: Generator[np.ndarray, None, None], count: int) -> Generator[np.ndarray, None, None]:
    with closing(frames):
        yield from islice(frames, count)
