"""Pictures and films in which a pair hides others, and those that it reveals.

`stegnet.networks` runs the networks, and hides and reveals one frame with its record. A film is hidden and revealed
frame by frame, in constant memory. If every frame is where it was hidden, one pass reveals it. At the first frame that
is not, revealing starts again: it reads the records of all frames first, and then reveals the frames that are in order.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from stegnet import video
from stegnet.core.disk import atomic_write
from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.core.measures import psnr
from stegnet.core.names import FILM, PICTURE
from stegnet.core.parallel import parallel_map, prefetch
from stegnet.core.pixels import is_grey
from stegnet.core.text import LOSS, Aside, CommandLine, Setting, Text, prefixed
from stegnet.film.rewriting import RewrittenFilm, changed_meanwhile
from stegnet.hiding.method import (
    Context,
    FoundSecret,
    NewContainer,
    Written,
)
from stegnet.image.pictures import read_picture, refuse_palette
from stegnet.keys import FILM_ID_BYTES, ContainerKeys, KeyRing, KeySource
from stegnet.media.cover import Cover, about_secret
from stegnet.media.growth import time_in_words
from stegnet.networks.card import SHIPPED, weights_id
from stegnet.networks.frames import (
    FrameInput,
    check_frame_capacity,
    grey_refused,
    hide_frame,
    hide_picture,
    reveal_frame,
    reveal_read_picture,
)
from stegnet.networks.inference import Network
from stegnet.networks.secret_quality import SecretQuality, measure_secret, measured_quality, visibility_notes
from stegnet.pixels import write_picture
from stegnet.record import (
    Container,
    Diagnosis,
    FrameReading,
    Header,
    Pictures,
    Record,
    altered,
    describe_tracks,
    no_sound,
    parse_packets,
    plan_sound,
)
from stegnet.results import (
    Detectability,
    FilmFrame,
    OutputTarget,
    Report,
    shown_form,
    shown_history,
    write_film,
    write_revealed,
)
from stegnet.sealing import SEED_BYTES

if TYPE_CHECKING:
    from stegnet.methods.network import NetworkOptions
    from stegnet.video.film_writer import FilmWriter

R = TypeVar("R")
_NO_DAMAGE = Diagnosis(())


def chosen_network(context: Context) -> Network:
    """Return the pair of a context; errors are those of `Network.load`."""
    return context.network(Network.load, SHIPPED)


def _measured(
    quality: SecretQuality, network: Network, notes: tuple[str, ...], figures: dict[str, Any], hidden: int = 1
) -> Written:
    """Return the facts on a container whose secret has been revealed once to measure it."""
    unmasked = "what these weights hide is scrambled, not masked"
    notes = notes if network.period else (*notes, unmasked)
    return Written(None, notes, figures, quality.warnings(), quality.psnr(), hidden=hidden)


def new_picture(
    cover: Cover, secret: Cover, suffix: str, key: KeySource, options: "NetworkOptions", context: Context
) -> "NetworkPicture":
    """Return a container of a cover in which a secret picture is hidden.

    Raises CapacityError for a grey cover, and MediaError for one with a palette, or a file that can't be read.
    """
    refuse_palette(cover)
    pixels, profile = cover.picture
    if is_grey(pixels):
        raise grey_refused()
    network = chosen_network(context)
    hidden = read_picture(secret)
    history = cover.history
    pixels_a_second = 7.5e5  # at which a network hides in a picture and measures it
    context.foretell(Detectability(cover_format=history), time_in_words(pixels[..., 0].size, pixels_a_second))

    context = context.with_phases("hide tiles", "measure tiles", "write")
    container = hide_picture(network, pixels, hidden, key, context.randomness, context.progress_of("hide tiles"))
    figures = {"cover_format": history, "container_psnr": psnr(pixels, container)}
    del pixels  # large pictures take much memory
    cover.forget_pixels()
    quality = measured_quality(
        network, container, hidden, key, options.any_quality, context.progress_of("measure tiles")
    )
    return NetworkPicture(container, cover, profile, context, secret, suffix, network, quality, figures, key)


@dataclass
class NetworkPicture(NewContainer):
    """A picture in which another is hidden, and which was revealed from it to measure it."""

    method = "network"
    pixels: np.ndarray  # (H, W, 3) uint8
    cover: Cover
    profile: bytes | None
    context: Context
    secret: Cover
    suffix: str
    network: Network
    quality: SecretQuality
    figures: dict[str, Any]
    keys: KeySource

    def __post_init__(self) -> None:
        self.height, self.width = self.pixels.shape[:2]

    def write(self, part: Path, verify: bool) -> Written:
        """Write it, as the cover is written if it has the container's form."""

        def write() -> tuple[str, ...]:
            return write_picture(self.suffix, self.cover, self.profile, part, self.pixels)

        about_cover = self.context.with_heartbeat("write", write)
        visible = visibility_notes(self.figures["container_psnr"])
        notes = (*visible, *about_cover, *about_secret(self.secret))
        return _measured(self.quality, self.network, notes, self.figures)

    def is_in(self, found: FoundSecret) -> bool:
        """Return whether its record opens and no sample differs: the secret was revealed from these to measure it."""
        return isinstance(found, FoundPictures) and found.container.first.whole


class NetworkFilm(NewContainer):
    """A film in which another is hidden: frame by frame in order, with a share of its sound in each."""

    method = "network"
    last_phase = "verify"
    keys: ContainerKeys

    def __init__(
        self, cover: Cover, secret: Cover, suffix: str, key: KeySource, options: "NetworkOptions", context: Context
    ) -> None:
        if cover.film.grey:
            raise grey_refused()
        if secret.frames > cover.frames and options.longer == "refuse":
            hint = Text("use a longer cover, or hide as many as fit", Aside("longer", "cut"))
            raise CapacityError(f"the secret has {secret.frames} frames, the cover only {cover.frames}", hint)
        self.cover = cover
        self.height, self.width = cover.size
        self.frames = cover.frames
        self.secret = secret
        self.options = options
        self.network = chosen_network(context)
        phases = ("hide", "verify") if options.verify else ("hide",)
        self.context = context.with_phases(*phases)
        self._film = RewrittenFilm(cover, suffix, self.network.pool(*cover.size), self.context)
        info = secret.film
        network = self.network
        self.hidden = min(self.frames, secret.frames)
        self._sound = no_sound(secret, self.hidden)
        if options.sound and info.sound:  # up to the last hidden frame
            end = info.pts[self.hidden] * info.time_base if self.hidden < len(info.pts) else None
            self._sound = plan_sound(secret, self.hidden, end)
        self.keys = key.new_keys(context.randomness)
        size = info.width, info.height, self._sound.frames, info.time_base, info.mean_rate
        described = Pictures(*size, network.base, network.block, network.weights, self._sound.tracks, info.aspect)
        self.header = Header(context.randomness(FILM_ID_BYTES), FILM, self.frames, described)
        try:
            check_frame_capacity(self.height, self.width, self.header, self.keys.film, self._sound.most)
        except CapacityError as error:
            if not self._sound.most:
                raise
            raise error.with_hint(
                Text(error.hint, ", or leave the secret's sound out", Aside("sound", False))
            ) from error
        self.history = shown_history(cover, suffix)
        pixels_a_second = 3e6  # that are read, hidden in, written and read back
        time = time_in_words(self.frames * self.height * self.width, pixels_a_second)
        context.foretell(Detectability(cover_format=self.history), time)
        self._distances: list[float] = []
        self.quality = SecretQuality(self.hidden, secret.size, cover.size, options.any_quality)

    def inputs(self) -> Generator[FrameInput, None, None]:
        """Yield the input of each frame; the first ones hide a secret frame, its time stamp and a share of sound.

        Raises:
            MediaError: the secret can't be read, or has fewer frames than when it was scanned.
        """
        secrets = prefetch(_first(video.read_frames(self.secret), self.hidden))
        with closing(secrets), closing(self._sound.shares()) as shares:
            for index in range(self.frames):
                picture: np.ndarray | None = None
                record = Record(self.header, index)
                if index < self.hidden:
                    picture = next(secrets, None)
                    share = next(shares, None)
                    if picture is None or share is None:
                        raise changed_meanwhile()
                    record = Record(self.header, index, self.secret.film.pts[index], data=share)
                yield FrameInput(picture, record, self.context.randomness(SEED_BYTES))

    def hide(self, given: FrameInput, frame: np.ndarray) -> np.ndarray:
        """Hide a frame, and measure some."""
        compared_every = 25  # frames
        container = hide_frame(self.network, self.keys, frame, given)
        index = given.record.index
        if index % compared_every == 0:
            self._distances.append(psnr(frame, container))
        if index in self.quality.frames and given.secret is not None:
            ring = KeyRing(self.keys)
            self.quality.add(index, measure_secret(self.network, ring, container, given.secret, first=index == 0))
        return container

    def write(self, part: Path, verify: bool) -> Written:
        """Write the film, and measure its frames meanwhile."""
        not_copied = self._film.write(part, self.inputs(), self.hide)
        notes = (*self._about_films(), *not_copied, *visibility_notes(self.worst))
        figures = {"cover_format": self.history, "container_psnr": self.worst}
        return _measured(self.quality, self.network, notes, figures, self.hidden)

    def is_in(self, found: FoundSecret) -> bool:
        """Return whether all frames open, and no sample differs."""
        inspection = found.container.inspect(found.context.progress)
        return inspection.header == self.header and bool(inspection.damage["whole"])

    @property
    def worst(self) -> float:
        """PSNR in dB of the worst frame among those that were compared with their cover."""
        return min(self._distances)

    def _about_films(self) -> Iterator[str]:
        """Yield lines on the parts that are not hidden, and on the films' peculiarities."""
        cover = self.cover.film
        secret = self.secret.film
        hidden = self.hidden
        if hidden < len(secret.pts):
            yield Text(f"the secret was cut: {hidden} of its {len(secret.pts)} frames are hidden", kind=LOSS)
        if hidden < len(cover.pts):
            end = float((cover.pts[hidden] - cover.pts[0]) * cover.time_base)
            yield f"the hidden film ends at {end:.2f} s: {hidden} of the cover's {len(cover.pts)} frames hold it"
        if secret.sound and not self.options.sound:
            yield "the secret's sound is left out"
        if secret.more:
            yield Text(
                f"the secret's {' and '.join(secret.more)} are not hidden: ",
                Setting("method", "sealed"),
                " hides a file whole",
                kind=LOSS,
            )
        yield from (prefixed("cover: ", note) for note in cover.notes)
        yield from (prefixed("secret: ", note) for note in secret.notes)


def _first(frames: Generator[np.ndarray, None, None], count: int) -> Generator[np.ndarray, None, None]:
    with closing(frames):
        yield from islice(frames, count)


class FoundPictures(FoundSecret):
    """A picture, or a film with its sound."""

    method = "network"

    def __init__(self, container: Container, context: Context, header: Header) -> None:
        super().__init__(container, context)
        self.header = header
        self.kind = (
            FILM if container.kind == FILM else PICTURE
        )  # a frame of a film may have been saved as a picture, which `write` refuses

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        """Write it as `FoundSecret.write`; a film at its own size, with its own time stamps and sound.

        Raises:
            WeightsError: it was hidden with other weights.
        """
        if self.kind == FILM:
            return self._write_film(out, strict)
        (pixels,) = self.container.frames()
        progress = self.context.progress_of("reveal tiles")
        first = self.container.first
        network = chosen_network(self.context)
        network.check(self.header.pictures.weights)
        revealed = reveal_read_picture(network, pixels, self.container.key, first, progress)
        if strict and not revealed.whole:
            raise RevealError(
                f"{altered(PICTURE)}",
                Text("without ", Setting("strict", True), ", it is revealed"),
                subject=self.container.path,
            )
        report = write_revealed(out, revealed.picture)
        return report if revealed.whole else replace(report, trouble=(f"{altered(PICTURE)}, and is shown as it is",))

    def _write_film(self, out: OutputTarget, strict: bool) -> Report:
        container = self.container
        context = self.context
        record = self.container.first.record
        try:
            if record is None or record.index:
                raise _OutOfPlace
            film = _HiddenFilm(container, record.header, strict, context)
            return film.write(film.frames_in_place(), out)
        except _OutOfPlace:
            inspection = container.inspect(context.progress)
        if strict and inspection.header.kind == FILM:
            raise _altered(inspection.diagnosis)
        film = _HiddenFilm(container, inspection.header, strict, context, inspection.diagnosis)
        return film.write(film.frames_in_order(), out)

    def details(self) -> dict[str, Any]:
        """Return size, frames and sound of the secret, the weights that hid it, and the damage, if any."""
        inspection = self.container.inspect(self.context.progress)
        secret = inspection.header.pictures
        kind = inspection.header.kind
        found: dict[str, Any] = {"hidden": kind, "hidden_width": secret.width, "hidden_height": secret.height}
        if kind == FILM:
            found |= {
                "hidden_frames": secret.hidden,
                "hidden_frames_per_second": round(float(secret.rate), 3),
                "hidden_sound": describe_tracks(secret.tracks),
            }
        installed = secret.weights in {weights_id(path) for path in SHIPPED.parent.glob("*.safetensors")}
        found |= {"weights": secret.weights, "weights_installed": installed, "base": secret.base, "block": secret.block}
        shown = [position for position, index in inspection.diagnosis.order if index < secret.hidden]
        if kind == FILM and shown:
            first, last = (inspection.statuses[position].time * secret.time_base for position in (shown[0], shown[-1]))
            found |= {"hidden_from": round(float(first), 3), "hidden_to": round(float(last), 3)}
        return found | inspection.damage


class _OutOfPlace(Exception):
    """A frame is not where it was hidden."""


class _HiddenFilm:
    """A hidden film being revealed. `revealed` counts its frames so far; `diagnosis` is its damage."""

    def __init__(
        self, container: Container, header: Header, strict: bool, context: Context, diagnosis: Diagnosis = _NO_DAMAGE
    ) -> None:
        if header.kind != FILM:
            raise RevealError("what is hidden here is not a film", Text(CommandLine("stegnet info", "see what it is")))
        self.container = container
        self.header = header
        self.strict = strict
        self.context = context
        self.secret = header.pictures
        self.network = chosen_network(context)
        self.network.check(self.secret.weights)
        self.diagnosis = diagnosis
        self.revealed = 0

    def frames_in_place(self) -> Generator[FilmFrame, None, None]:
        """Reveal every frame, and note which were altered.

        Raises:
            _OutOfPlace: a frame is not where it was hidden, or the film breaks off.
        """
        altered = []
        count = 0

        def reveal(item: tuple[int, np.ndarray]) -> tuple[bool, FilmFrame]:
            index, frame = item
            reading = self.container.read(index, frame)
            record = reading.record
            if record is None or record.index != index or record.header != self.header:
                raise _OutOfPlace
            return reading.whole, self._frame(frame, reading)

        try:
            with closing(self._each(self.container.frames(), reveal)) as results:
                for count, (whole, frame) in enumerate(results, 1):
                    if not whole:
                        altered.append(count - 1)
                    yield frame
        except MediaError as error:
            raise _OutOfPlace from error
        if count != self.header.frames:
            raise _OutOfPlace
        self.diagnosis = Diagnosis((), altered=tuple(altered))
        if altered and self.strict:
            raise _altered(self.diagnosis)

    def frames_in_order(self) -> Generator[FilmFrame, None, None]:
        """Reveal, in order, the frames that the diagnosis accepts."""
        accepted = {position for position, _ in self.diagnosis.order}

        def reveal(numbered: tuple[int, np.ndarray]) -> FilmFrame | None:
            position, frame = numbered
            return self._frame(frame, self.container.read(position, frame)) if position in accepted else None

        with closing(self._each(self.container.readable_frames(), reveal)) as results:
            yield from (frame for frame in results if frame)

    def _each(
        self, frames: Generator[np.ndarray, None, None], reveal: Callable[[tuple[int, np.ndarray]], R]
    ) -> Generator[R, None, None]:
        """Yield the results of `reveal` for each position and frame, in order, from several threads.

        Closes `frames`.
        """
        pool = self.network.pool(self.container.height, self.container.width)
        read = prefetch(frames)
        with closing(read), closing(parallel_map(reveal, enumerate(read), pool.workers, pool.prepare)) as results:
            yield from results

    def _frame(self, frame: np.ndarray, reading: FrameReading) -> FilmFrame:
        record = reading.record
        secret = self.secret
        assert record is not None
        if record.index >= secret.hidden:
            return FilmFrame(None)
        picture = reveal_frame(self.network, self.container.key, frame, reading)
        packets = parse_packets(record.data, len(secret.tracks))
        return FilmFrame(picture, record.time * secret.time_base, packets)

    def write(self, frames: Generator[FilmFrame, None, None], out: OutputTarget) -> Report:
        """Write the frames. Raises RevealError if there is no picture among them."""
        secret = self.secret
        size = (0, 0)
        seed = self.container.key.revealed_film(self.header.film_id)

        def open_writer() -> "FilmWriter":
            nonlocal size
            writer = video.FilmWriter(
                part,
                secret.width,
                secret.height,
                secret.rate,
                form=shown_form(out.path, out.lossless),
                time_base=secret.time_base,
                sound=secret.tracks,
                aspect=None if secret.aspect == 1 else secret.aspect,
                randomness=lambda count: seed[:count],
            )
            size = writer.size
            return writer

        def counted() -> Generator[FilmFrame, None, None]:
            with closing(frames):
                for frame in frames:
                    self.revealed += frame.picture is not None
                    yield frame
            if not self.revealed:
                raise RevealError("no hidden frame is left", "; ".join(self.diagnosis.lines()))

        total = self.header.frames
        progress = self.context.progress
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            notes = write_film(part, open_writer, counted(), lambda done: progress("reveal", done, total))
        return Report(*size, self.revealed, self.revealed, notes, self.diagnosis.lines())


def _altered(diagnosis: Diagnosis) -> RevealError:
    lines = diagnosis.lines() or ("the file is damaged behind its last frame",)
    hint = Text("without ", Setting("strict", True), ", what is left of it is revealed")
    return RevealError(f"the container is not as it was hidden: {'; '.join(lines)}", hint)
