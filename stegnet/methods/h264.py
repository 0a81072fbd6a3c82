"""The method "h264": any file, byte for byte, in the levels of an MP4's own H.264; nothing is encoded again.

`h264_stream` finds the pictures that no other refers to, makes samples of their levels, and says what a step of each
gives away.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np

from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.kinds import FILM, FORMS, PICTURE
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.temporary import temporary_folder
from stegnet.keys import ANY_KEY, Key, KeyRing, KeySource
from stegnet.media.cover import Cover
from stegnet.methods.h264_stream import SHARE, FilmStream, Group, GroupWindow, film_groups, level_costs
from stegnet.methods.method import (
    Capacity,
    Carrier,
    Context,
    CoverSize,
    Fit,
    Fitness,
    Method,
    NewContainer,
    Payload,
    option,
)
from stegnet.methods.writing import FoundFile, found_file_by, loss_note
from stegnet.record import (
    Container,
    FrameReading,
    empty_record_bytes,
    file_header,
    file_records,
    format_record,
    full_room,
    hidden_bytes,
    read_record,
)
from stegnet.results import SecurePayload, stored_name
from stegnet.sealing import FILM_EFFORT, SEED_BYTES, CarrierModel, SealOptions, room, seal
from stegnet.video.films import VideoFrame, decode
from stegnet.video.mp4 import read_mp4, write_mp4

H264 = "h264"
GROUPS = "group of pictures", "groups of pictures"
_MOST_RATE = 0.25  # bits of a record for each carrier
_COMPARED = 300  # frames
_RATE, _MEASURED = 0.1, 150_000  # bits a carrier that are hard to find, and carriers of what was measured
_SMALL = 64  # AUTO looks into a film for a secret of so small a part of its bytes, since its levels hold no more
_LARGER = "use a longer film, one of more bytes a second, or one whose encoder makes B pictures"


@dataclass(frozen=True)
class H264Options:
    """Options of the method "h264"."""

    verify: bool = option(True, "do not read the output back to verify it")


class H264Method(Method):
    """Any file, byte for byte, in an MP4 that stays the film it was."""

    name = H264
    summary = "any file, byte for byte, in an MP4 or MOV of H.264, which stays the film it was"
    description = """\
The method "h264", used where COVER and OUT are an MP4 or MOV of H.264, hides
any file in pictures that no other picture refers to: B pictures, and the last
one before a key frame. Nothing is encoded again: sound, metadata and all other
streams stay, and nearly the size. OUT can be cut at key frames, and copied
without encoding.

  $ stegnet hide phone.mp4 letter.pdf --key-file k -o sent.mp4
"""
    forms = MappingProxyType({PICTURE: FORMS[PICTURE], FILM: (".mp4", ".mov")})
    covers = (FILM,)
    options = H264Options
    implied = True
    find_cost = 2
    preference = 4

    def forecast(self, cover: CoverSize) -> list[Fit]:
        """Files as they are, of a cover that is such a film."""
        found = self.capacity(cover, "", None)
        return [Fit("any file, in the H.264 itself", self.name, found.bytes, found.hard)] if found.bytes else []

    def capacity(self, cover: CoverSize, name: str, options: object) -> Capacity:
        if cover.cover is None or cover.frames == 1:
            return Capacity(0)
        return self._capacity(cover.cover, name)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: object) -> Fitness | None:
        """Suits a secret that fits, as it is, into the H.264 of an MP4 that stays one."""
        if suffix != self.forms[FILM][0] or options.resize or not cover.is_film:
            return None
        size = payload.path.stat().st_size
        if size > cover.stat().st_size // _SMALL:
            return None
        found = self._capacity(cover, stored_name(payload.path))
        most = found.hard if options.at_most_safe and found.hard is not None else found.bytes
        return Fitness(self.options_of(options)) if size <= most else None

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: H264Options, context: Context
    ) -> NewContainer:
        return _NewH264(cover.once(self.name, _H264Carrier), payload, key, context)

    def find(self, container: Container, context: Context) -> FoundFile | None:
        """The file that is hidden in a film's levels; None also if it is no film that is supported."""
        if container.first.record is not None or container.kind != FILM:
            return None
        return found_file_by(_H264Container, container, context, self.name)

    def _capacity(self, cover: Cover, name: str) -> Capacity:
        try:
            carrier = cover.once(self.name, _H264Carrier)
            most = max(carrier.capacity(name), 0)
        except MediaError:
            return Capacity(0)
        return Capacity(most, min(most, int(_RATE * carrier.count) // 8))


@dataclass(frozen=True)
class _Size:
    """Capacity of a group.

    Attributes:
        count: of its carriers.
        full: it has carriers enough.
    """

    count: int
    full: bool

    def room(self, key: Key) -> int:
        """Bytes of a record that fit."""
        return min(room(self.count, 1, key, 1, CarrierModel(SHARE)), int(self.count * _MOST_RATE) // 8)


class _H264Carrier(Carrier):
    """A film whose groups of pictures carry a file.

    Attributes:
        key: the container's film key.
    Raises:
        MediaError: it is no MP4 with H.264 that is supported.
    """

    key = ANY_KEY

    def __init__(self, cover: Cover) -> None:
        self.cover, self.mp4, self.stream = cover, read_mp4(cover), FilmStream(cover)
        if not self.stream.width or [len(packet) for _, packet in self.stream.packets()] != self.mp4.sizes.tolist():
            raise MediaError(f"{cover}: its sample table and bitstream disagree", "encode it first")

    @cached_property
    def sizes(self) -> list[_Size]:
        """The groups that carry something; of several, those with enough carriers. Errors as `film_groups`."""
        return group_sizes(self.stream)

    @property
    def count(self) -> int:
        """Number of carriers."""
        return sum(size.count for size in self.sizes)

    def capacity(self, name: str) -> int:
        """Negative if nothing fits."""
        share = self.share_room(name)
        return full_room(len(self.sizes), share) if share > 0 else share

    def share_room(self, name: str) -> int:
        """Bytes of a share of a file that fit into each group."""
        empty = empty_record_bytes(name, self.key, len(self.sizes) > 1)
        return min((size.room(self.key) for size in self.sizes), default=0) - empty

    def refusal(self, payload: Payload, size: int, most: int) -> CapacityError:
        return CapacityError(f"{payload.path}: has {size} bytes, more than the capacity of {max(most, 0)}", _LARGER)


def group_sizes(stream: FilmStream) -> list[_Size]:
    """Sizes of the groups of a film; errors as `film_groups`."""
    found = [_Size(group.count, group.full) for group in film_groups(stream)]
    return found[:-1] if len(found) > 1 and not found[-1].full else found


class _NewH264(NewContainer):
    """A film whose streams and bytes are its cover's, but for some slices of its pictures."""

    def __init__(self, carrier: _H264Carrier, payload: Payload, key_source: KeySource, context: Context) -> None:
        self.carrier, stream = carrier, carrier.stream
        self.keys = key_source.new_keys(context.randomness)
        carrier.key = self.keys.film
        self.fitted, self.context = payload.fit(carrier, context, "hide", "verify")
        with self.fitted.path.open("rb") as source:
            count, share = len(carrier.sizes), carrier.share_room(self.fitted.name)
            self.header = file_header(self.fitted.name, source, count, share, context.randomness)
            self.records = list(file_records(self.header, source))
        self.width, self.height, self.frames = stream.width, stream.height, len(carrier.mp4.sizes)
        self.hidden, self._psnr = self.header.frames, None

    def write(self, part: Path, verify: bool) -> None:
        cover = self.carrier.cover
        with temporary_packets() as changed:
            for number, packet in changed_packets(self.carrier.stream, self._sealed()):
                changed.keep(number, packet)
            write_mp4(self.carrier.mp4, part, changed)
            if verify:
                with Cover(part) as written:
                    _verify(written, self.carrier.sizes, changed)
                    self._psnr = _quality(cover, written, self.frames, self.context)

    def notes(self) -> tuple[str, ...]:
        loss = loss_note(self.header, self.keys.anchors is not None, GROUPS[1], "lost")
        return self.fitted.line, *loss, *self.fitted.notes

    def figures(self) -> dict[str, Any]:
        secure = SecurePayload(self.carrier.count, _RATE, _MEASURED)
        return {"container_psnr": self._psnr, "hidden_bytes": hidden_bytes(self.header), "secure": secure}

    def _sealed(self) -> Iterator[tuple[Group, np.ndarray]]:
        """The groups with their new samples."""
        randomness, total = self.context.randomness, len(self.records)
        for index, (record, group) in enumerate(zip(self.records, film_groups(self.carrier.stream), strict=False)):
            options = SealOptions(not index, FILM_EFFORT, clustered=False, medium=group.medium)
            samples, data = group.samples, format_record(record, self.keys.film)
            seal(samples, data, self.keys, randomness(SEED_BYTES), level_costs(group), options)
            yield group, samples
            self.context.progress("hide", index + 1, total)


def changed_packets(stream: FilmStream, sealed: Iterable[tuple[Group, np.ndarray]]) -> Iterator[tuple[int, bytes]]:
    """The packets that change where groups get other samples, with their numbers."""
    packets = stream.packets()
    for group, samples in sealed:
        ends, slices = np.cumsum([part.count for part in group.slices]), defaultdict(dict)
        for part, own in zip(group.slices, np.split(samples.reshape(-1), ends[:-1]), strict=True):
            slices[part.packet][part.unit] = stream.with_values(part, own, stream.paddings[part.packet])
        for changed in sorted(slices):
            packet = next(packet for number, packet in packets if number == changed)
            units = enumerate(stream.units(packet))
            yield changed, stream.packed([slices[changed].get(place, unit) for place, unit in units])


def _verify(out: Cover, sizes: list[_Size], changed: Mapping[int, bytes]) -> None:
    """Compares a film that was written.

    Raises:
        MediaError: it does not read back as it was written.
    """
    written = FilmStream(out)
    same = {number for number, packet in written.packets() if number in changed and packet == changed[number]}
    if same != changed.keys() or group_sizes(written) != sizes:
        raise MediaError(f"{out}: does not read back as it was written", "try another disk")


def _quality(cover: Cover, container: Cover, frames: int, context: Context) -> float:
    """PSNR in dB of the luma of the container's first frames against its cover's."""
    errors, most = [], min(frames, _COMPARED)
    with closing(decode(cover)) as before, closing(decode(container)) as after:
        for done, pair in enumerate(islice(zip(before, after, strict=True), most), 1):
            errors.append(mean_squared_error(*map(_luma, pair)))
            context.progress("verify", done, most)
    if not errors:
        raise MediaError(f"{cover}: has no pictures that can be shown", "encode it first")
    return psnr_from_mse(float(np.mean(errors)), PEAK)


def _luma(frame: VideoFrame) -> np.ndarray:
    """(H, W) uint8."""
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : frame.width]


class _H264Container(Container):
    """A film whose frames are the samples of its groups.

    Where a group does not open, it is looked for from each of its pictures on: the film may have been cut there.
    """

    called = GROUPS

    def __init__(self, file: Cover, key_source: KeySource) -> None:
        self._stream, self._contexts = FilmStream(file, damaged=True), []
        self._finding = KeyRing(key_source)
        super().__init__(file, key_source)

    @property
    def medium(self) -> CarrierModel:
        """That of the first group."""
        return self._contexts[0]

    def read(self, position: int, frame: np.ndarray) -> FrameReading:
        if position == 0 and self.first.record:
            return self.first
        return read_record(frame, self._keys, first=position == 0, medium=self._contexts[position])

    def _decode(self) -> Generator[np.ndarray, None, None]:
        self._contexts, window = [], GroupWindow(self._stream.pictures())
        while window.any():
            group, length = window.group(0)
            if not self._opens(group, not self._contexts):
                later = (first for first in range(1, length) if self._opens(window.group(first)[0], False))
                if skipped := next(later, 0):
                    window.drop(skipped)
                    group, length = window.group(0)
                elif self._contexts and not group.full:  # what is left over at the end carries nothing
                    return
            self._contexts.append(group.medium)
            window.drop(length)
            yield group.samples

    def _opens(self, group: Group, first: bool) -> bool:
        return read_record(group.samples, self._finding, first=first, medium=group.medium).record is not None


@contextmanager
def temporary_packets() -> Iterator["TemporaryPackets"]:
    """Yields a new one; its file goes with it."""
    with temporary_folder() as folder, (folder / "spool").open("w+b") as file:
        yield TemporaryPackets(file)


class TemporaryPackets(Mapping[int, bytes]):
    """Bytes by number."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._spans = file, {}

    def keep(self, number: int, data: bytes) -> None:
        """Adds some."""
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
