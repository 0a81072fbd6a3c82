"""The method "jpeg": any file, byte for byte, in the quantised coefficients of a JPEG, which stays the JPEG it was.

Samples are the luma coefficients (`stegnet.sealing.jpeg_carriers`). A cover that is not a JPEG is made one
(`stegnet.media.jpeg_cover`). `jpeg_channel` plans a container for a channel that the sender can run.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.names import FILM, FORMS, JPEG_SUFFIXES, PICTURE
from stegnet.core.text import Setting, Text
from stegnet.image.jpeg_coefficients import JpegPicture, read_jpeg
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeySource
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import JpegCover, jpeg_cover
from stegnet.methods.hiding import FoundFile, found_file_by, write_jpeg
from stegnet.methods.jpeg_channel import ChannelPlan, ThroughChannel, simulator_of
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
    HiddenFile,
    MethodChoice,
    MethodInfo,
    NewContainer,
    NotFound,
    Payload,
    Unsuited,
    Written,
    choice_of,
    option,
)
from stegnet.record import Container, Record, empty_record_bytes, format_record
from stegnet.results import SecurePayload
from stegnet.sealing import most_fixed, record_capacity
from stegnet.sealing.jpeg_carriers import CARRIED, COEFFICIENTS, fixed_samples, medium_of, samples_of

JPEG = "jpeg"
USUAL_QUALITY = 95
# quality
_STRAINED = "so much of what is sent changes for what arrives that detectors find it"
_SENT_BEFORE = "use what arrives of this cover as the cover"


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

    quality: int | None = option(None, "JPEG quality for covers that are not JPEGs, 50 to 98 (default: 95)", "Q")
    compress: bool = option(True, EXACT_HELP)
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    channel: str | None = option(
        None,
        "command that does what OUT goes through, a JPEG saved again at the same size, such as 'convert {in} -quality "
        "72 {out}': what arrives is the container. It is run a dozen times or more, on near copies of COVER",
        "COMMAND",
    )
    channel_from: tuple[Path, Path] | None = option(
        None,
        "the same, learned from a JPEG that was sent once and what arrived: its tables and sampling are used",
        ("SENT", "RECEIVED"),
    )
    verify: bool = option(True, VERIFY_HELP)


class JpegMethod(AlbumMethod[JpegOptions]):
    """Any file, byte for byte, in a JPEG that stays one."""

    info = MethodInfo(
        name=JPEG,
        summary="any file, byte for byte, in a JPEG, which stays the JPEG it was",
        description="""\
The method "jpeg", used where OUT is a JPEG, hides any file in its coefficients,
encrypted. A cover that is a JPEG keeps its metadata, tables and all other
bytes, and nearly its size; any other cover is saved as JPEG first. Send OUT as
a file: encoded again, as messengers do, its secret is lost, unless --channel or
--channel-from was given that encoding. Otherwise, use --for.

  $ stegnet hide photo.jpg letter.pdf --key-file k -o sent.jpg
  $ stegnet hide photo.jpg letter.pdf --channel-from before.jpg after.jpg \\
        --key-file k -o sent.jpg
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
            found = self.capacity(cover, "", JpegOptions())
        except MediaError:
            return why_not
        if not found.bytes:
            return why_not
        where = "a JPEG made anew" if rare else "the JPEG itself"
        return [*why_not, Fit(f"any file, in {where}", self.info.name, found.bytes, found.hard)]

    def capacity(self, cover: CoverSize, name: str, options: JpegOptions) -> Capacity:
        """Return the capacity for a file of this name; 0 bytes if the cover is not a JPEG, or too small."""
        if cover.cover is None or not cover.cover.is_jpeg:
            return Capacity(0)
        made = jpeg_cover(cover.cover, USUAL_QUALITY)
        most = max(_record_capacity(made.picture, ANY_KEY) - empty_record_bytes(name, ANY_KEY), 0)
        return Capacity(most, min(most, _hard_bytes(made)), made.history)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions) -> MethodChoice | Unsuited:
        """Return a choice for any container that is written as a JPEG."""
        return choice_of(self, options) if suffix in JPEG_SUFFIXES else Unsuited()

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: JpegOptions, context: Context
    ) -> NewContainer:
        """Hide a file in the coefficients of a JPEG, which is made of the cover if that isn't one."""
        keys = key.new_keys(context.randomness)
        carrier = _JpegCarrier(cover, keys.film, options)
        context = context.in_steps("compress", "hide", "write")
        fitted = payload.fit(carrier, context)
        return _seal_jpeg(carrier, fitted.record(context.randomness), keys, context, fitted)

    def part_capacity(self, cover: Cover, empty: int, key: Key, options: JpegOptions) -> Capacity:
        """Return the bytes that fit beside an empty record into the luma coefficients of the JPEG."""
        carrier = _JpegCarrier(cover, key, options)
        return Capacity(carrier.capacity_beside(empty), _hard_bytes(carrier.plan.carrier))

    def embed_record(
        self, cover: Cover, record: Record, keys: ContainerKeys, options: JpegOptions, context: Context
    ) -> NewContainer:
        """Hide a record in the JPEG's coefficients, as `AlbumMethod.embed_record` does."""
        return _seal_jpeg(_JpegCarrier(cover, keys.film, options), record, keys, context)

    def find(self, container: Container, context: Context) -> FoundFile | NotFound:
        """Find the file in the coefficients of a JPEG that is supported."""
        if container.first.record is not None or not container.file.is_jpeg:
            return NotFound()
        return found_file_by(_JpegContainer, container, context, self.info.name)


class _JpegCarrier(Carrier):
    """A JPEG that a file is hidden in, with the container's film key."""

    larger = "use a larger JPEG, one with more detail, or an album of several (`stegnet hide --spread`)"

    def __init__(self, cover: Cover, key: Key, options: JpegOptions) -> None:
        quality = USUAL_QUALITY if options.quality is None else options.quality
        if not 50 <= quality <= 98:
            raise ConfigError(f"{quality} is not from 50 to 98", parameter="quality")

        simulator = simulator_of(options.channel, options.channel_from)
        made = jpeg_cover(cover, quality, options.resize)
        if options.quality is not None and made.errors is None:
            unused = " has no effect: the cover is a JPEG, which keeps its own"
            made = replace(made, notes=(Text(Setting("quality", "Q", quoted=False), unused), *made.notes))
        self.plan = ThroughChannel(made, simulator) if simulator else ChannelPlan(made)
        self.key = key
        self.at_most_safe = options.at_most_safe

    def capacity_beside(self, empty: int) -> int:
        """Return the bytes of a file that fit besides its empty record; negative if the record itself does not fit."""
        carrier = self.plan.carrier
        most = _record_capacity(carrier.picture, self.key) - empty
        return min(most, _hard_bytes(carrier)) if self.at_most_safe else most

    def capacity(self, name: str) -> int:
        return self.capacity_beside(empty_record_bytes(name, self.key))


def _seal_jpeg(
    carrier: _JpegCarrier, record: Record, keys: ContainerKeys, context: Context, fitted: HiddenFile | None = None
) -> "_SealedJpeg":
    """Return a JPEG with a file, or a record of an album's file, sealed in it."""
    plan = carrier.plan
    context.warn_about_cover(plan.cover.history)
    data = format_record(record, keys.film)
    planes = context.with_heartbeat("hide", lambda: plan.planes(data, keys, context.randomness))
    if plan.strained and carrier.at_most_safe:
        raise CapacityError(_STRAINED, _SENT_BEFORE)
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
        if plan.carrier is not plan.cover:
            about_cover = (*about_cover, "this file can't be revealed, only the copy that arrives")
        fitted = self.fitted
        notes = (fitted.line, *about_cover, *fitted.notes) if fitted else about_cover
        figures = {
            "cover_format": plan.cover.history,
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
            "hidden_bytes": len(self.record.data),
            "secure": None if plan.strained else jpeg_secure_payload(plan.carrier),
        }
        strained = (f"{_STRAINED}; {_SENT_BEFORE}",) if plan.strained else ()
        return Written.of(fitted, notes, figures, warnings=strained)


class _JpegContainer(Container):
    """A JPEG whose only frame is its samples."""

    _has_samples = True

    def __init__(self, file: Cover, key_source: KeySource) -> None:
        self._jpeg = read_jpeg(file)
        self.medium = medium_of(self._jpeg)
        super().__init__(file, key_source)

    def _decode(self) -> Generator[np.ndarray, None, None]:
        yield samples_of(self._jpeg)


def _record_capacity(jpeg: JpegPicture, key: Key) -> int:
    """Return the bytes of a record that fit into a JPEG; negative if too many of its coefficients are fixed."""
    luma = jpeg.planes[0]
    fixed = fixed_samples(jpeg)
    if fixed.mean() > most_fixed(fixed.size, COEFFICIENTS):
        return -1

    most = int(_carriers(jpeg) * RATES.most_rate) // 8

    free = np.count_nonzero(~fixed)
    if free < fixed.size:
        most = min(most, int(free * (free / fixed.size) ** 2 * RATES.most_beside) // 8)
    return min(record_capacity(luma.shape[0], luma.shape[1] * CARRIED, key, 1, COEFFICIENTS), most)


def _hard_bytes(cover: JpegCover) -> int:
    """Return the number of hidden bytes that are hard to find in a JPEG."""
    return 0 if cover.history else jpeg_secure_payload(cover).hard


def jpeg_secure_payload(cover: JpegCover) -> SecurePayload:
    """Return the bytes that are hard to find in a JPEG that was saved once.

    The best published detector, SRNet trained on ten thousand pictures of 256², is right in 68 % of cases at 0.1 bit
    for each nonzero coefficient at quality 75 and in 56 % at 95; with side information, in 54 % at 0.2 (Butora,
    Fridrich 2019 and Cogranne et al. 2019, in docs/security.md). The rate at which it is right in 55 % of cases is
    roughly inverse to the mean quantisation step: 0.025 at a step of 29. With side information, 0.2 is the highest rate
    that is published or measured (54 %). No rate above half of that counts as hard to find.
    """
    rate = RATES.highest_rate
    if cover.errors is None:
        rate = min(rate, RATES.rate * RATES.step / float(cover.picture.steps(0).mean()))
    return SecurePayload(_carriers(cover.picture), rate, RATES.measured)


def _carriers(jpeg: JpegPicture) -> int:
    """Return the number of nonzero luma coefficients that may change, without the first of each block."""
    used = (jpeg.planes[0][..., 1:] != 0).reshape(-1)
    return int(np.count_nonzero(used & ~fixed_samples(jpeg).reshape(-1)))
