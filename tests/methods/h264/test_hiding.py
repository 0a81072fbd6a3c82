"""Files in an MP4's own H.264: what comes back, what stays, what is told of changes, and what is refused."""

import re
from contextlib import suppress
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet import CapacityError, MediaError, RevealError, StegnetError
from stegnet.files import file_info, reveal_file
from stegnet.keys import Key, Passphrase
from stegnet.media import read_frames
from stegnet.media.films.mp4 import read_mp4, write_mp4
from stegnet.methods import DEFAULT_RUN, METHODS, CoverSize
from stegnet.methods.auto import AutoOptions
from stegnet.methods.h264 import H264Options, stream
from stegnet.methods.h264.costs import level_costs
from stegnet.methods.h264.stream import FilmStream, film_groups
from stegnet.results import OutputTarget
from tests.support.films import encoded, ffmpeg, still_film
from tests.support.h264 import moving
from tests.support.quality import psnr

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
METHOD = METHODS["h264"]
B_PICTURES = "-c:v libx264 -pix_fmt yuv420p -crf 20 -bf 2 -g 24 -threads 2 -c:a aac"


def film(path: Path, count: int = 96, options: str = B_PICTURES, size: tuple[int, int] = (144, 192)) -> Path:
    """A film with sound that an encoder has made."""
    source = still_film(path.with_suffix(".mkv"), count, 16, 16)
    pictures = b"".join(frame.tobytes() for frame in moving(count, *size, noise=8))
    raw = f"-f rawvideo -pix_fmt rgb24 -s {size[1]}x{size[0]} -r 25 -i - -i {source} -map 0:v -map 1:a"
    return ffmpeg(raw, path, f"{options} -metadata title=Holiday", pictures)


@pytest.fixture(scope="module")
def cover(tmp_path_factory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "cover.mp4")


def hide(cover: Path, data: bytes, out: Path, key=KEY, **options: bool):
    secret = out.with_name("secret.bin")
    secret.write_bytes(data)
    return METHOD.hide(cover, secret, OutputTarget(out, force=True), key, H264Options(**options), DEFAULT_RUN)


def revealed(film: Path, key=KEY) -> tuple[bytes, tuple[str, ...]]:
    """The hidden file, and the figures of changes."""
    out = film.with_suffix(".back")
    report = reveal_file(film, OutputTarget(out, force=True), key)
    return out.read_bytes(), report.trouble


def packets(film: Path, kind: str) -> list[bytes]:
    with av.open(str(film)) as opened:
        (track,) = getattr(opened.streams, kind)
        return [bytes(packet) for packet in opened.demux(track) if packet.size]


@pytest.fixture(scope="module")
def container(cover) -> Path:
    report = hide(cover, bytes(range(200)), cover.with_name("container.mp4"))
    assert (report.width, report.height, report.frames, report.hidden) == (192, 144, 96, 1)
    assert report.hiding.container_psnr > 50
    return cover.with_name("container.mp4")


def test_a_file_comes_back(container):
    assert revealed(container) == (bytes(range(200)), ())
    assert file_info(container, KEY)["hidden_name"] == "secret.bin"
    with pytest.raises(RevealError, match="nothing here opens with this key"):
        revealed(container, OTHER)


def test_the_film_stays_what_it_was(cover, container):
    """Sound, times, metadata, and all pictures that others refer to; the size nearly so."""
    assert packets(cover, "audio") == packets(container, "audio")
    assert abs(container.stat().st_size - cover.stat().st_size) < cover.stat().st_size / 500
    before, after = packets(cover, "video"), packets(container, "video")
    changed = [index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    ends = [index for index, packet in enumerate(after[1:]) if packet[4] & 31 == 5 or b"\x65" in packet[4:40]]
    referred = {index for index, packet in enumerate(before) if any(unit[0] & 0x60 for unit in units(cover, packet))}
    assert changed
    assert not (referred & set(changed)) - {*ends, len(before) - 1}
    pairs = list(zip(read_frames(cover), read_frames(container), strict=True))
    different = [psnr(*pair) for pair in pairs if (pair[0] != pair[1]).any()]
    assert 0 < len(different) <= len(changed)
    assert min(different) > 40
    with av.open(str(container)) as opened:
        assert opened.metadata["title"] == "Holiday"
        assert opened.metadata["encoder"] == av.open(str(cover)).metadata["encoder"]


def units(film: Path, packet: bytes) -> list[bytes]:
    """NAL units of slices."""
    return [unit for unit in FilmStream(film).units(packet) if unit[0] & 31 in (1, 5)]


def test_hidings_differ(cover, container, tmp_path):
    hide(cover, bytes(range(200)), tmp_path / "again.mp4")
    assert container.read_bytes() != (tmp_path / "again.mp4").read_bytes()


@pytest.mark.usefixtures("quick_scrypt")
def test_a_passphrase(cover, tmp_path):
    hide(cover, b"a", tmp_path / "phrase.mp4", Passphrase("six words"))
    assert revealed(tmp_path / "phrase.mp4", Passphrase("six words"))[0] == b"a"


@pytest.fixture
def small_groups(monkeypatch) -> None:
    monkeypatch.setattr(stream, "GROUP_CARRIERS", 12_000)


@pytest.mark.usefixtures("small_groups")
def test_a_film_of_several_groups_may_be_cut_at_key_frames(tmp_path):
    out = tmp_path / "out.mp4"
    report = hide(film(tmp_path / "cover.mp4", 216), b"meet me at eight", out)
    assert report.hidden > 2
    assert any("groups of pictures are lost" in note for note in report.notes)
    assert revealed(out) == (b"meet me at eight", ())
    cut = encoded(out, tmp_path / "cut.mp4", "-c", "copy", "-ss", "0.96")
    data, trouble = revealed(cut)
    assert data == b"meet me at eight"
    assert any("of pictures" in line and "lost" in line for line in trouble)
    data = bytearray(out.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 300):  # in some picture, or two
        data[place] ^= 255
    (tmp_path / "damaged.mp4").write_bytes(data)
    data, trouble = revealed(tmp_path / "damaged.mp4")
    assert data == b"meet me at eight"
    assert any(re.search("groups? of pictures .*altered", line) for line in trouble)
    (tmp_path / "broken_off.mp4").write_bytes(faststart(out, tmp_path).read_bytes()[: 9 * out.stat().st_size // 10])
    assert revealed(tmp_path / "broken_off.mp4")[0] == b"meet me at eight"


def faststart(film: Path, folder: Path) -> Path:
    """A copy whose tables come first."""
    return encoded(film, folder / "tables_first.mp4", "-c", "copy", "-map", "0", "-movflags", "+faststart")


@pytest.mark.usefixtures("small_groups", "quick_scrypt")
def test_with_a_passphrase_the_first_group_must_be_left(tmp_path):
    out, phrase = tmp_path / "out.mp4", Passphrase("six words")
    report = hide(film(tmp_path / "cover.mp4", 216), b"meet me at eight", out, phrase)
    assert any(note.endswith("groups of pictures are lost, but not the first") for note in report.notes)
    begun = encoded(out, tmp_path / "begun.mp4", "-c", "copy", "-t", "6")
    assert revealed(begun, phrase)[0] == b"meet me at eight"


def test_changes_are_told(container, tmp_path):
    """Of a level that carries nothing, and of a picture between those that carry something."""
    opened, altered = FilmStream(container), tmp_path / "altered.mp4"
    (group,) = film_groups(opened)
    part = group.slices[0]
    samples = part.levels.value[part.carriers]
    samples = (samples - (samples > 0) + 128).astype(np.uint8)
    samples[:40] ^= 2
    packet = dict(opened.packets())[part.packet]
    new = [
        opened.with_values(part, samples, False) if at == part.unit else unit
        for at, unit in enumerate(opened.units(packet))
    ]
    write_mp4(read_mp4(container), altered, {part.packet: opened.packed(new)})
    with suppress(RevealError):
        assert revealed(altered)[1]


def test_only_signs_change_and_no_place_gets_another_share_of_them(cover, container):
    """But for one change in a hundred, where a search has no other."""
    before, after = (next(film_groups(FilmStream(film))) for film in (cover, container))
    sizes, signs = np.zeros(2, int), 0
    for one, other in zip(before.slices, after.slices, strict=True):
        pair = one.levels.value, other.levels.value
        signs += (pair[0] == -pair[1]).sum()
        sizes += [(pair[0] != pair[1]).sum(), (np.abs(pair[0]) != np.abs(pair[1])).sum()]
        np.testing.assert_array_equal(*(part.levels.value[~part.carriers] for part in (one, other)))
    assert signs > 50
    assert sizes[1] <= sizes[0] / 50
    costs = level_costs(before)
    assert costs.up.shape == costs.down.shape == before.samples.shape
    assert ((costs.up == 500) | (costs.down == 500)).all()


def test_room(cover):
    size = CoverSize(144, 192, 96, file=cover)
    room = METHOD.file_room(size, "a.bin", H264Options()).bytes
    assert METHOD.room(size)[0].bytes >= room > 200
    with pytest.raises(CapacityError, match=r"and there is room for \d+"):
        hide(cover, bytes(50_000), cover.with_name("full.mp4"))
    assert not cover.with_name("full.mp4").exists()
    assert METHOD.file_room(CoverSize(144, 192, 96), "", H264Options()).bytes == 0


def test_auto_leaves_an_mp4_what_it_is(cover, tmp_path):
    """If the secret fits, and OUT is an MP4."""
    secret, room = tmp_path / "a.bin", METHOD.file_room(CoverSize(144, 192, 96, file=cover), "a.bin", H264Options())
    assert 0 < room.hard < room.bytes
    cases = [(room.bytes, ".mp4", False, "h264"), (room.bytes + 1, ".mp4", False, "sealed")]
    for size, suffix, safe, method in (*cases, (9, ".mkv", False, "sealed"), (room.hard, ".mp4", True, "h264")):
        secret.write_bytes(bytes(size))
        out, options = tmp_path / f"out{suffix}", AutoOptions(at_most_safe=safe)
        METHODS["auto"].hide(cover, secret, OutputTarget(out, force=True), KEY, options, DEFAULT_RUN)
        assert file_info(out, KEY)["method"] == method
        assert revealed(out)[0] == bytes(size)


REFUSED = {
    "-c:v libx265 -x265-params log-level=error -pix_fmt yuv420p": "not H.264|no track of H.264",
    "-c:v libx264 -pix_fmt yuv444p": "other than 4:2:0",
    "-c:v libx264 -pix_fmt yuv420p10le": "more than 8 bits",
    "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme": "interlaced",
    "-c:v libx264 -pix_fmt yuv420p -movflags frag_keyframe+empty_moov": "in fragments",
    "-c:v libx264 -pix_fmt yuv420p -g 6 -movflags hybrid_fragmented": "in fragments",  # as OBS Studio records
}


@pytest.mark.parametrize(("options", "message"), REFUSED.items())
def test_films_that_are_refused(tmp_path, options, message):
    source = film(tmp_path / "film.mp4", 12, f"{options} -c:a aac")
    with pytest.raises(StegnetError, match=message):
        hide(source, b"a", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_tables_that_list_other_pictures_than_players_read(cover, tmp_path):
    data, path = bytearray(cover.read_bytes()), tmp_path / "empty.mp4"
    size = data.index(b"stsz") + 16 + 4 * 50
    data[size : size + 4] = bytes(4)  # with the others where they were, since each chunk has its own offset
    path.write_bytes(data)
    with pytest.raises(MediaError):
        hide(path, b"a", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    assert METHOD.file_room(CoverSize(144, 192, 96, file=path), "", H264Options()).bytes == 0


def test_damaged_films(cover, tmp_path):
    data, draw = cover.read_bytes(), np.random.default_rng(0)
    for _ in islice(range(100), 60):
        damaged = bytearray(data)
        for place in draw.integers(0, len(data), 5):
            damaged[place] ^= 1 << draw.integers(8)
        path = tmp_path / "damaged.mp4"
        path.write_bytes(damaged)
        try:
            hide(path, b"a", tmp_path / "out.mp4")
        except (MediaError, CapacityError):
            continue
