"""The method "jpeg": any file, byte for byte, in the quantised coefficients of a JPEG, which stays the JPEG it was.

Samples are the luma coefficients (`stegnet.sealing.jpeg_carriers`). A cover that is not a JPEG is made one
(`stegnet.media.jpeg_cover`). `jpeg_channel` plans a container for a channel that the sender can run.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from stegnet import channels
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.names import FILM, FORMS, JPEG_SUFFIXES, PICTURE, USUAL_NAME
from stegnet.core.text import Setting, Text
from stegnet.image.jpeg_coefficients import read_jpeg
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeySource
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import JpegCover, jpeg_cover
from stegnet.methods.channel_cover import ChannelCover, channel_cover
from stegnet.methods.hiding import found_file_by, write_jpeg
from stegnet.methods.jpeg_channel import ChannelPlan, ThroughChannel
from stegnet.methods.jpeg_tolerant import NearlyThroughChannel, found_tolerant_file
from stegnet.methods.method import (
    EXACT_HELP,
    RESIZE_HELP,
    SAFE_HELP,
    VERIFY_HELP,
    AlbumMethod,
    AutoOptions,
    Capacity,
    Carrier,
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    HiddenFile,
    MethodChoice,
    MethodInfo,
    NewContainer,
    NotFound,
    Payload,
    Written,
    choice_of,
    option,
)
from stegnet.methods.registry import METHODS
from stegnet.record import Container, Record, empty_record_bytes
from stegnet.results import NONE_HARD, SecurePayload
from stegnet.sealing import most_fixed, record_capacity
from stegnet.sealing.jpeg_carriers import CARRIED, COEFFICIENTS, fixed_samples, medium_of, samples_of

JPEG = "jpeg"
USUAL_QUALITY = 95  # of JPEGs that are made of other covers


@dataclass(frozen=True)
class RateSettings:
    """Rates of payloads in a JPEG, in bits per nonzero luma coefficient without the first of each block."""

    most_rate: float = 1.0  # of a record
    # of a record, per free coefficient and times the square of their share: more might leave no way around the others
    most_beside: float = 0.7
    rate: float = 0.025  # that is hard to find, at this mean quantisation step
    step: float = 29.0
    highest_rate: float = 0.1  # that is hard to find, at any step and with side information
    measured: int = 17_000  # nonzero coefficients of the covers in the measurements


RATES = RateSettings()


@dataclass(frozen=True)
class JpegOptions:
    """Options of the method "jpeg"."""

    quality: int | None = option(
        None, "JPEG quality for covers that are not JPEGs, 50 to 98 (default: 95)", "Q", (50, 98)
    )
    compress: bool = option(True, EXACT_HELP)
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    channel_file: tuple[Path] | None = option(
        None, "file of a channel, as `stegnet channel` makes it: what arrives there is the container", ("FILE",)
    )
    channel: str | None = option(
        None,
        "command that does what OUT goes through, such as 'convert {in} -quality 72 {out}': what arrives is the "
        "container. It is run several times, on near copies of COVER",
        "COMMAND",
    )
    channel_from: tuple[Path, Path] | None = option(
        None, "the same, learned from a picture that was sent and what arrived", ("SENT", "RECEIVED")
    )
    verify: bool = option(True, VERIFY_HELP)

    @property
    def names_channel(self) -> bool:
        """True if the container is for a channel: a known one, or one that a command or a pair of files shows."""
        return any(given is not None for given in (self.channel_file, self.channel, self.channel_from))


class JpegMethod(AlbumMethod[JpegOptions]):
    """Any file, byte for byte, in a JPEG that stays one."""

    info = MethodInfo(
        name=JPEG,
        summary="any file, byte for byte, in a JPEG, which stays the JPEG it was",
        description="""\
The method "jpeg", used where OUT is a JPEG, hides any file in its coefficients,
encrypted. A cover that is a JPEG keeps its metadata, tables and all other
bytes, and nearly its size; any other cover is saved as JPEG first. Send OUT as
a file: apps that save pictures again lose its secret, unless it was hidden for
that app, as learned by `stegnet channel` (--for NAME.channel), or for a command
that does the same. For apps of which nothing is known: --for messenger.

  $ stegnet hide photo.jpg letter.pdf --key-file k -o sent.jpg
  $ stegnet hide photo.jpg note.txt --for app.channel --key-file k -o sent.jpg
""",
        forms=MappingProxyType({PICTURE: JPEG_SUFFIXES, FILM: FORMS[FILM]}),
        covers=(PICTURE,),
        options=JpegOptions,
        implied=True,
        albums=True,
        keeps="JPEG",
        preference=3,
    )

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """Return files hidden unchanged, if the cover is a JPEG."""
        rare = cover.cover.rare_jpeg if cover.cover else ""
        why_not = [Fit("", self.info.name, why_not=f"its own JPEG can't be used: {rare}")] if rare else []
        try:
            found = self.capacity(cover, USUAL_NAME, JpegOptions())
        except MediaError:
            return why_not
        if not found.bytes:
            return why_not
        where = "a JPEG made anew" if rare else "the JPEG itself"
        return [*why_not, Fit(f"any file, in {where}", self.info.name, found.bytes, found.hard)]

    def capacity(self, cover: CoverSize, name: str, options: JpegOptions) -> Capacity:
        """Return the capacity for a file of this name, of any picture through a channel, or of a JPEG; else 0 bytes."""
        if cover.cover is None:
            return Capacity(0)
        if options.names_channel:
            carrier = _JpegCarrier(cover.cover, ANY_KEY, options)
            return Capacity.of(carrier.capacity(name), carrier.hard_bytes)
        if not cover.cover.is_jpeg:
            return Capacity(0)
        made = jpeg_cover(cover.cover, USUAL_QUALITY)
        most = _record_capacity(made, ANY_KEY) - empty_record_bytes(name, ANY_KEY)
        return Capacity.of(most, _hard_bytes(made), made.history)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions) -> MethodChoice | None:
        """Return a choice for any container that is written as a JPEG."""
        return choice_of(self, options) if suffix in JPEG_SUFFIXES else None

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: JpegOptions, context: Context
    ) -> NewContainer:
        """Hide a file in the coefficients of a JPEG, which is made of the cover if that isn't one.

        For a channel through which too much moves, it is hidden by the method "robust", which `choice` says.
        """
        keys = key.new_keys(context.randomness)
        carrier = _JpegCarrier(cover, keys.film, options, key)
        if isinstance(carrier.plan, NearlyThroughChannel) and carrier.plan.capacity < 0:
            choice = _modem_choice(carrier.plan.transit, cover, options)
            made = choice.method.embed(cover, payload, suffix, key, choice.options, context)
            made.choice = choice
            return made
        context = context.in_steps("compress", "hide", "write")
        fitted = payload.fit(carrier, context)
        return _seal_jpeg(carrier, fitted.record(context.randomness), keys, context, fitted)

    def part_capacity(self, cover: Cover, empty: int, key: Key, options: JpegOptions) -> Capacity:
        """Return the bytes that fit beside an empty record into the luma coefficients of the JPEG."""
        carrier = _JpegCarrier(cover, key, options)
        return Capacity(carrier.space_beside(empty), carrier.hard_bytes)

    def embed_record(
        self, cover: Cover, record: Record, keys: ContainerKeys, options: JpegOptions, context: Context
    ) -> NewContainer:
        """Hide a record in the JPEG's coefficients, as `AlbumMethod.embed_record` does."""
        return _seal_jpeg(_JpegCarrier(cover, keys.film, options), record, keys, context)

    def find(self, container: Container, context: Context) -> FoundSecret | NotFound:
        """Find the file in the coefficients of a JPEG that is supported."""
        if container.first.record is not None or not container.file.is_jpeg:
            return NotFound()
        found = found_file_by(_JpegContainer, container, context, self.info.name)
        if isinstance(found, FoundSecret):
            return found
        return found_tolerant_file(container, context, self.info.name)


class _JpegCarrier(Carrier):
    """A JPEG that a file is hidden in, with the container's film key."""

    larger = "use a larger JPEG, one with more detail, or an album of several (`stegnet hide --spread`)"

    def __init__(self, cover: Cover, key: Key, options: JpegOptions, source: KeySource | None = None) -> None:
        quality = USUAL_QUALITY if options.quality is None else options.quality

        transit = channels.transit_of(options.channel_file, options.channel, options.channel_from, cover)
        self.plan: ChannelPlan
        if transit is None:
            self.plan = ChannelPlan(_own_cover(cover, quality, options))
        elif transit.known.exact:
            self.plan = ThroughChannel(_cover_for(transit, cover, options))
        else:
            self.plan = NearlyThroughChannel(_cover_for(transit, cover, options), key if source is None else source)
        self.key = key
        self.at_most_safe = options.at_most_safe

    def space_beside(self, empty: int) -> int:
        """Return the bytes of a file that fit besides its empty record; negative if the record itself does not fit."""
        most = _record_capacity(self.plan.carrier, self.key)
        if isinstance(self.plan, NearlyThroughChannel):
            most = min(most, self.plan.capacity)
        return most - empty

    @property
    def hard_bytes(self) -> int:
        """Bound of the bytes that are hard to find; negative: not even an empty file is."""
        return _hard_bytes(self.plan.carrier, self.plan.efficiency)

    def capacity(self, name: str) -> int:
        most = self.space_beside(empty_record_bytes(name, self.key))
        return min(most, self.hard_bytes) if self.at_most_safe else most


def _modem_choice(transit: "channels.Transit", cover: Cover, options: JpegOptions) -> MethodChoice:
    """Return the method "robust" for a named channel that is about as coarse as a known one through which much moves.

    Raises CapacityError if only what is hard to find may be hidden.
    """
    problem = "too much moves of a JPEG that the channel saved before and saves again"
    if options.at_most_safe:
        setting = Setting("at_most_safe", True)
        raise CapacityError(problem, Text("leave ", setting, " out: what survives the channel is easier to find"))
    height, width = cover.size
    known = transit.known
    factor = known.limit.kept_size(height, width)[0] / height
    least_factor = 0.25  # of a named channel
    if factor < least_factor:
        problem = f"{problem}, and the channel reduces the cover to less than a quarter"
        raise CapacityError(problem, "use a smaller copy of the cover", cover)
    name = f"jpeg:{known.form.nearest_quality}" + (f"+resize:{factor:.2f}" if factor < 1 else "")
    method = METHODS["robust"]
    robust_options = method.info.options(survive=name, compress=options.compress, verify=options.verify)
    warning = f"{problem}: hidden by the method robust for {name}, which detectors find sooner"
    return MethodChoice(method, robust_options, warning=warning)


def _own_cover(cover: Cover, quality: int, options: JpegOptions) -> JpegCover:
    """Return the JPEG that a cover is, or is made, where the container arrives as it is sent."""
    made = jpeg_cover(cover, quality, options.resize)
    if options.quality is None or made.errors is not None:
        return made
    unused = " has no effect: the cover is a JPEG, which keeps its own"
    return replace(made, notes=(Text(Setting("quality", "Q", quoted=False), unused), *made.notes))


def _cover_for(transit: "channels.Transit", cover: Cover, options: JpegOptions) -> ChannelCover:
    """Return the cover in the form of a channel."""
    made = channel_cover(cover, transit, options.resize)
    if options.quality is None:
        return made
    unused = Text(Setting("quality", "Q", quoted=False), " has no effect: the channel has its own")
    return replace(made, carrier=replace(made.carrier, notes=(unused, *made.carrier.notes)))


def _seal_jpeg(
    carrier: _JpegCarrier, record: Record, keys: ContainerKeys, context: Context, fitted: HiddenFile | None = None
) -> "_SealedJpeg":
    """Return a JPEG with a file, or a record of an album's file, sealed in it."""
    plan = carrier.plan
    context.warn_about_cover(plan.cover.history)
    planes = context.with_heartbeat("hide", lambda: plan.planes(record, keys, context.randomness))
    return _SealedJpeg(plan, planes, record, context, fitted)


@dataclass
class _SealedJpeg(NewContainer):
    plan: ChannelPlan
    planes: list[np.ndarray]  # coefficients of the JPEG that is sent
    record: Record
    context: Context
    fitted: HiddenFile | None  # None: the record is a part of an album's file

    def write(self, part: Path, verify: bool) -> Written:
        plan = self.plan
        changes = self.context.with_heartbeat(
            "write", lambda: write_jpeg(part, plan.cover, self.planes, verify, plan.check)
        )
        self.height, self.width = plan.cover.shown.shape[:2]  # decoded only now, since pixels take 3 bytes each

        about_cover = plan.cover.notes
        if plan.arrives_otherwise:
            only_the_copy = "only the copy that arrives is whole: this file is revealed as altered, or not at all"
            about_cover = (*about_cover, only_the_copy)
        if plan.promise:
            about_cover = (*about_cover, plan.promise)
        fitted = self.fitted
        notes = (fitted.line, *about_cover, *fitted.notes) if fitted else about_cover
        figures = {
            "cover_format": plan.cover.history,
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
            "hidden_bytes": len(self.record.data),
            "secure": jpeg_secure_payload(plan.carrier, plan.efficiency),
        }
        return Written.of(fitted, notes, figures)


class _JpegContainer(Container):
    """A JPEG whose only frame is its samples."""

    _has_samples = True

    def __init__(self, file: Cover, key_source: KeySource) -> None:
        self._jpeg = file.once("coefficients", read_jpeg)  # which other readers look at, too
        self.medium = medium_of(self._jpeg)
        super().__init__(file, key_source)

    def _decode(self) -> Generator[np.ndarray, None, None]:
        yield samples_of(self._jpeg)


def _record_capacity(cover: JpegCover, key: Key) -> int:
    """Return the bytes of a record that fit into a JPEG; negative if too many of its coefficients are fixed."""
    luma = cover.picture.planes[0]
    fixed = fixed_samples(cover.picture)
    if fixed.mean() > most_fixed(fixed.size, COEFFICIENTS):
        return -1

    most = int(_carriers(cover) * RATES.most_rate) // 8
    if cover.usable is not None:  # those nearby can't be used, either
        share = _carriers(cover) / max(_carriers(replace(cover, usable=None)), 1)
        most = int(most * share * min(1, 2 * share))

    free = np.count_nonzero(~fixed)
    if free < fixed.size:
        most = min(most, int(free * (free / fixed.size) ** 2 * RATES.most_beside) // 8)
    return min(record_capacity(luma.shape[0], luma.shape[1] * CARRIED, key, 1, COEFFICIENTS), most)


def _hard_bytes(cover: JpegCover, efficiency: float = 1.0) -> int:
    """Return the bound of the bytes that are hard to find in a JPEG; negative: not even an empty file is."""
    return NONE_HARD if cover.history else jpeg_secure_payload(cover, efficiency).hard


def jpeg_secure_payload(cover: JpegCover, efficiency: float = 1.0) -> SecurePayload:
    """Return the bytes that are hard to find in a JPEG that was saved once, by a plan of this `efficiency`.

    The best published detector, SRNet trained on ten thousand pictures of 256², is right in 68 % of cases at 0.1 bit
    for each nonzero coefficient at quality 75 and in 56 % at 95; with side information, in 54 % at 0.2 (Butora,
    Fridrich 2019 and Cogranne et al. 2019, in docs/security.md). The rate at which it is right in 55 % of cases is
    roughly inverse to the mean quantisation step: 0.025 at a step of 29. With side information, 0.2 is the highest rate
    that is published or measured (54 %). No rate above half of that counts as hard to find.
    """
    rate = RATES.highest_rate
    if cover.errors is None:
        rate = min(rate, RATES.rate * RATES.step / float(cover.picture.steps(0).mean()))
    return SecurePayload(_carriers(cover), rate, RATES.measured, efficiency)


def _carriers(cover: JpegCover) -> int:
    """Return the number of nonzero luma coefficients that may change, without the first of each block."""
    used = cover.picture.planes[0][..., 1:] != 0
    if cover.usable is not None:
        used &= cover.usable
    return int(np.count_nonzero(used.reshape(-1) & ~fixed_samples(cover.picture).reshape(-1)))
