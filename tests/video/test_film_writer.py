import os
import random
import resource
from fractions import Fraction

import av
import numpy as np
import pytest

from stegnet import MediaError
from stegnet.video import FilmWriter, read_frames, read_sound, scan, sound_tracks
from stegnet.video.film_writer import write_draft
from tests.support.films import write_film

pytestmark = pytest.mark.slow

each_form = pytest.mark.parametrize("form", ["mkv", "mp4"])


def noise(count, height, width):
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8))


def every_colour():
    levels = np.arange(0, 256, 5, np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(2 * 52, -1, 3)


@each_form
def test_every_pixel_is_exact(tmp_path, form):
    sizes = [(61, 97), (64, 96), (8, 8), (1, 1), (2, 1), (200, 8), (17, 33)]
    for frames in [[every_colour()], *(noise(4, *size) for size in sizes)]:
        write_film(tmp_path / "a", frames, form=form)
        np.testing.assert_array_equal(list(read_frames(tmp_path / "a")), frames)


def test_drafts_are_exact(tmp_path):
    """Of noise, too, which takes more room than it has: another fast codec's decoder refuses its own tall frames."""
    for frames in [[every_colour()], *(noise(2, *size) for size in [(2, 2), (18, 34), (476, 848), (848, 478)])]:
        write_draft(tmp_path / "a.avi", frames)
        np.testing.assert_array_equal(list(read_frames(tmp_path / "a.avi")), frames)


def test_a_picture_too_large_for_four_slices_is_exact(tmp_path):
    """One row and column more than four slices of FFV1 can hold."""
    picture = np.zeros((3770, 5280, 3), np.uint8)
    picture[::100, ::90] = 200
    write_film(tmp_path / "a.mkv", [picture])
    np.testing.assert_array_equal(next(read_frames(tmp_path / "a.mkv")), picture)


def test_the_same_input_gives_the_same_bytes_on_any_number_of_cores(tmp_path, make_sounds):
    cover, cores = make_sounds(tmp_path / "c.mkv", "aac", "flac"), os.sched_getaffinity(0)
    for form in ("mkv", "mp4", "watchable"):
        for number, some in enumerate(({min(cores)}, cores)):
            choices = {"form": form, "keep": cover, "randomness": random.Random(1).randbytes}
            os.sched_setaffinity(0, some)
            try:
                write_film(tmp_path / f"{number}", noise(8, 241, 97), **choices)
            finally:
                os.sched_setaffinity(0, cores)
        assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


MILLISECOND, TICK = Fraction(1, 1000), Fraction(1, 12_800)
THIRDS = [Fraction(7), Fraction(7001, 1000), Fraction(22, 3), Fraction(23, 3), Fraction(100)]
STAMPS = (0, 1, 2, 40, 41, 1000)
# Format, choices, times, and those that are found, if they differ: Matroska rounds to milliseconds, MP4 to its unit.
TIMES = [
    ("mkv", {}, THIRDS, [n * MILLISECOND for n in (7000, 7001, 7333, 7667, 100_000)]),
    *(
        ("mp4", {"time_base": unit}, [(start + stamp) * unit for stamp in STAMPS], None)
        for unit in map(Fraction, ("1/90000", "1/1000", "1001/30000", "1/48000"))
        for start in (0, 12_345)
    ),
    *(
        ("watchable", {"time_base": Fraction(1, 90_000)}, [Fraction(start + n * n, 90_000) for n in range(9)], None)
        for start in (0, 1234)
    ),
    *(
        ("mp4", {"rate": rate}, [n / rate for n in range(30)], None)
        for rate in map(Fraction, ("25", "24000/1001", "15000000/1000001", "1/3"))
    ),
    *(
        (form, {"time_base": unit}, [n * unit / 5 for n in range(4)], [n * unit for n in range(4)])  # stay distinct
        for form, unit in (("mkv", MILLISECOND), ("mp4", TICK))
    ),
]


def test_times_are_kept(tmp_path, make_sounds):
    """As they are without sound, and with it."""
    cover = make_sounds(tmp_path / "c.mkv", "aac")
    for form, choices, times, found in TIMES:
        for keep in (None, cover):
            write_film(tmp_path / "a", noise(len(times), 16, 16), times, form=form, keep=keep, **choices)
            assert list(scan(tmp_path / "a").times) == (found or times), (form, choices)


@each_form
def test_sound_is_shifted_with_a_film_that_starts_before_0(tmp_path, make_sounds, form):
    cover, path = make_sounds(tmp_path / "d.mkv", "pcm_s16le"), tmp_path / "a"
    write_film(path, noise(10, 16, 16), [Fraction(n - 5, 25) for n in range(10)], form=form, keep=cover)
    assert list(scan(path).times) == [Fraction(n, 25) for n in range(10)]
    assert next(read_sound(path)).pts * sound_tracks(path)[0].time_base == Fraction(1, 5)


def test_sound_and_pictures_are_interleaved(tmp_path, make_sounds):
    """For players that read sequentially, pictures and sound are never more than a second apart in the file."""
    cover = make_sounds(tmp_path / "c.mkv", "aac", seconds=8)
    write_film(tmp_path / "a", noise(200, 16, 16), keep=cover)
    last = {}
    with av.open(str(tmp_path / "a")) as film:
        for packet in film.demux():
            if packet.size:
                last[packet.stream.type] = float(packet.pts * packet.time_base)
                assert len(last) == 1 or abs(last["video"] - last["audio"]) < 1


@each_form
def test_the_first_error_is_raised(tmp_path, make_sounds, form):
    """The film is closed all the same, as one without frames is."""
    choices = {"form": form, "keep": make_sounds(tmp_path / "c.mkv", "aac")}
    with FilmWriter(tmp_path / "a", 16, 16, Fraction(25), **choices):
        pass
    with (
        pytest.raises(KeyboardInterrupt, match="first"),
        FilmWriter(tmp_path / "a", 16, 16, Fraction(25), **choices) as film,
    ):
        for index, frame in enumerate(noise(20, 16, 16)):
            film.write(frame, Fraction(index, 25))
        raise KeyboardInterrupt("first")


@each_form
def test_a_disk_that_becomes_full_at_any_byte(tmp_path, make_sounds, form):
    """Exceeding a limit of the file size fails like a full disk."""
    cover, path, own = (
        make_sounds(tmp_path / "c.mkv", "flac"),
        tmp_path / "a",
        resource.getrlimit(resource.RLIMIT_FSIZE),
    )
    write_film(path, noise(6, 24, 32), form=form, keep=cover)
    size = path.stat().st_size
    for limit in [*range(0, size, size // 12), *range(size - 600, size, 75), size - 1]:
        path.write_bytes(b"")
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, own[1]))
        try:
            with pytest.raises(MediaError) as caught:
                write_film(path, noise(6, 24, 32), form=form, keep=cover)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, own)
        assert str(caught.value) == f"{path}: can't be written (File too large)"


@each_form
def test_a_frame_does_not_wait_for_missing_sound(tmp_path, make_sounds, form):
    """Little is buffered in memory: the file grows as frames are written."""
    cover = make_sounds(tmp_path / "c.mkv", "aac", seconds=0.1)
    with FilmWriter(tmp_path / "a", 160, 120, Fraction(25), form=form, keep=cover) as film:
        for index, frame in enumerate(noise(50, 120, 160)):
            film.write(frame, Fraction(index, 25))
        written = (tmp_path / "a").stat().st_size
    assert written > 0.4 * (tmp_path / "a").stat().st_size
