"""The levels of an MP4's own H.264 as a medium, and as the frames of a container that was cut or is damaged."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from stegnet import video
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.text import Setting, Text
from stegnet.h264.samples import (
    GROUP_SAMPLES,
    SHARE,
    FilmStream,
    Group,
    GroupWindow,
    changed_packets,
    film_groups,
    group_sizes,
    is_signature,
    tells_buffering,
)
from stegnet.hiding.grouped_medium import GroupedMedium, SealedGroups
from stegnet.hiding.medium import WrittenMedium, bytes_left
from stegnet.hiding.method import (
    Context,
    HiddenFile,
)
from stegnet.keys import Key, KeyRing, Opener
from stegnet.media.claims import changes_of, claims_of, used_without
from stegnet.media.cover import Cover
from stegnet.media.growth import or_without_loss
from stegnet.record import Container, FrameReading, empty_record_bytes, full_capacity, read_record
from stegnet.results import SecurePayload
from stegnet.sealing import SampleRules, most_fixed, record_capacity
from stegnet.video.mp4 import read_mp4, write_mp4
from stegnet.video.mp4_metadata import metadata_in_mp4

if TYPE_CHECKING:
    from stegnet.video import VideoFrame

GROUPS = "group of pictures", "groups of pictures"
LARGER = "use a smaller secret, or a film that is longer or of more bytes a second"
TOO_FEW = "its own H.264 can't be used: it has no B pictures, or too few"


class H264Medium(GroupedMedium):
    """The levels of an MP4's own H.264, in groups of pictures; all its other bytes stay.

    Raises:
        MediaError: it isn't an MP4 with supported H.264.
    """

    called = GROUPS[1]
    lost = "lost"
    safer = Text("use a longer film, or a photograph, or leave ", Setting("at_most_safe", True), " out")
    tells_share = False
    history = None

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        self.condition = cover.condition()
        self._mp4 = read_mp4(cover)
        self._stream = FilmStream(cover)
        self._is_signed = self._check_packets()
        self._sizes = group_sizes(self._stream)
        self.groups = len(self._sizes)
        self.frames = len(self._mp4.sizes)
        rate = 0.1  # bits a sample that are hard to find
        measured = 150_000  # samples of the films in the measurement
        self.secure = SecurePayload(sum(free for _, free in self._sizes), rate, measured)

    def _check_packets(self) -> bool:
        """Return whether pictures have signatures. Raises MediaError if the packets can't get other sizes."""
        sizes = self._mp4.sizes.tolist()
        found: list[int] = []
        tells_buffer = is_signed = False
        for number, packet in self._stream.packets() if self._stream.width else ():
            found.append(len(packet))
            if found[-1:] != sizes[number : number + 1]:
                break
            units = self._stream.units(packet)
            tells_buffer = tells_buffer or any(map(tells_buffering, units))
            is_signed = is_signed or any(map(is_signature, units))
        if found != sizes or not self._stream.width:
            raise MediaError("its sample table and bitstream disagree", "encode it first", subject=self.cover)
        if tells_buffer:
            problem = "it says how a decoder's buffer fills (HRD), which other sizes of its pictures would contradict"
            raise MediaError(problem, "encode it without: x264's option nal-hrd=none", subject=self.cover)
        return is_signed

    @property
    def size(self) -> tuple[int, int]:
        return self._stream.height, self._stream.width

    def share_capacity(self, name: str, key: Key) -> int | None:
        most_rate = 0.25  # bits of a record per sample
        rules = SampleRules(SHARE)
        capacities = (
            min(record_capacity(size, 1, key, 1, rules) or 0, int(free * most_rate) // 8)
            if size - free <= most_fixed(size, rules) * size
            else 0
            for size, free in self._sizes
        )
        return bytes_left(min(capacities, default=0), empty_record_bytes(name, self.groups > 1))

    @property
    def hard(self) -> int | None:
        """Bytes of the largest file whose shares together are hard to find; None: not even an empty file is."""
        hard = self.secure.hard
        return None if hard is None else full_capacity(self.groups, hard // self.groups)

    def share_of(self, fitted: HiddenFile, key: Key) -> int:
        """Return the bytes of a group for a share; no more groups may be lost than stays hard to find."""
        share = super().share_of(fitted, key)
        is_hard = self.hard is not None and fitted.size <= self.hard
        return min(share, max((self.secure.hard or 0) // self.groups, 1)) if is_hard else share

    def refusal(self, name: str, key: Key, size: int, most: int | None) -> CapacityError:
        holds = f"its own H.264 holds at most {most:,} bytes, and the secret has {size:,}" if most else TOO_FEW
        error = CapacityError(holds, LARGER, subject=self.cover)
        return or_without_loss(error, self.cover)

    def write(self, part: Path, groups: SealedGroups) -> WrittenMedium:
        with temporary_folder() as folder, (folder / "spool").open("w+b") as file:
            changed = TemporaryPackets(file)
            for number, packet in changed_packets(self._stream, self._sealed(groups)):
                changed.keep(number, packet)
            hidden = len(changed)
            if self._is_signed:
                self._leave_out_signatures(changed)
            write_mp4(self._mp4, part, changed, self._replaced())
        left_out = (used_without("signatures of pictures"),) if self._is_signed else ()
        return WrittenMedium((), {}, hidden, left_out)

    def _replaced(self) -> dict[tuple[int, int], bytes]:
        """Return the bytes instead of claims on the content, or of all metadata."""
        strips = self.cover.strips_metadata
        return changes_of(metadata_in_mp4(self.cover) if strips else claims_of(self.cover))

    def _sealed(self, groups: SealedGroups) -> Iterator[tuple[Group, np.ndarray]]:
        """Yield the groups with their new samples."""
        with closing(groups.inputs()) as inputs:
            for done, (given, group) in enumerate(zip(inputs, film_groups(self._stream), strict=False), 1):
                yield group, groups.sealed(given, group)
                groups.context.progress("hide", done, self.groups)

    def _leave_out_signatures(self, changed: "TemporaryPackets") -> None:
        """Keep the packets of the cover that have signatures of its pictures without these."""
        stream = self._stream
        for number, packet in stream.packets():
            units = stream.units(packet)
            signatures = [unit for unit in units if is_signature(unit)]
            if signatures:
                units = stream.units(changed[number]) if number in changed else units
                changed.keep(number, stream.packed([unit for unit in units if unit not in signatures]))

    def told_by_reading(self, part: Path, context: Context) -> dict[str, Any]:
        """Return the PSNR of the compared frames."""
        with Cover(part) as out:
            return {"container_psnr": _quality(self.cover, out, self.frames, context)}


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


class H264Container(Container):
    """A film whose frames are the samples of its groups.

    If a group does not open, each of its groups of pictures is tried as its start: the film may have been cut there.
    """

    called = GROUPS

    def __init__(self, file: Cover, key_source: Opener) -> None:
        self._stream = FilmStream(file, damaged=True)
        self._contexts: list[SampleRules] = []  # of each group
        self._finding = KeyRing(key_source)  # finds groups; what it learns of the key is not what `read` has learnt
        super().__init__(file, key_source)

    def read(self, position: int, frame: np.ndarray) -> FrameReading:
        """Read the record of a group, whose MAC covers what the group's slices say."""
        if position == 0 and self.first.record:
            return self.first
        return read_record(frame, self._keys, first=position == 0, rules=self._contexts[position])

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
                elif self._contexts and group.count < GROUP_SAMPLES:  # the remainder at the end carries nothing
                    return
            self._contexts.append(group.rules)
            self.rules = self._contexts[0]
            window.drop(length)
            yield group.samples

    def _opens(self, group: Group, is_first: bool) -> bool:
        """Return whether a group opens with the key; the film's first one is read otherwise."""
        return read_record(group.samples, self._finding, first=is_first, rules=group.rules).record is not None
