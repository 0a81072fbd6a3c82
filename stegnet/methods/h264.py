"""The method "h264": any file, byte for byte, in the levels of an MP4's own H.264. Nothing is encoded again.

Samples are levels of pictures that no other picture refers to (docs/format.md, "H.264 films"). A group is one or more
groups of pictures, from one IDR picture to the next: as many as are needed for enough carriers. Its levels are the
samples of one frame of a container. Where a group ends depends only on where it begins, so that groups are found in a
film that was cut.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

import numpy as np

from stegnet import video
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.names import FILM, FORMS, PICTURE, USUAL_NAME
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import Source, is_animation, is_mp4
from stegnet.keys import ANY_KEY, ContainerKeys, KeyRing, KeySource
from stegnet.media.claims import changes_of, claims_of, used_without
from stegnet.media.cover import Cover
from stegnet.methods.hiding import found_file_by, loss_note
from stegnet.methods.method import (
    EXACT_HELP,
    SAFE_HELP,
    VERIFY_HELP,
    AutoOptions,
    Capacity,
    Carrier,
    Compressors,
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    HiddenFile,
    Method,
    MethodChoice,
    MethodInfo,
    NewContainer,
    NotFound,
    Payload,
    Written,
    choice_of,
    option,
)
from stegnet.record import (
    Container,
    FrameReading,
    Header,
    Record,
    empty_record_bytes,
    file_header,
    file_records,
    format_record,
    full_capacity,
    hidden_bytes,
    read_record,
)
from stegnet.results import SecurePayload, check_same
from stegnet.sealing import FILM_EFFORT, SEED_BYTES, CarrierModel, Costs, SealOptions, most_fixed, record_capacity, seal
from stegnet.video.h264_levels import (
    PPS,
    SPS,
    H264Error,
    Kind,
    Levels,
    Parameters,
    Reason,
    read_levels,
    write_levels,
    x264_padding,
)
from stegnet.video.mp4 import read_mp4, write_mp4

if TYPE_CHECKING:
    from stegnet.video import VideoFrame

H264 = "h264"
GROUPS = "group of pictures", "groups of pictures"
GROUP_CARRIERS = 1 << 16
SHARE = 4096  # carriers per sample that each bit of lead and MAC is chosen from
_SMALL = 16  # a film is examined only if the secret is at most this part of its bytes, since its levels hold no more
_WITHOUT_LOSS = Text(
    "; or write it without loss, many times as large: ", Setting("method", "sealed"), " and ", Setting("to", "NAME.mkv")
)
_LARGER = Text(
    "use a smaller secret, or a film that is longer, of more bytes a second or with more B pictures", _WITHOUT_LOSS
)
_TOO_FEW = "its own H.264 can't be used: it has no B pictures, or too few"
_OTHERS = "encode it first: ffmpeg -i FILM -c:v libx264 -pix_fmt yuv420p OTHER.mp4"
# Types of NAL units: slices of IDR pictures, slices of all pictures; bits of nal_ref_idc.
_PARTS = (1, 5)
_PLACES = 64  # places in a block, at most


@dataclass(frozen=True)
class H264Options:
    """Options of the method "h264"."""

    compress: bool = option(True, EXACT_HELP)
    at_most_safe: bool = option(False, SAFE_HELP)
    verify: bool = option(True, VERIFY_HELP)


class H264Method(Method[H264Options]):
    """Any file, byte for byte, in an MP4 that stays the film it was."""

    info = MethodInfo(
        name=H264,
        summary="any file, byte for byte, in an MP4 or MOV of H.264, which stays the film it was",
        description="""\
The method "h264", used where COVER and OUT are an MP4 or MOV of H.264, hides
any file in pictures that no other picture refers to: B pictures, and the last
one before a key frame. Nothing is encoded again: sound, metadata and all other
streams stay, and nearly the size. OUT can be cut at key frames, and copied
without encoding.

  $ stegnet hide phone.mp4 letter.pdf --key-file k -o sent.mp4
""",
        forms=MappingProxyType({PICTURE: FORMS[PICTURE], FILM: (".mp4", ".mov")}),
        covers=(FILM,),
        options=H264Options,
        implied=True,
        preference=4,
    )

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """Return files hidden unchanged, if the cover is such a film."""
        why_not = _why_not(cover.cover) if cover.cover else ""
        unused = [Fit("", self.info.name, why_not=why_not)] if why_not else []
        found = self.capacity(cover, USUAL_NAME, H264Options())
        fits = [Fit("any file, in the H.264 itself", self.info.name, found.bytes, found.hard)] if found.bytes else []
        return unused + fits

    def capacity(self, cover: CoverSize, name: str, options: H264Options) -> Capacity:
        """Return the capacity of a film's own H.264; 0 for a still picture, and for a cover whose file is not given."""
        if cover.cover is None or cover.frames == 1:
            return Capacity(0)
        return _capacity(cover.cover, name)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions) -> MethodChoice | None:
        """Return a choice for an MP4 with loss that is to stay an MP4: it stays the film it was, or is refused.

        No compressed copy is hidden: hardly any fits.
        """
        stays = is_mp4(cover) and not is_animation(cover) and cover.lossy_format is not None
        if suffix != self.info.forms[FILM][0] or options.resize or not cover.is_film or not stays:
            return None
        choice = choice_of(self, options)
        return replace(choice, options=replace(choice.options, compress=False), final=True)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: H264Options, context: Context
    ) -> NewContainer:
        """Hide a file in the levels of an MP4's own H.264, whose other bytes stay."""
        if (payload.kind is None or not options.compress) and payload.file.length > cover.length // _SMALL:
            problem = f"{payload.file.length:,} bytes are more than a film of its size holds in its own H.264"
            raise CapacityError(problem, _LARGER, subject=cover)
        try:
            carrier = cover.once(self.info.name, _H264Carrier)
        except MediaError as error:
            raise error.with_hint(Text(error.hint, _WITHOUT_LOSS)) from error
        carrier.at_most_safe = options.at_most_safe
        carrier.compress = options.compress
        keys = key.new_keys(context.randomness)
        carrier.key = keys.film
        context = context.in_steps("compress", "hide", "verify")
        fitted = payload.fit(carrier, context)
        with fitted.file.open("rb") as source:
            share = carrier.share_capacity(fitted.name)
            header = file_header(fitted.name, source, len(carrier.sizes), share, context.randomness)
            records = list(file_records(header, source))
        return _NewH264(carrier, keys, header, records, fitted, context)

    def find(self, container: Container, context: Context) -> FoundSecret | NotFound:
        """Find the file in the levels of a film that is supported."""
        if container.first.record is not None or container.kind != FILM:
            return NotFound()
        return found_file_by(_H264Container, container, context, self.info.name)


def _why_not(cover: Cover) -> str:
    """Return why an MP4 or MOV can't carry anything in its own H.264; "" for other covers, and if it can."""
    if not cover.is_film or not is_mp4(cover) or is_animation(cover):
        return ""
    try:
        most = cover.once(H264, _H264Carrier).capacity(USUAL_NAME)
    except MediaError as error:
        return f"its own H.264 can't be used: {error.problem}"
    return _TOO_FEW if most <= 0 else ""


def _capacity(cover: Cover, name: str) -> Capacity:
    try:
        carrier = cover.once(H264, _H264Carrier)
        return Capacity.of(carrier.capacity(name), carrier.secure.hard)
    except MediaError:
        return Capacity(0)


class _H264Carrier(Carrier):
    """A film whose groups of pictures carry a file. Raises MediaError if it isn't an MP4 with supported H.264."""

    # the container's film key, once it is known
    key = ANY_KEY
    compress = True  # whether to hide a copy of what does not fit

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        self.mp4 = read_mp4(cover)
        self.stream = FilmStream(cover)
        if not self.stream.width or [len(packet) for _, packet in self.stream.packets()] != self.mp4.sizes.tolist():
            raise MediaError("its sample table and bitstream disagree", "encode it first", subject=cover)
        self.sizes = group_sizes(self.stream)

    @property
    def secure(self) -> SecurePayload:
        # bits a carrier that are hard to find; carriers of what was measured
        rate = 0.1
        measured = 150_000
        return SecurePayload(sum(free for _, free in self.sizes), rate, measured)

    def capacity(self, name: str) -> int:
        """Return the bytes that fit; negative if nothing does."""
        share = self.share_capacity(name)
        most = full_capacity(len(self.sizes), share) if share > 0 else share
        return min(most, self.secure.hard) if self.at_most_safe else most

    def refusal(self, payload: Payload, size: int, most: int) -> CapacityError:
        if self.at_most_safe:
            hint = Text("use a longer film, or a photograph, or leave ", Setting("at_most_safe", True), " out")
            return super().refusal(payload, size, most).with_hint(hint)
        holds = f"its own H.264 holds at most {most:,} bytes, and the secret has {size:,}"
        return CapacityError(_TOO_FEW if most <= 0 else holds, _LARGER, subject=self.cover)

    def compressors(self) -> Compressors:
        return super().compressors() if self.compress else {}

    def share_capacity(self, name: str) -> int:
        """Return the bytes of a file's share that fit into each group."""
        most_rate = 0.25  # bits of a record per carrier
        empty = empty_record_bytes(name, self.key, len(self.sizes) > 1)
        medium = CarrierModel(SHARE)
        capacities = (
            min(record_capacity(size, 1, self.key, 1, medium), int(free * most_rate) // 8)
            if size - free <= most_fixed(size, medium) * size
            else 0
            for size, free in self.sizes
        )
        return min(capacities, default=0) - empty


def group_sizes(stream: "FilmStream") -> list[tuple[int, int]]:
    """Return the numbers of carriers, and of those that may change, of each group that carries something.

    A last group with too few carriers is left out, unless it is the only one. Errors are those of `film_groups`.
    """
    found = [(group.count, group.free) for group in film_groups(stream)]
    return found[:-1] if len(found) > 1 and found[-1][0] < GROUP_CARRIERS else found


@dataclass
class _NewH264(NewContainer):
    """A film whose streams and bytes are its cover's, except some slices of its pictures."""

    carrier: _H264Carrier
    keys: ContainerKeys
    header: Header
    records: list[Record]  # of each group
    fitted: HiddenFile
    context: Context

    def __post_init__(self) -> None:
        stream = self.carrier.stream
        self.width, self.height, self.frames = stream.width, stream.height, len(self.carrier.mp4.sizes)

    def write(self, part: Path, verify: bool) -> Written:
        quality = None
        with temporary_folder() as folder, (folder / "spool").open("w+b") as file:
            changed = TemporaryPackets(file)
            for number, packet in changed_packets(self.carrier.stream, self._sealed()):
                changed.keep(number, packet)
            hidden = len(changed)
            left_out = self._leave_out_signatures(changed)
            write_mp4(self.carrier.mp4, part, changed, changes_of(claims_of(self.carrier.cover)))
            if verify:
                quality = self._verified(part, changed)
        loss = loss_note(self.header, self.keys.anchors is not None, GROUPS[1], "lost")
        figures = {
            "container_psnr": quality,
            "hidden_bytes": hidden_bytes(self.header),
            "secure": self.carrier.secure,
            "measured": True,
        }
        return Written.of(self.fitted, (*left_out, self.fitted.line, *loss, *self.fitted.notes), figures, hidden=hidden)

    def _leave_out_signatures(self, changed: "TemporaryPackets") -> tuple[str, ...]:
        """Keep the packets of the cover that have signatures of its pictures without these, and return a note."""
        stream = self.carrier.stream
        is_signed = False
        for number, packet in stream.packets():
            units = stream.units(packet)
            signatures = [unit for unit in units if _is_signature(unit)]
            if signatures:
                is_signed = True
                units = stream.units(changed[number]) if number in changed else units
                changed.keep(number, stream.packed([unit for unit in units if unit not in signatures]))
        return (used_without("signatures of pictures"),) if is_signed else ()

    def _verified(self, part: Path, changed: "TemporaryPackets") -> float | None:
        """Check that the changed packets were written; return the PSNR of the compared frames, in dB."""
        with Cover(part) as out:
            written = FilmStream(out)
            packets = ((number, packet) for number, packet in written.packets() if number in changed)
            same = {number for number, packet in packets if packet == changed[number]}
            check_same(part, same == changed.keys() and group_sizes(written) == self.carrier.sizes)
            return _quality(self.carrier.cover, out, self.frames, self.context)

    def _sealed(self) -> Iterator[tuple["Group", np.ndarray]]:
        """Yield the groups with their new samples."""
        randomness = self.context.randomness
        total = len(self.records)
        for index, (record, group) in enumerate(zip(self.records, film_groups(self.carrier.stream), strict=False)):
            options = SealOptions(not index, FILM_EFFORT, clustered=False, medium=group.medium, fixed=group.fixed)
            samples = group.samples
            data = format_record(record, self.keys.film)
            seal(samples, data, self.keys, randomness(SEED_BYTES), level_costs(group), options)
            yield group, samples
            self.context.progress("hide", index + 1, total)


def changed_packets(stream: "FilmStream", sealed: Iterable[tuple["Group", np.ndarray]]) -> Iterator[tuple[int, bytes]]:
    """Yield the packets that change with the groups' new samples, with their numbers."""
    packets = stream.packets()
    for group, samples in sealed:
        ends = np.cumsum([part.count for part in group.slices])
        slices: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for part, own in zip(group.slices, np.split(samples.reshape(-1), ends[:-1]), strict=True):
            slices[part.packet][part.unit] = part.with_samples(own, stream.paddings[part.packet])
        for changed in sorted(slices):
            packet = next(packet for number, packet in packets if number == changed)
            units = enumerate(stream.units(packet))
            yield changed, stream.packed([slices[changed].get(place, unit) for place, unit in units])


def _quality(cover: Cover, container: Cover, frames: int, context: Context) -> float:
    """Return the PSNR in dB of the luma of the container's first frames against its cover's."""
    compared = min(frames, 300)
    errors = []
    with closing(video.decode(cover)) as before, closing(video.decode(container)) as after:
        for done, pair in enumerate(islice(zip(before, after, strict=True), compared), 1):
            errors.append(mean_squared_error(*map(_luma, pair)))
            context.progress("verify", done, compared)
    if not errors:
        raise MediaError("has no pictures that can be shown", "encode it first", subject=cover)
    return psnr_from_mse(float(np.mean(errors)), PEAK)


def _luma(frame: "VideoFrame") -> np.ndarray:
    """Return the luma of a frame, (H, W) uint8."""
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : frame.width]


class TemporaryPackets(Mapping[int, bytes]):
    """Bytes by number, in a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._spans: dict[int, tuple[int, int]] = {}  # start and size, by number

    def keep(self, number: int, data: bytes) -> None:
        """Add a packet."""
        self._spans[number] = self._file.seek(0, 2), len(data)
        self._file.write(data)
        self._file.flush()  # a full disk is reported now

    def __getitem__(self, number: int) -> bytes:
        start, size = self._spans[number]
        self._file.seek(start)
        return self._file.read(size)

    def __iter__(self) -> Iterator[int]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


class _H264Container(Container):
    """A film whose frames are the samples of its groups.

    If a group does not open, each of its groups of pictures is tried as its start: the film may have been cut there.
    """

    called = GROUPS

    def __init__(self, file: Cover, key_source: KeySource) -> None:
        self._stream = FilmStream(file, damaged=True)
        self._contexts: list[CarrierModel] = []  # of each group
        self._finding = KeyRing(key_source)
        super().__init__(file, key_source)

    def read(self, position: int, frame: np.ndarray) -> FrameReading:
        if position == 0 and self.first.record:
            return self.first
        return read_record(frame, self._keys, first=position == 0, medium=self._contexts[position])

    def _decode(self) -> Generator[np.ndarray, None, None]:
        self._contexts = []
        window = GroupWindow(self._stream.pictures())
        while window.any():
            group, length = window.group(0)
            if not self._opens(group, not self._contexts):
                later = (first for first in range(1, length) if self._opens(window.group(first)[0], False))
                if skipped := next(later, 0):
                    window.drop(skipped)
                    group, length = window.group(0)
                elif self._contexts and group.count < GROUP_CARRIERS:  # the remainder at the end carries nothing
                    return
            self._contexts.append(group.medium)
            self.medium = self._contexts[0]
            window.drop(length)
            yield group.samples

    def _opens(self, group: "Group", first: bool) -> bool:
        return read_record(group.samples, self._finding, first=first, medium=group.medium).record is not None


@dataclass(frozen=True, eq=False)
class Slice:
    """Slice with samples that can carry data."""

    packet: int  # number of its packet in the film, in decoding order
    unit: int  # number of its NAL unit in the packet
    nal: bytes  # the NAL unit
    parameters: Parameters  # the parameter sets it is read with
    levels: Levels  # all its levels
    carriers: np.ndarray  # (l,) bool: the levels that are samples: of luma, not intra-predicted

    @cached_property
    def count(self) -> int:
        """Number of carriers."""
        return int(self.carriers.sum())

    @cached_property
    def samples(self) -> np.ndarray:
        """Levels without the gap at 0, which no carrier has, (n,) uint8: a step of a sample is a step of a level."""
        found = self.levels.value[self.carriers]
        samples: np.ndarray = (found - (found > 0) + 128).astype(np.uint8)  # the levels −1 and 1 become 127 and 128
        return samples

    @cached_property
    def fixed(self) -> np.ndarray:
        """Samples that must not change, (n,) bool: what an encoder fills beyond the picture's edge is regular."""
        fixed: np.ndarray = self.parameters.beyond(self.nal, self.levels)[self.carriers]
        return fixed

    @property
    def rest(self) -> bytes:
        """Everything in the slice but its samples."""
        levels = self.levels
        other = ~self.carriers
        parts = levels.macroblock, levels.kind, levels.position, levels.block, levels.value[other]
        return self.nal[:1] + b"".join(np.ascontiguousarray(each).tobytes() for each in parts)

    def with_samples(self, samples: np.ndarray, padding: bool) -> bytes:
        """Return the NAL unit with other samples, (n,) uint8; `padding` as in `write_levels`."""
        own = self.levels.value[self.carriers]
        values = self.levels.value.copy()
        index = own - (own > 0)
        index = index + (samples - self.samples).view(np.int8)
        values[self.carriers] = index + (index >= 0)
        return write_levels(self.parameters, self.nal, values, padding=padding)


@dataclass(frozen=True, eq=False)
class Group:
    """A picture, a group of pictures, or several."""

    slices: tuple[Slice, ...]  # the slices that carry something
    context: bytes  # hash of everything else in the pictures

    @classmethod
    def of(cls, groups: Sequence["Group"]) -> "Group":
        """Join several groups into one."""
        slices = tuple(part for group in groups for part in group.slices)
        return cls(slices, b"".join(group.context for group in groups))

    @cached_property
    def count(self) -> int:
        """Number of samples."""
        return sum(part.count for part in self.slices)

    @property
    def samples(self) -> np.ndarray:
        """Samples of the slices, one slice after another, (n, 1, 1) uint8."""
        return np.concatenate([np.zeros(0, np.uint8), *(part.samples for part in self.slices)]).reshape(-1, 1, 1)

    @cached_property
    def fixed(self) -> np.ndarray | None:
        """Samples that must not change, (n, 1, 1) bool; None: all may."""
        found = np.concatenate([np.zeros(0, bool), *(part.fixed for part in self.slices)])
        return found.reshape(-1, 1, 1) if found.any() else None

    @property
    def free(self) -> int:
        """Number of samples that may change."""
        return self.count if self.fixed is None else int(np.count_nonzero(~self.fixed))

    @property
    def medium(self) -> CarrierModel:
        """Kind of carriers, whose MAC covers the group's context, too."""
        return CarrierModel(SHARE, sha256(b"stegnet/2/h264" + self.context).digest())


class FilmStream:
    """The H.264 pictures of a film in MP4, MOV or Matroska.

    In a damaged film, parts that can't be read are treated as carrying nothing.

    Raises:
        MediaError: the film can't be read, or its pictures are not H.264 as those formats hold it.
    """

    def __init__(self, file: Source, damaged: bool = False) -> None:
        self.file = file
        self._damaged = damaged
        self._marked = False
        with video.open_film(file) as film:
            context = video.picture_stream(film, file).codec_context
            if context.name != "h264":
                raise MediaError("its pictures are not H.264", _OTHERS, subject=file)
            self.width = context.width
            self.height = context.height
            extradata = context.extradata or b""
        try:
            self._parameters, self.length = Parameters.of_avcc(extradata)
        except H264Error as error:
            raise MediaError(str(error), _OTHERS, subject=file) from error

    def pictures(self) -> Iterator[Group]:
        """Yield the groups of pictures in order, each from an IDR picture, or the film's start, to the next.

        Raises:
            MediaError: the film is damaged, or of a kind of H.264 that is not supported.
        """
        # Types of NAL units: slices of IDR pictures, slices of all pictures; bits of nal_ref_idc.
        idr = 5
        found = []
        parameters = self._parameters
        packets = ((number, self.units(packet)) for number, packet in self.packets())
        last = next(packets, None)
        while last is not None:
            after = next(packets, None)
            ends = after is None or any(_kind(unit) == idr for unit in after[1])
            parameters = self._with(parameters, last[1])
            found.append(self._picture(*last, parameters, ends))
            if ends:
                whole = Group.of(found)
                found = []
                yield replace(whole, context=sha256(whole.context).digest())
            last = after

    @cached_property
    def paddings(self) -> list[bool]:
        """The last bit of each picture's slices, also where the slices do not show it (`x264_padding`)."""
        shown: list[bool | None] = []
        parameters = self._parameters
        for _, packet in self.packets():
            if not self._marked:  # no slice that carries something has the mark of x264
                shown.append(None)
                continue
            units = self.units(packet)
            parameters = self._with(parameters, units)
            first = next((unit for unit in units if _kind(unit) in _PARTS), b"")
            try:
                shown.append(read_levels(parameters, first).padding)
            except H264Error:
                shown.append(None)
        return x264_padding(shown)

    def units(self, packet: bytes) -> list[bytes]:
        """Return the NAL units of a packet."""
        found = []
        at = 0
        while at + self.length <= len(packet):
            size = int.from_bytes(packet[at : at + self.length], "big")
            found.append(packet[at + self.length : at + self.length + size])
            at += self.length + size
        if at != len(packet) and not self._damaged:
            raise MediaError(f"{Reason.DAMAGED.line}", _OTHERS, subject=self.file)
        return found

    def packed(self, units: list[bytes]) -> bytes:
        """Return a packet of NAL units. Raises MediaError if one is too long for its length field."""
        if max(map(len, units)) >= 256**self.length:
            raise MediaError("a picture would outgrow the field of its size", _OTHERS, subject=self.file)
        return b"".join(len(unit).to_bytes(self.length, "big") + unit for unit in units)

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Yield all packets of pictures in decoding order with their numbers, even those that an edit list hides."""
        return enumerate(video.picture_packets(self.file))

    def _picture(self, number: int, units: list[bytes], parameters: Parameters, ends: bool) -> Group:
        """Parse one picture. It may carry data if no later picture refers to it: it says so itself, or `ends` is True.

        `ends` means that an IDR picture or the end of the film follows.
        """
        referred = 0x60
        slices = []
        hashed = sha256()
        parts = [(place, unit) for place, unit in enumerate(units) if _kind(unit) in _PARTS]
        free = ends or all(not unit[0] & referred for _, unit in parts)
        for place, unit in parts:
            part = self._slice(number, place, unit, parameters) if free else None
            hashed.update(part.rest if part else unit)
            slices += [part] if part else []
        return Group(tuple(slices), hashed.digest())

    def _slice(self, number: int, place: int, unit: bytes, parameters: Parameters) -> Slice | None:
        """Return a slice that carries something; None if it carries nothing or can't be rewritten exactly."""
        try:
            levels = read_levels(parameters, unit)
        except H264Error as error:
            if self._damaged or error.reason is Reason.NOT_EXACT:
                return None
            raise MediaError(str(error), _OTHERS, subject=self.file) from error
        self._marked |= bool(levels.padding)
        carriers = ~levels.intra & np.isin(levels.kind, (Kind.LUMA_4X4, Kind.LUMA_8X8))
        return Slice(number, place, unit, parameters, levels, carriers) if carriers.any() else None

    def _with(self, parameters: Parameters, units: list[bytes]) -> Parameters:
        """Return the parameter sets, updated by those among some NAL units."""
        own = [unit for unit in units if _kind(unit) in (SPS, PPS)]
        if own:
            parameters = Parameters(dict(parameters.sps), dict(parameters.pps))
        try:
            for unit in own:
                parameters.add(unit)
        except H264Error as error:
            if not self._damaged:
                raise MediaError(str(error), _OTHERS, subject=self.file) from error
        return parameters


def _kind(unit: bytes) -> int:
    """Return the type of a NAL unit."""
    return unit[0] & 31 if unit else 0


def _is_signature(unit: bytes) -> bool:
    """Return whether a NAL unit is a message (H.264, D.1.7) of Axis's Signed Video, or ONVIF's Media Signing."""
    identifiers = {b"Signed Video...0", bytes.fromhex("005bc93f2d715e95ada4796f90877a6f")}
    message = 6  # type of NAL units
    of_user = 5  # type of messages
    identifier = unit[2:].lstrip(b"\xff")[1:17]  # behind the message's size
    return unit[:2] == bytes([message, of_user]) and identifier in identifiers


def film_groups(stream: FilmStream) -> Iterator[Group]:
    """Yield the groups of a film in order; the last may have too few carriers. Errors as `FilmStream.pictures`."""
    window = GroupWindow(stream.pictures())
    while window.any():
        group, length = window.group(0)
        window.drop(length)
        yield group


class GroupWindow:
    """Groups of pictures, read only as far as they are asked for."""

    def __init__(self, pictures: Iterator[Group]) -> None:
        self._rest = pictures
        self._read: list[Group] = []

    def any(self, number: int = 0) -> bool:
        """Return whether more than `number` groups of pictures are left."""
        self._read += islice(self._rest, max(number + 1 - len(self._read), 0))
        return len(self._read) > number

    def group(self, first: int) -> tuple[Group, int]:
        """Return the group that begins at one of them, and the number of groups of pictures in it."""
        count = self._read[first].count
        at = first + 1
        while count < GROUP_CARRIERS and self.any(at):
            count += self._read[at].count
            at += 1
        return Group.of(self._read[first:at]), at - first

    def drop(self, count: int) -> None:
        """Drop the first `count` groups of pictures."""
        del self._read[:count]


def level_costs(group: Group) -> Costs:
    """Return the costs of the samples of a group, (n, 1, 1) uint16 from 1 to 500.

    Only levels of ±1 change their sign, and only at places where both signs are about equally frequent. Magnitudes
    stay, so that no statistic of them tells anything; a sign is a bit by itself in the stream, so that the film's size
    hardly changes. The cost of a step is its energy relative to the energy of the levels of its macroblock.
    """
    usual = 20  # cost of a median sign
    wet = 500  # cost of a step that should not be taken
    uneven = 0.02  # share of positive ones above or below a half, beyond which the signs at a place stay
    found = []
    for part in group.slices:
        levels = part.levels
        own = part.carriers
        energy = 2.0 ** (levels.qp / 3)  # energy of a step (table 8-15: steps double with six)
        active = np.bincount(levels.macroblock, levels.value.astype(np.float64) ** 2 * energy)
        changes = energy / (1 + active[levels.macroblock] / energy.mean())
        places = levels.kind[own].astype(np.int64) * _PLACES + levels.position[own]  # places in blocks of either kind
        found.append((levels.value[own], places, changes[own]))
    values, places, once = (np.concatenate(each) for each in zip(*found, strict=True))
    ones = np.abs(values) == 1
    positive = np.bincount(places[ones], values[ones] > 0) / np.maximum(np.bincount(places[ones]), 1)
    dry = ones & (np.abs(positive[np.minimum(places, len(positive) - 1)] - 0.5) <= uneven)
    if dry.any():
        once *= usual / np.median(once[dry])
    costs = np.clip(once, 1, wet)
    up, down = (np.where(dry & (values == side), costs, wet).astype(np.uint16) for side in (-1, 1))
    return Costs(up.reshape(-1, 1, 1), down.reshape(-1, 1, 1))
