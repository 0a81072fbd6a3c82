"""Headers of the JPEGs that an app writes: learned from examples, and other pictures written behind them.

Headers are a JPEG without its entropy-coded data: all segments, Huffman tables without codes where they are made for
each picture, and of metadata only what the app itself adds. What came with a photograph is left out.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from stegnet.channels.jpeg_form import JpegForm, jpeg_of
from stegnet.core.errors import MediaError
from stegnet.image.colour_profiles import BrokenProfileError, changes_colours
from stegnet.jpeg.coefficients import JpegPicture
from stegnet.jpeg.markers import JpegFile, Scan, has_sound_segments, joined_segments, parse_jpeg, segments_of
from stegnet.jpeg.scan_decoder import is_decodable

MOST_HEADERS = 1 << 14  # bytes

Segment = tuple[int, bytes]  # marker and content

_FRAMES = (0xC0, 0xC1, 0xC2)
_JFIF = (0xE0, b"JFIF")  # of segments of metadata, marker and what they begin with
_EXIF = (0xE1, b"Exif")
_PROFILE = (0xE2, b"ICC_PROFILE")
_ADOBE = (0xEE, b"Adobe")
_COMMENT = (0xFE, b"")
_DENSITY = slice(7, 12)  # in JFIF's content
_NO_DENSITY = b"\0\0\1\0\1"
_NAME = "an app's JPEG"


def learned_headers(arrived: Sequence[JpegPicture], sent: Sequence[JpegPicture | None]) -> bytes:
    """Return the headers of the JPEGs that arrived: those of one of them, without what came with its photograph.

    JFIF and Adobe's marker always stay. Other metadata stays as the app's if all JPEGs that arrived have its kind, some
    sent one lacks it, and two candidates have the same metadata. Candidates are the JPEGs whose sent picture stated no
    density, or all if each stated one; the headers are those of the candidate with the most common metadata.

    Args:
        arrived: JPEGs that arrived.
        sent: the JPEG that was sent of each; None: a picture of another form.
    """
    headers = [segments_of(jpeg.without_picture(), _NAME) for jpeg in arrived]
    kinds_sent = [_kinds(segments_of(jpeg.file.data, _NAME)) for jpeg in sent if jpeg is not None]
    kinds_of_first, *others = map(_kinds, headers)
    kinds_in_all = kinds_of_first.intersection(*others)
    added = {kind for kind in kinds_in_all if any(kind not in kinds for kinds in kinds_sent)}

    if _PROFILE in added and not _keeps_colours(headers[0]):
        added.remove(_PROFILE)  # what is sent with one might arrive converted

    sent_without_density = [before is None or stated_density(before.file.data) is None for before in sent]
    candidates = [
        segments for segments, is_candidate in zip(headers, sent_without_density, strict=True) if is_candidate
    ] or headers
    kept = {*added, _JFIF}
    metadata = [[_with_exif_size(each, 0, 0) for each in segments if _kind(each) in kept] for segments in candidates]
    most_usual = max(range(len(candidates)), key=lambda number: metadata.count(metadata[number]))
    kinds: set[Segment | None] = {None, _JFIF, _ADOBE}  # None: no metadata, but tables and the like
    if metadata.count(metadata[most_usual]) > 1:
        kinds |= added
    learned = joined_segments(_without_thumbnail(each) for each in candidates[most_usual] if _kind(each) in kinds)
    # The app keeps densities, and all pictures stated one: the density here is a photograph's, not the app's.
    if not any(sent_without_density) and keeps_density(arrived, sent):
        return _with_density(learned, _NO_DENSITY)
    return learned


def _keeps_colours(segments: Sequence[Segment]) -> bool:
    """Return whether the colour profile in segments leaves colours as they are in sRGB."""
    header = 14  # bytes of a part: a name, its number, and the number of parts
    profile = b"".join(each[1][header:] for each in segments if _kind(each) == _PROFILE)
    try:
        return not changes_colours(profile, "RGB")
    except BrokenProfileError:
        return False


def added_metadata(headers: bytes) -> list[str]:
    """Return the kinds of metadata that an app adds to each JPEG, in words."""
    names = {_EXIF: "EXIF", _PROFILE: "a colour profile", _COMMENT: "a comment"}
    kinds = dict.fromkeys(_kind(segment) for segment in segments_of(headers, _NAME))
    return [names.get(kind, f"APP{kind[0] - 0xE0} data") for kind in kinds if kind not in (None, _JFIF, _ADOBE)]


def keeps_density(arrived: Sequence[JpegPicture], sent: Sequence[JpegPicture | None]) -> bool | None:
    """Return whether the pixels per inch that JFIF says stay as they were sent; None: no example tells."""
    received = {jpeg.file.data for jpeg in arrived}
    densities = [
        (stated_density(before.file.data), _density(after.file.data))
        for before, after in zip(sent, arrived, strict=True)
        if before is not None and before.file.data not in received
    ]
    told = [before == after for before, after in densities if before is not None]
    return all(told) if told else None


def stated_density(data: bytes) -> bytes | None:
    """Return the density that a JPEG's JFIF says, a unit and two numbers; None if it says none."""
    density = _density(data)
    return None if density == _NO_DENSITY else density


def _density(data: bytes) -> bytes | None:
    """Return the bytes of the density in a JPEG's JFIF, which may be none; None without JFIF."""
    jfif = next((content for marker, content in segments_of(data, _NAME) if _kind((marker, content)) == _JFIF), None)
    return None if jfif is None else jfif[_DENSITY]


def _kinds(segments: Iterable[Segment]) -> set[Segment | None]:
    return {_kind(segment) for segment in segments}


def _kind(segment: Segment) -> Segment | None:
    """Return the kind of a segment of metadata: its marker, and the name at its start; None of other segments."""
    marker, content = segment
    if marker == _COMMENT[0]:
        return _COMMENT
    return (marker, content.partition(b"\0")[0]) if 0xE0 <= marker <= 0xEF else None


def _without_thumbnail(segment: Segment) -> Segment:
    marker, content = segment
    return (marker, content[:12] + bytes(2)) if _kind(segment) == _JFIF else segment


def written_behind(headers: bytes, picture: JpegPicture, density: bytes | None = None) -> bytes:
    """Return the file of a picture's coefficients behind an app's headers, whose density may be another.

    Raises MediaError if the headers are damaged, or of a picture with other components.
    """
    sized = _sized(headers, picture.file.height, picture.file.width)
    file = parse_jpeg(sized if density is None else _with_density(sized, density), _NAME)
    is_sound = has_sound_segments(file) and is_decodable(file)
    shapes = [plane.shape[:2] for plane in picture.planes]
    if not is_sound or [file.blocks(component) for component in file.components] != shapes:
        raise MediaError("the headers are damaged", subject=_NAME)
    return JpegPicture(file, picture.planes).with_planes(picture.planes)


def _with_density(headers: bytes, density: bytes) -> bytes:
    return joined_segments(
        (marker, content[: _DENSITY.start] + density + content[_DENSITY.stop :])
        if _kind((marker, content)) == _JFIF
        else (marker, content)
        for marker, content in segments_of(headers, _NAME)
    )


def are_headers_of(headers: bytes, form: JpegForm) -> bool:
    """Return whether a picture that is written behind headers is read again, with all its coefficients, in a form."""
    ramp = np.arange(32, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None] * 5, ramp * 7, ramp * ramp[:, None]), 2)
    picture = jpeg_of(form.saved(pixels), _NAME)
    try:
        again = jpeg_of(written_behind(headers, picture), _NAME)
        return JpegForm.of(again) == form and all(map(np.array_equal, again.planes, picture.planes))
    except MediaError:
        return False


def _sized(headers: bytes, height: int, width: int) -> bytes:
    """Return headers for a picture of another size; restart intervals of whole rows stay whole rows."""
    restart_interval = 0xDD
    scan = 0xDA
    before = parse_jpeg(headers, _NAME)
    after = replace(before, height=height, width=width)
    scans = iter(before.scans)
    following = next(scans, None)
    sized: list[Segment] = []
    for segment in segments_of(headers, _NAME):
        marker, content = segment
        if marker in _FRAMES:
            sized.append((marker, content[:1] + struct.pack(">HH", height, width) + content[5:]))
        elif marker == restart_interval and following is not None and len(content) == 2:
            rows, rest = divmod(int.from_bytes(content, "big"), _columns(before, following))
            sized.append(segment if rest else (marker, struct.pack(">H", rows * _columns(after, following))))
        else:
            sized.append(_with_exif_size(segment, height, width))
        if marker == scan:
            following = next(scans, None)
    return joined_segments(sized)


def _columns(file: JpegFile, scan: Scan) -> int:
    """Return the number of MCUs in a row of a scan."""
    if len(scan.components) == 1:
        return file.blocks(file.components[scan.components[0]])[1]
    return file.mcus[1]


def _with_exif_size(segment: Segment, height: int, width: int) -> Segment:
    """Return a segment with this size of the picture, if it is EXIF that says one (CIPA DC-008, 4.6.5)."""
    if _kind(segment) != _EXIF:
        return segment
    inner, sides = 0x8769, {0xA002: width, 0xA003: height}  # tags
    header = 6  # bytes before the positions count: "Exif" and two zeros
    marker, content = segment
    changed = bytearray(content)
    order = "<" if content[header : header + 2] == b"II" else ">"
    try:
        (place,) = struct.unpack_from(f"{order}I", content, header + 4)
        entries = _entries(content, header + place, order)
        place = struct.unpack_from(f"{order}I", content, entries[inner] + 8)[0]
        for tag, entry in _entries(content, header + place, order).items():
            if tag in sides:
                (kind,) = struct.unpack_from(f"{order}H", content, entry + 2)
                short = 3
                struct.pack_into(f"{order}{'H' if kind == short else 'I'}", changed, entry + 8, sides[tag])
    except (struct.error, KeyError):
        return segment
    return marker, bytes(changed)


def _entries(content: bytes, start: int, order: str) -> dict[int, int]:
    """Return the places of the entries of an IFD of EXIF, by tag."""
    (count,) = struct.unpack_from(f"{order}H", content, start)
    places = [start + 2 + 12 * number for number in range(count)]
    return {struct.unpack_from(f"{order}H", content, place)[0]: place for place in places}
