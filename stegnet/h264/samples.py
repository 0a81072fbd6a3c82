"""The levels of an MP4's own H.264 as samples (docs/format.md, "H.264 films").

Samples are levels of pictures that no other picture refers to. A group is one or more groups of pictures, from one IDR
picture to the next: as many as are needed for enough samples. Where a group ends depends only on where it begins, so
that groups are found in a film that was cut.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import islice

import numpy as np

from stegnet import video
from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import Source
from stegnet.h264.levels import (
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
from stegnet.sealing.costs import MEDIAN, WET, Costs
from stegnet.sealing.sample_order import SampleRules

SHARE = 4096  # samples per sample that each bit of lead and MAC is chosen from
GROUP_SAMPLES = 1 << 16
_OTHERS = "encode it first: ffmpeg -i FILM -c:v libx264 -pix_fmt yuv420p OTHER.mp4"
# Types of NAL units: slices of IDR pictures, slices of all pictures; bits of nal_ref_idc.
_PARTS = (1, 5)


@dataclass(frozen=True, eq=False)
class Slice:
    """Slice with samples that can carry data."""

    packet: int  # number of its packet in the film, in decoding order
    unit: int  # number of its NAL unit in the packet
    nal: bytes  # the NAL unit
    parameters: Parameters  # the parameter sets it is read with
    levels: Levels  # all its levels
    is_sample: np.ndarray  # (l,) bool, by level: of luma, not intra-predicted

    @cached_property
    def count(self) -> int:
        """Number of samples."""
        return int(self.is_sample.sum())

    @cached_property
    def samples(self) -> np.ndarray:
        """Levels without the gap at 0, which no sample has, (n,) uint8: a step of a sample is a step of a level."""
        found = self.levels.value[self.is_sample]
        samples: np.ndarray = (found - (found > 0) + 128).astype(np.uint8)  # the levels −1 and 1 become 127 and 128
        return samples

    @cached_property
    def fixed(self) -> np.ndarray:
        """Samples that must not change, (n,) bool: what an encoder fills beyond the picture's edge is regular."""
        fixed: np.ndarray = self.parameters.beyond(self.nal, self.levels)[self.is_sample]
        return fixed

    @property
    def rest(self) -> bytes:
        """Everything in the slice but its samples."""
        levels = self.levels
        other = ~self.is_sample
        parts = levels.macroblock, levels.kind, levels.position, levels.block, levels.value[other]
        return self.nal[:1] + b"".join(np.ascontiguousarray(each).tobytes() for each in parts)

    def with_samples(self, samples: np.ndarray, padding: bool) -> bytes:
        """Return the NAL unit with other samples, (n,) uint8; `padding` as in `write_levels`."""
        own = self.levels.value[self.is_sample]
        values = self.levels.value.copy()
        index = own - (own > 0)
        index = index + (samples - self.samples).view(np.int8)
        values[self.is_sample] = index + (index >= 0)
        return write_levels(self.parameters, self.nal, values, padding=padding)


@dataclass(frozen=True, eq=False)
class Group:
    """A picture, a group of pictures, or several."""

    slices: tuple[Slice, ...]  # the slices that carry something
    context: bytes  # hash of everything else in the pictures, and of what they are decoded with

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
    def rules(self) -> SampleRules:
        """Kind of samples, whose MAC covers the group's context, too."""
        return SampleRules(SHARE, sha256(b"stegnet/1/h264" + self.context).digest())

    def costs(self) -> Costs:
        """Return the costs of the samples, (n, 1, 1) uint16.

        Only levels of ±1 change their sign, and only at places where both signs are about equally frequent. Magnitudes
        stay, so that no statistic of them tells anything; a sign is a bit by itself in the stream, so that the film's
        size hardly changes. The cost of a step is its energy relative to the energy of the levels of its macroblock.
        """
        most_places = 64  # in a block
        uneven = 0.02  # share of positive ones above or below a half, beyond which the signs at a place stay
        found = []
        for part in self.slices:
            levels = part.levels
            own = part.is_sample
            energy = 2.0 ** (levels.qp / 3)  # energy of a step (table 8-15: steps double with six)
            active = np.bincount(levels.macroblock, levels.value.astype(np.float64) ** 2 * energy)
            changes = energy / (1 + active[levels.macroblock] / energy.mean())
            places = (
                levels.kind[own].astype(np.int64) * most_places + levels.position[own]
            )  # places in blocks of either kind
            found.append((levels.value[own], places, changes[own]))
        values, places, once = (np.concatenate(each) for each in zip(*found, strict=True))
        ones = np.abs(values) == 1
        positive = np.bincount(places[ones], values[ones] > 0) / np.maximum(np.bincount(places[ones]), 1)
        dry = ones & (np.abs(positive[np.minimum(places, len(positive) - 1)] - 0.5) <= uneven)
        if dry.any():
            once *= MEDIAN / 2 / np.median(once[dry])
        costs = np.clip(once, 1, WET)
        up, down = (np.where(dry & (values == side), costs, WET).astype(np.uint16) for side in (-1, 1))
        return Costs(up.reshape(-1, 1, 1), down.reshape(-1, 1, 1))


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
        with video.film_head(file) as film:
            context = video.picture_stream(film, file).codec_context
            if context.name != "h264":
                raise MediaError("its pictures are not H.264", _OTHERS, subject=file)
            self.width = context.width
            self.height = context.height
            extradata = context.extradata or b""
        try:
            self._parameters, self._size_bytes = Parameters.of_avcc(extradata)
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
        """Return the NAL units of a packet, each behind its size; of a damaged film, also what ends too early."""
        found = []
        at = 0
        while at + self._size_bytes <= len(packet):
            size = int.from_bytes(packet[at : at + self._size_bytes], "big")
            found.append(packet[at + self._size_bytes : at + self._size_bytes + size])
            at += self._size_bytes + size
        if at != len(packet) and not self._damaged:
            raise MediaError(f"{Reason.DAMAGED.line}", _OTHERS, subject=self.file)
        return found

    def packed(self, units: list[bytes]) -> bytes:
        """Return a packet of NAL units. Raises MediaError if one is too long for its length field."""
        if max(map(len, units)) >= 256**self._size_bytes:
            raise MediaError("a picture would outgrow the field of its size", _OTHERS, subject=self.file)
        return b"".join(len(unit).to_bytes(self._size_bytes, "big") + unit for unit in units)

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
            for own in parameters.shown_by(unit):
                hashed.update(len(own).to_bytes(4, "big") + own)
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
        is_sample = ~levels.intra & np.isin(levels.kind, (Kind.LUMA_4X4, Kind.LUMA_8X8))
        return Slice(number, place, unit, parameters, levels, is_sample) if is_sample.any() else None

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


def film_groups(stream: FilmStream) -> Iterator[Group]:
    """Yield the groups of a film in order; the last may have too few samples. Errors as `FilmStream.pictures`."""
    window = GroupWindow(stream.pictures())
    while window.any():
        group, length = window.group(0)
        window.drop(length)
        yield group


class GroupWindow:
    """Groups of pictures of a film, read as far as they are asked for, and joined to groups of samples."""

    def __init__(self, pictures: Iterator[Group]) -> None:
        self._rest = pictures
        self._read: list[Group] = []

    def any(self, number: int = 0) -> bool:
        """Return whether more than `number` groups of pictures are left."""
        self._read += islice(self._rest, max(number + 1 - len(self._read), 0))
        return len(self._read) > number

    def group(self, first: int) -> tuple[Group, int]:
        """Return the group of samples that begins at the groups of pictures number `first`, and how many it joins.

        It joins as many as give enough samples for a record, if so many are left.
        """
        count = self._read[first].count
        at = first + 1
        while count < GROUP_SAMPLES and self.any(at):
            count += self._read[at].count
            at += 1
        return Group.of(self._read[first:at]), at - first

    def drop(self, count: int) -> None:
        """Drop the first `count` groups of pictures."""
        del self._read[:count]


def group_sizes(stream: FilmStream) -> list[tuple[int, int]]:
    """Return the numbers of samples, and of those that may change, of each group that carries something.

    A last group with too few samples is left out, unless it is the only one. Errors are those of `film_groups`.
    """
    found = [(group.count, group.free) for group in film_groups(stream)]
    return found[:-1] if len(found) > 1 and found[-1][0] < GROUP_SAMPLES else found


def changed_packets(stream: FilmStream, sealed: Iterable[tuple[Group, np.ndarray]]) -> Iterator[tuple[int, bytes]]:
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


def tells_buffering(unit: bytes) -> bool:
    """Return whether a NAL unit has a message on the decoder's buffer (H.264, D.1.2), which depends on all sizes."""
    message = 6  # type of NAL units
    buffering = 0  # type of messages
    if _kind(unit) != message:
        return False
    place = 1
    while place + 1 < len(unit) - 1:  # the last byte ends the unit
        fields = []
        for _ in range(2):  # type and size
            end = place
            while end < len(unit) - 1 and unit[end] == 255:
                end += 1
            fields.append(255 * (end - place) + unit[end])
            place = end + 1
        kind, size = fields
        if kind == buffering:
            return True
        place += size
    return False


def is_signature(unit: bytes) -> bool:
    """Return whether a NAL unit is a message (H.264, D.1.7) of Axis's Signed Video, or ONVIF's Media Signing."""
    identifiers = {b"Signed Video...0", bytes.fromhex("005bc93f2d715e95ada4796f90877a6f")}
    message = 6  # type of NAL units
    of_user = 5  # type of messages
    identifier = unit[2:].lstrip(b"\xff")[1:17]  # behind the message's size
    return unit[:2] == bytes([message, of_user]) and identifier in identifiers
