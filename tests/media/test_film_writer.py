import os
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet.core.errors import MediaError
from stegnet.media import FilmWriter, SoundPacket, read_frames, read_sound, scan, sound_tracks
from tests.support.waiting import LIMIT

FORMS = ["mkv", "mp4"]
CODECS = {"mkv": "ffv1", "mp4": "h264"}


def write(path, frames, times, **options):
    height, width = frames[0].shape[:2]
    with FilmWriter(path, width, height, Fraction(25), **options) as film:
        for frame, time in zip(frames, times, strict=True):
            film.write(frame, time)
    return path


def noise(count, height, width):
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8))


def codec_of(path):
    with av.open(str(path)) as film:
        return film.format.name.split(",")[0], film.streams.video[0].codec_context.name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("height", "width"), [(61, 97), (64, 96), (8, 8), (1, 1), (2, 1), (200, 8), (17, 33)])
def test_every_pixel_is_exact(tmp_path, form, height, width):
    frames = noise(4, height, width)
    path = write(tmp_path / "a.mkv", frames, [Fraction(n, 25) for n in range(4)], form=form)
    read = list(read_frames(path))
    assert len(read) == 4
    for one, other in zip(frames, read, strict=True):
        np.testing.assert_array_equal(other, one)


def test_a_picture_too_large_for_four_slices_is_exact(tmp_path):
    """One row and column more than four slices of FFV1 can hold."""
    picture = np.zeros((3770, 5280, 3), np.uint8)
    picture[::100, ::90] = 200
    np.testing.assert_array_equal(next(read_frames(write(tmp_path / "a.mkv", [picture], [Fraction(0)]))), picture)


@pytest.mark.parametrize("form", FORMS)
def test_every_colour_is_exact(tmp_path, form):
    levels = np.arange(0, 256, 5, np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(2 * 52, -1, 3)
    path = write(tmp_path / "a", [colours], [Fraction(0)], form=form)
    np.testing.assert_array_equal(next(read_frames(path)), colours)


@pytest.mark.parametrize(("form", "container"), [("mkv", "matroska"), ("mp4", "mov")])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a", ".a.part"])
def test_the_format_does_not_depend_on_the_suffix(tmp_path, form, container, name):
    path = write(tmp_path / name, noise(1, 16, 16), [Fraction(0)], form=form)
    assert codec_of(path) == (container, CODECS[form])


@pytest.mark.parametrize("form", FORMS)
def test_same_input_same_bytes(tmp_path, picture, make_sounds, form):
    cover = make_sounds(tmp_path / "c.mkv", "aac", "flac")
    frames = [picture(61, 97, seed) for seed in range(30)]
    times = [Fraction(n, 25) for n in range(30)]
    choices = {"keep": cover, "form": form}
    a, b = (write(tmp_path / name, frames, times, **choices, randomness=random.Random(1).randbytes) for name in "ab")
    assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_the_bytes_do_not_depend_on_the_number_of_cores(tmp_path, form):
    script = (
        "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}) if sys.argv[3] == '1' else None\n"
        "import numpy as np\nfrom fractions import Fraction\nfrom pathlib import Path\n"
        "from stegnet.media import FilmWriter\n"
        "frames = np.random.default_rng(0).integers(0, 256, (5, 240, 96, 3), np.uint8)\n"
        "with FilmWriter(Path(sys.argv[1]), 96, 240, Fraction(25), form=sys.argv[2], randomness=bytes) as film:\n"
        "    for n, frame in enumerate(frames): film.write(frame, Fraction(n, 25))\n"
    )
    for name in "12":
        run(script, tmp_path / name, form, name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def run(script, *arguments):
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=True, timeout=LIMIT,
    ).stdout  # fmt: skip


def test_uneven_times_are_kept_to_the_millisecond(tmp_path, picture):
    times = [Fraction(7), Fraction(7001, 1000), Fraction(22, 3), Fraction(23, 3), Fraction(100)]
    path = write(tmp_path / "a.mkv", [picture(16, 16)] * 5, times)
    assert list(scan(path).times) == [Fraction(n, 1000) for n in (7000, 7001, 7333, 7667, 100_000)]


@pytest.mark.parametrize("time_base", ["1/90000", "1/1000", "1001/30000", "1/48000"])
@pytest.mark.parametrize("start", [0, 1, 12_345])
def test_mp4_keeps_times_exactly(tmp_path, make_sounds, time_base, start):
    time_base = Fraction(time_base)
    times = [(start + stamp) * time_base for stamp in (0, 1, 2, 40, 41, 1000)]
    cover = make_sounds(tmp_path / "c.mkv", "aac")
    path = write(tmp_path / "a", noise(6, 16, 16), times, form="mp4", time_base=time_base, keep=cover)
    assert list(scan(path).times) == times
    assert len(list(read_sound(path))) == len(list(read_sound(cover)))


@pytest.mark.parametrize("rate", ["25", "24000/1001", "15000000/1000001", "1/3"])
def test_mp4_without_a_time_base_keeps_even_times(tmp_path, rate):
    rate = Fraction(rate)
    times = [n / rate for n in range(30)]
    with FilmWriter(tmp_path / "a", 16, 16, rate, form="mp4") as film:
        for frame, time in zip(noise(30, 16, 16), times, strict=True):
            film.write(frame, time)
    assert list(scan(tmp_path / "a").times) == times


@pytest.mark.parametrize(("form", "unit"), [("mkv", Fraction(1, 1000)), ("mp4", Fraction(1, 12_800))])
def test_times_closer_than_a_unit_stay_distinct(tmp_path, picture, form, unit):
    times = [n * unit / 5 for n in range(4)]
    path = write(tmp_path / "a", [picture(16, 16)] * 4, times, form=form, time_base=unit)
    assert list(scan(path).times) == [n * unit for n in range(4)]


@pytest.mark.parametrize("form", FORMS)
def test_a_film_that_starts_before_0_is_shifted(tmp_path, make_sounds, form):
    cover = make_sounds(tmp_path / "c.mkv", "pcm_s16le")
    times = [Fraction(n - 5, 25) for n in range(10)]
    path = write(tmp_path / "a", noise(10, 16, 16), times, form=form, keep=cover)
    assert list(scan(path).times) == [time + Fraction(1, 5) for time in times]
    track = sound_tracks(path)[0]
    assert next(read_sound(path)).pts * track.time_base == Fraction(1, 5)


@pytest.mark.parametrize("form", FORMS)
def test_sound_is_copied_packet_by_packet(tmp_path, make_sounds, form):
    cover = make_sounds(tmp_path / "c.mkv", "aac", "libmp3lame")
    path = write(tmp_path / "a", noise(20, 16, 16), scan(cover).times, keep=cover, form=form)
    before, after = ([(p.track, p.data) for p in read_sound(film)] for film in (cover, path))
    assert sorted(before) == sorted(after)
    assert scan(path).sound == ("aac", "mp3")


@pytest.mark.parametrize("form", FORMS)
def test_sound_longer_than_the_pictures_is_complete(tmp_path, make_sounds, form):
    cover = make_sounds(tmp_path / "c.mkv", "aac", seconds=3)
    path = write(tmp_path / "a", noise(1, 16, 16), [Fraction(0)], keep=cover, form=form)
    assert [p.data for p in read_sound(path)] == [p.data for p in read_sound(cover)]


def test_sound_and_pictures_are_interleaved(tmp_path, make_sounds):
    """For players that read sequentially, pictures and sound are never more than a second apart in the file."""
    cover = make_sounds(tmp_path / "c.mkv", "aac", seconds=8)
    path = write(tmp_path / "a", noise(200, 16, 16), [Fraction(n, 25) for n in range(200)], keep=cover)
    last = {}
    with av.open(str(path)) as film:
        for packet in film.demux():
            if packet.size:
                last[packet.stream.type] = float(packet.pts * packet.time_base)
                assert len(last) == 1 or abs(last["video"] - last["audio"]) < 1


def test_sound_can_not_come_from_two_sources(tmp_path, make_sounds):
    cover = make_sounds(tmp_path / "c.mkv", "aac")
    with pytest.raises(ValueError, match="not both"):
        FilmWriter(tmp_path / "a", 16, 16, Fraction(25), keep=cover, sound=sound_tracks(cover))


def test_a_frame_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match="shape"), FilmWriter(tmp_path / "a", 16, 16, Fraction(25)) as film:
        film.write(np.zeros((16, 17, 3), np.uint8), Fraction(0))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["-a", "data:a", "b:c.mkv", "ä 'ö' %d", "a\nb"])
def test_paths_are_never_options_or_protocols(tmp_path, monkeypatch, form, name):
    monkeypatch.chdir(tmp_path)
    write(Path(name), noise(1, 16, 16), [Fraction(0)], form=form)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("form", FORMS)
def test_a_film_without_frames_is_closed_without_error(tmp_path, form):
    write_nothing = FilmWriter(tmp_path / "a", 16, 16, Fraction(25), form=form)
    with write_nothing:
        pass
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_first_error_is_raised(tmp_path, make_sounds, form, error):
    cover = make_sounds(tmp_path / "c.mkv", "aac")
    with (
        pytest.raises(error, match="first"),
        FilmWriter(tmp_path / "a", 16, 16, Fraction(25), form=form, keep=cover) as film,
    ):
        for index, frame in enumerate(noise(20, 16, 16)):
            film.write(frame, Fraction(index, 25))
        raise error("first")


@pytest.mark.parametrize("form", FORMS)
def test_an_unwritable_output(tmp_path, form):
    with pytest.raises(MediaError, match=r"a\.mkv: can't be written \(No such file"):
        FilmWriter(tmp_path / "b" / "a.mkv", 16, 16, Fraction(25), form=form)
    with pytest.raises(MediaError, match=r"can't be written \(Is a directory"):
        FilmWriter(tmp_path, 16, 16, Fraction(25), form=form)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk(form):
    with pytest.raises(MediaError, match=r"^/dev/full: can't be written \(No space left on device\)$"):
        write(Path("/dev/full"), noise(200, 64, 96), [Fraction(n, 25) for n in range(200)], form=form)


@pytest.mark.parametrize("form", FORMS)
def test_a_disk_that_becomes_full_at_any_byte(tmp_path, make_sounds, form):
    """In another process, as the file size limit can't be lifted again; exceeding it fails like a full disk."""
    cover = make_sounds(tmp_path / "c.mkv", "flac")
    out = run(FILLING, tmp_path / "a", cover, form)
    size, *messages = out.splitlines()
    assert int(size) > 20_000
    assert len(messages) > 40
    assert set(messages) == {f"{tmp_path / 'a'}: can't be written (File too large)"}


FILLING = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from stegnet.core.errors import MediaError
from stegnet.media import FilmWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, cover, form = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
frames = np.random.default_rng(0).integers(0, 256, (6, 24, 32, 3), np.uint8)

def attempt():
    with FilmWriter(path, 32, 24, Fraction(25), form=form, keep=cover) as film:
        for n, frame in enumerate(frames):
            film.write(frame, Fraction(n, 25))

attempt()
size = path.stat().st_size
print(size)
for limit in [*range(0, size, size // 30), *range(max(0, size - 600), size, 37), size - 1]:
    path.write_bytes(b"")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        attempt()
        print("not noticed at", limit, "of", size)
    except MediaError as error:
        print(error)
"""


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_does_not_wait_for_missing_sound(tmp_path, make_sounds, form):
    """Little is buffered in memory: the file grows as frames are written."""
    cover = make_sounds(tmp_path / "c.mkv", "aac", seconds=0.1)
    frames = noise(50, 240, 320)
    with FilmWriter(tmp_path / "a", 320, 240, Fraction(25), form=form, keep=cover) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
        written = (tmp_path / "a").stat().st_size
    assert written > 0.4 * (tmp_path / "a").stat().st_size


def test_two_threads_can_decode_a_frame(tmp_path):
    path = write(tmp_path / "a", noise(1, 64, 96), [Fraction(0)])
    with av.open(str(path)) as film:
        packet = bytes(next(film.demux(video=0)))
    # A slice ends in its size (3 bytes), an error status (1 byte), and its CRC (4 bytes): RFC 9043, 4.9.
    slices, end = 0, len(packet)
    while end > 0:
        size = int.from_bytes(packet[end - 8 : end - 5], "big")
        assert packet[end - 5] == 0
        slices, end = slices + 1, end - size - 8
    assert (slices, end) == (4, 0)


def test_sound_packets_are_for_known_tracks(tmp_path):
    packet = SoundPacket(0, 0, 0, 1, True, b"x")
    with pytest.raises(IndexError), FilmWriter(tmp_path / "a", 16, 16, Fraction(25)) as film:
        film.write(np.zeros((16, 16, 3), np.uint8), Fraction(0), [packet])
