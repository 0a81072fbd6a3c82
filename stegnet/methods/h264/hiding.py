"""Hiding any file, byte for byte, in the levels of an MP4's own H.264, from file to file."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NoReturn

import numpy as np

from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.kinds import FILE, FILM
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, ContainerKeys, Key, KeySource
from stegnet.media import atomic_write
from stegnet.media.films.films import VideoFrame, decode
from stegnet.media.films.mp4 import Mp4, read_mp4, write_mp4
from stegnet.media.inputs import check_input, cover_name, input_kind
from stegnet.methods.fitting import Space, fit, media_compressors
from stegnet.methods.h264 import FORMS, H264, H264Options
from stegnet.methods.h264.costs import level_costs
from stegnet.methods.h264.spool import spooling
from stegnet.methods.h264.stream import FilmStream, Group, film_groups
from stegnet.methods.method import FileRoom
from stegnet.methods.run import Run
from stegnet.methods.sealed import describe_file, empty_record_bytes
from stegnet.record import File, Header, Record, choose_needed, format_record, full_room
from stegnet.results import HidingFigures, OutputTarget, Report, SecurePayload
from stegnet.sealing import FILM_EFFORT, SEED_BYTES, SealOptions, room, seal

_MOST_RATE = 0.25  # bits of a record for each carrier
_COMPARED = 300  # frames
_RATE, _MEASURED = 0.1, 150_000  # bits a carrier that are hard to find, and carriers of what was measured
_LARGER = "take a longer film, one of more bytes a second, or one whose encoder makes B pictures"


def hide_in_film(
    cover: Path, secret: Path, out: OutputTarget, key_source: KeySource, options: H264Options, run: Run
) -> Report:
    """Hides any file in a film; all streams and bytes but some slices of its pictures stay.

    Raises:
        MediaError: a file can't be read or written, or the cover is no MP4 with H.264 that is supported.
        CapacityError: the file does not fit.
    """
    check_input(secret)
    kind = input_kind(cover)
    out.check(FORMS[kind], cover_name(cover, kind), cover, secret)
    if kind != FILM:
        raise CapacityError(
            f"{cover}: is a picture, and the method h264 hides in films", "take the method jpeg or sealed"
        )
    (film, stream), keys = _opened(cover), key_source.new_keys(run.randomness)
    groups = _sizes(stream, keys.film)
    space = Space(partial(_room, groups, keys.film), partial(_refuse, secret), media_compressors)
    with fit(secret, space, run.in_steps("compress", "hide", "verify").progress) as fitted:
        run = run.in_steps(*["compress"] * (not fitted.unchanged), "hide", "verify")
        data = fitted.path.read_bytes()
        header = _header(fitted.name, data, groups, keys.film, run)
        with fitted.path.open("rb") as source:
            records = list(_records(header, source))
    with spooling() as changed:
        for number, packet in changed_packets(stream, _sealed(stream, records, keys, run)):
            changed.keep(number, packet)
        psnr = None
        with atomic_write(out.path, overwrite=out.force) as part:
            write_mp4(film, part, changed)
            if options.verify:
                _verify(part, groups, changed)
                psnr = _quality(cover, part, len(film.sizes), run)
    exact, loss = ", byte for byte" * fitted.unchanged, _loss(header, keys.anchors is not None)
    lines = f"{describe_file(header)}{exact}", *loss, *fitted.notes
    report = Report(stream.width, stream.height, len(film.sizes), header.frames, lines)
    report = replace(report, name=fitted.name, size=len(data), unchanged=fitted.unchanged)
    report = replace(report, secret_psnr=fitted.copy and fitted.copy.psnr)
    hidden = header.spread.share_bytes * header.frames if header.spread else len(data)
    figures = HidingFigures(H264, cover.stat().st_size, len(film.sizes) * stream.height * stream.width, film=True)
    secure = SecurePayload(sum(group.count for group in groups), _RATE, _MEASURED)
    return report.with_hiding(replace(figures, container_psnr=psnr, hidden_bytes=hidden, secure=secure))


def _opened(path: Path) -> tuple[Mp4, FilmStream]:
    """A film's tables and its pictures.

    Raises:
        MediaError: they are not supported, or not of the same track.
    """
    film, stream = read_mp4(path), FilmStream(path)
    if not stream.width or [len(packet) for _, packet in stream.packets()] != film.sizes.tolist():
        raise MediaError(f"{path}: players do not read the pictures that its tables list", "encode it first")
    return film, stream


@dataclass(frozen=True)
class _Size:
    """Capacity of a group.

    Attributes:
        count: of its carriers.
        room: bytes of a record.
        full: it has carriers enough.
    """

    count: int
    room: int
    full: bool


def _sizes(stream: FilmStream, key: Key) -> list[_Size]:
    """The groups of a film that carry something; of several, those with enough carriers. Errors as `film_groups`."""
    found = [_Size(group.count, _group_room(group, key), group.full) for group in film_groups(stream)]
    return found[:-1] if len(found) > 1 and not found[-1].full else found


def film_room(path: Path, name: str = "") -> FileRoom:
    """Room for a file of this name in a film; errors as `film_groups`."""
    _, stream = _opened(path)
    sizes = _sizes(stream, ANY_KEY)
    most = max(_room(sizes, ANY_KEY, name), 0)
    return FileRoom(most, min(most, int(_RATE * sum(size.count for size in sizes)) // 8))


def _room(groups: list[_Size], key: Key, name: str) -> int:
    """Bytes of a file of this name that fit; negative if nothing does."""
    share = _share_room(groups, key, name)
    return full_room(len(groups), share) if share > 0 else share


def _share_room(groups: list[_Size], key: Key, name: str) -> int:
    return min((group.room for group in groups), default=0) - empty_record_bytes(name, key, len(groups) > 1)


def _group_room(group: Group, key: Key) -> int:
    """Bytes of a record that fit into a group."""
    return min(room(group.count, 1, key, 1, group.medium), int(group.count * _MOST_RATE) // 8)


def _header(name: str, data: bytes, groups: list[_Size], key: Key, run: Run) -> Header:
    needed = choose_needed(len(data), len(groups), _share_room(groups, key, name)) if len(groups) > 1 else 0
    file = File(name, len(data), hashlib.sha256(data).digest(), needed)
    return Header(run.randomness(FILM_ID_BYTES), FILE, len(groups), file)


def _records(header: Header, source) -> Iterator[Record]:
    for index in range(header.frames):
        data = header.spread.share(source, index) if header.spread else source.read()
        yield Record(header, index, data=data)


def _sealed(
    stream: FilmStream, records: list[Record], keys: ContainerKeys, run: Run
) -> Iterator[tuple[Group, np.ndarray]]:
    """The groups with their new samples."""
    for index, (record, group) in enumerate(zip(records, film_groups(stream), strict=False)):
        samples, options = group.samples, SealOptions(not index, FILM_EFFORT, clustered=False, medium=group.medium)
        seal(samples, format_record(record, keys.film), keys, run.randomness(SEED_BYTES), level_costs(group), options)
        yield group, samples
        run.progress("hide", index + 1, len(records))


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


def _verify(out: Path, groups: list[_Size], changed: Mapping[int, bytes]) -> None:
    """Reads the film back.

    Raises:
        MediaError: it is not as it was written.
    """
    written = FilmStream(out)
    same = {number for number, packet in written.packets() if number in changed and packet == changed[number]}
    if same != changed.keys() or [size.count for size in _sizes(written, ANY_KEY)] != [size.count for size in groups]:
        raise MediaError(f"{out}: does not read back as it was written", "try another disk")


def _quality(cover: Path, container: Path, frames: int, run: Run) -> float:
    """PSNR in dB of the luma of the container's first frames against its cover's."""
    errors, most = [], min(frames, _COMPARED)
    with closing(decode(cover)) as before, closing(decode(container)) as after:
        for done, pair in enumerate(islice(zip(before, after, strict=True), most), 1):
            errors.append(mean_squared_error(*map(_luma, pair)))
            run.progress("verify", done, most)
    if not errors:
        raise MediaError(f"{cover}: has no pictures that can be shown", "encode it first")
    return psnr_from_mse(float(np.mean(errors)), PEAK)


def _luma(frame: VideoFrame) -> np.ndarray:
    """(H, W) uint8."""
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : frame.width]


def _loss(header: Header, first_needed: bool) -> tuple[str, ...]:
    """A line on how many groups may be lost; arguments as `loss_note`."""
    if not header.spread:
        return ()
    most, groups = header.spread.most_lost(), f"of its {header.frames} groups of pictures"
    if not most:
        return (f"comes back only if none {groups} is lost",)
    return (f"comes back whole if up to {most} {groups} are lost{', but not the first' * first_needed}",)


def _refuse(secret: Path, size: int, most: int) -> NoReturn:
    raise CapacityError(f"{secret}: has {size} bytes, and there is room for {max(most, 0)}", _LARGER)
