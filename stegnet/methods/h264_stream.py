"""An H.264 film as something to seal in: levels of pictures that no other refers to (docs/format.md, "H.264 films").

A group is as many groups of pictures, from one IDR picture to the next, as have enough carriers; its levels are the
samples of one frame of a container. What a group is follows from where it begins alone, so that groups are found where
a film was cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import Source
from stegnet.sealing import CarrierModel, Costs
from stegnet.video.films import open_film, picture_packets, picture_stream
from stegnet.video.h264 import (
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

GROUP_CARRIERS = 1 << 16
SHARE = 4096  # carriers for each sample that a bit of lead and MAC is chosen from
_IDR, _PARTS, _REFERRED = 5, (1, 5), 0x60  # types of NAL units: of slices of IDR pictures, of all; bits of nal_ref_idc
_OTHERS = "encode it first: ffmpeg -i FILM -c:v libx264 -pix_fmt yuv420p OTHER.mp4; or hide without loss in .mkv"
_ALL_ZERO = 128  # sample of the level 1; 127 is −1
_USUAL, _WET = 20, 500  # cost of a median sign, and of a step that should not be taken
_UNEVEN = 0.02  # share of positive ones above or below a half at places whose signs stay
_PLACES = 64  # of a block, at most


@dataclass(frozen=True, eq=False)
class Slice:
    """A slice that carries something.

    Attributes:
        packet: its number in the film, in decoding order.
        unit: number of the NAL unit in the packet.
        nal: the NAL unit, and
        parameters: the parameter sets that it is read with.
        levels: all of them.
        carriers: (l,) bool, those that are samples: of luma, not predicted from the same picture.
    """

    packet: int
    unit: int
    nal: bytes
    parameters: Parameters
    levels: Levels
    carriers: np.ndarray

    @cached_property
    def count(self) -> int:
        """Number of carriers."""
        return int(self.carriers.sum())

    @cached_property
    def samples(self) -> np.ndarray:
        """(n,) uint8: levels without the 0 that none has, so that a step of one is a step of the other."""
        found = self.levels.value[self.carriers]
        return (found - (found > 0) + _ALL_ZERO).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Group:
    """A group of pictures, or several.

    Attributes:
        slices: those that carry something.
        context: hash of all else in the pictures.
    """

    slices: tuple[Slice, ...]
    context: bytes

    @cached_property
    def count(self) -> int:
        """Number of samples."""
        return sum(part.count for part in self.slices)

    @property
    def full(self) -> bool:
        """True if it has enough carriers."""
        return self.count >= GROUP_CARRIERS

    @property
    def samples(self) -> np.ndarray:
        """(n, 1, 1) uint8: those of the slices, one after the other."""
        return np.concatenate([np.zeros(0, np.uint8), *(part.samples for part in self.slices)]).reshape(-1, 1, 1)

    @property
    def medium(self) -> CarrierModel:
        return CarrierModel(SHARE, sha256(b"stegnet/2/h264" + self.context).digest())


class FilmStream:
    """The H.264 pictures of a film in MP4, MOV or Matroska.

    Args:
        damaged: what can't be read is taken for something that carries nothing.
    Attributes:
        width, height: of a picture, in pixels.
        length: bytes of a NAL unit's length.
    Raises:
        MediaError: it can't be read, or its pictures are not H.264 as those formats hold it.
    """

    def __init__(self, file: Source, damaged: bool = False) -> None:
        self.file, self._damaged, self._marked = file, damaged, False
        with open_film(file) as film:
            context = picture_stream(film, file).codec_context
            if context.name != "h264":
                raise MediaError(f"{file}: its pictures are not H.264", _OTHERS)
            self.width, self.height, extradata = context.width, context.height, context.extradata or b""
        try:
            self._parameters, self.length = Parameters.of_avcc(extradata)
        except H264Error as error:
            raise MediaError(f"{file}: {error}", _OTHERS) from error

    def pictures(self) -> Iterator[Group]:
        """The groups of pictures in order, each from an IDR picture, or the film's start, to the next.

        Raises:
            MediaError: the film is damaged, or of a kind of H.264 that is not supported.
        """
        found, parameters = [], self._parameters
        packets = ((number, self.units(packet)) for number, packet in self.packets())
        last = next(packets, None)
        while last is not None:
            after = next(packets, None)
            ends = after is None or any(_kind(unit) == _IDR for unit in after[1])
            parameters = self._with(parameters, last[1])
            found.append(self._picture(*last, parameters, ends))
            if ends:
                yield _group_of_pictures(found)
                found = []
            last = after

    @cached_property
    def paddings(self) -> list[bool]:
        """The last bit of each picture's slices, where these do not show it (`x264_padding`)."""
        shown, parameters = [], self._parameters
        for _, packet in self.packets():
            if not self._marked:  # by no slice that carries something: it is not x264's
                shown.append(None)
                continue
            units = self.units(packet)
            parameters = self._with(parameters, units)
            first = next((unit for unit in units if unit[:1] and unit[0] & 31 in _PARTS), b"")
            try:
                shown.append(read_levels(parameters, first).padding)
            except H264Error:
                shown.append(None)
        return x264_padding(shown)

    def with_values(self, part: Slice, samples: np.ndarray, padding: bool) -> bytes:
        """A slice with other samples, (n,) uint8; `padding` as in `write_levels`."""
        own, values = part.levels.value[part.carriers], part.levels.value.copy()
        index = own - (own > 0)
        index = index + (samples - (index + _ALL_ZERO).astype(np.uint8)).view(np.int8)
        values[part.carriers] = index + (index >= 0)
        return write_levels(part.parameters, part.nal, values, padding=padding)

    def units(self, packet: bytes) -> list[bytes]:
        """The NAL units of a packet."""
        found, at = [], 0
        while at + self.length <= len(packet):
            size = int.from_bytes(packet[at : at + self.length], "big")
            found.append(packet[at + self.length : at + self.length + size])
            at += self.length + size
        if at != len(packet) and not self._damaged:
            raise MediaError(f"{self.file}: {Reason.DAMAGED.line}", _OTHERS)
        return found

    def packed(self, units: list[bytes]) -> bytes:
        """A packet of NAL units.

        Raises:
            MediaError: one is too long for the field before it.
        """
        if max(map(len, units)) >= 256**self.length:
            raise MediaError(f"{self.file}: a picture would outgrow the field of its size", _OTHERS)
        return b"".join(len(unit).to_bytes(self.length, "big") + unit for unit in units)

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """All packets of pictures in decoding order, with their numbers; those that an edit list hides, too."""
        return enumerate(picture_packets(self.file))

    def _picture(self, number: int, units: list[bytes], parameters: Parameters, ends: bool) -> Group:
        """A picture; nothing refers to it if it says so, or an IDR picture or the end comes after it."""
        slices, hashed = [], sha256()
        parts = [(place, unit) for place, unit in enumerate(units) if _kind(unit) in _PARTS]
        free = ends or all(not unit[0] & _REFERRED for _, unit in parts)
        for place, unit in parts:
            part = self._slice(number, place, unit, parameters) if free else None
            hashed.update(unit if part is None else _besides(part))
            slices += [part] if part else []
        return Group(tuple(slices), hashed.digest())

    def _slice(self, number: int, place: int, unit: bytes, parameters: Parameters) -> Slice | None:
        """A slice that carries something; None of one that can't be written again."""
        try:
            levels = read_levels(parameters, unit)
        except H264Error as error:
            if self._damaged or error.reason is Reason.NOT_EXACT:
                return None
            raise MediaError(f"{self.file}: {error}", _OTHERS) from error
        self._marked |= bool(levels.padding)
        carriers = ~levels.intra & np.isin(levels.kind, (Kind.LUMA_4X4, Kind.LUMA_8X8))
        return Slice(number, place, unit, parameters, levels, carriers) if carriers.any() else None

    def _with(self, parameters: Parameters, units: list[bytes]) -> Parameters:
        """The parameter sets after those in some units: the same, or others."""
        own = [unit for unit in units if _kind(unit) in (SPS, PPS)]
        if own:
            parameters = Parameters(dict(parameters.sps), dict(parameters.pps))
        try:
            for unit in own:
                parameters.add(unit)
        except H264Error as error:
            if not self._damaged:
                raise MediaError(f"{self.file}: {error}", _OTHERS) from error
        return parameters


def film_groups(stream: FilmStream) -> Iterator[Group]:
    """The groups of a film in order; the last one may have too few carriers. Errors as `FilmStream.pictures`."""
    window = GroupWindow(stream.pictures())
    while window.any():
        group, length = window.group(0)
        window.drop(length)
        yield group


class GroupWindow:
    """Groups of pictures, which are read as far as they are asked for."""

    def __init__(self, pictures: Iterator[Group]) -> None:
        self._rest, self._read = pictures, []

    def any(self, number: int = 0) -> bool:
        """True if there are more than so many."""
        while len(self._read) <= number:
            following = next(self._rest, None)
            if following is None:
                return False
            self._read.append(following)
        return True

    def group(self, first: int) -> tuple[Group, int]:
        """The group that begins with one of them, and how many it has."""
        count, at = self._read[first].count, first + 1
        while count < GROUP_CARRIERS and self.any(at):
            count, at = count + self._read[at].count, at + 1
        return _together(self._read[first:at]), at - first

    def drop(self, count: int) -> None:
        """Leaves the first ones behind."""
        del self._read[:count]


def _together(groups: Sequence[Group]) -> Group:
    """Pictures, or groups of them, as one."""
    slices = tuple(part for group in groups for part in group.slices)
    return Group(slices, b"".join(group.context for group in groups))


def _group_of_pictures(pictures: Sequence[Group]) -> Group:
    whole = _together(pictures)
    return replace(whole, context=sha256(whole.context).digest())


def _besides(part: Slice) -> bytes:
    """All of a slice but its samples."""
    levels, rest = part.levels, ~part.carriers
    parts = levels.macroblock, levels.kind, levels.position, levels.block, levels.value[rest]
    return part.nal[:1] + b"".join(np.ascontiguousarray(each).tobytes() for each in parts)


def _kind(unit: bytes) -> int:
    """The type of a NAL unit."""
    return unit[0] & 31 if unit else 0


def level_costs(group: Group) -> Costs:
    """Costs of the samples of a group, (n, 1, 1) uint16 from 1 to 500.

    Only signs of ones change, of places where both are about as frequent: magnitudes stay, so that no statistic of them
    tells anything; a sign is a bit by itself in the stream, and the film's size hardly moves.
    """
    values, places, once = (np.concatenate(each) for each in zip(*map(_of_slice, group.slices), strict=True))
    ones = np.abs(values) == 1
    positive = np.bincount(places[ones], values[ones] > 0) / np.maximum(np.bincount(places[ones]), 1)
    dry = ones & (np.abs(positive[np.minimum(places, len(positive) - 1)] - 0.5) <= _UNEVEN)
    if dry.any():
        once *= _USUAL / np.median(once[dry])
    found = np.clip(once, 1, _WET)
    up, down = (np.where(dry & (values == side), found, _WET).astype(np.uint16) for side in (-1, 1))
    return Costs(up.reshape(-1, 1, 1), down.reshape(-1, 1, 1))


def _of_slice(part: Slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, places in blocks of either kind, and costs of a step, of each carrier.

    A step costs its energy, relative to that of the levels of its macroblock.
    """
    levels, own = part.levels, part.carriers
    energy = 2.0 ** (levels.qp / 3)  # of a step (table 8-15: steps double with six)
    active = np.bincount(levels.macroblock, levels.value.astype(np.float64) ** 2 * energy)
    changes = energy / (1 + active[levels.macroblock] / energy.mean())
    places = levels.kind[own].astype(np.int64) * _PLACES + levels.position[own]
    return levels.value[own], places, changes[own]
