import os
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet.video import FilmWriter, read_frames, read_sound, scan, sound_tracks
from stegnet.video.film_writer import write_draft
from tests.support.films import write_film
from tests.support.waiting import LIMIT

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
    cover = make_sounds(tmp_path / "c.mkv", "aac", "flac")
    script = (
        "import os, random, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "import numpy as np\nfrom pathlib import Path\nfrom tests.support.films import write_film\n"
        "frames = np.random.default_rng(0).integers(0, 256, (8, 241, 97, 3), np.uint8)\n"
        "for form in 'mkv', 'mp4', 'watchable':\n    out, draw = Path(sys.argv[1]) / form, random.Random(1).randbytes\n"
        "    write_film(out, frames, form=form, keep=Path(sys.argv[2]), randomness=draw)\n"
    )
    run(script, tmp_path, cover)
    for form in ("mkv", "mp4", "watchable"):
        write_film(tmp_path / "a", noise(8, 241, 97), form=form, keep=cover, randomness=random.Random(1).randbytes)
        assert (tmp_path / "a").read_bytes() == (tmp_path / form).read_bytes()


def run(script, *arguments):
    root = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    settings = {"capture_output": True, "text": True, "timeout": LIMIT}
    return subprocess.run(command, check=True, env=os.environ | root, **settings).stdout


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
def test_sound_is_copied(tmp_path, make_sounds, form):
    """However long it is, and shifted with a film that starts before 0."""
    cover, path = make_sounds(tmp_path / "c.mkv", "aac", "libmp3lame", seconds=3), tmp_path / "a"
    write_film(path, noise(1, 16, 16), keep=cover, form=form)
    before, after = ([(p.track, p.data) for p in read_sound(film)] for film in (cover, path))
    assert sorted(before) == sorted(after)
    cover = make_sounds(tmp_path / "d.mkv", "pcm_s16le")
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


def test_a_disk_that_becomes_full_at_any_byte(tmp_path, make_sounds):
    """In another process, as the file size limit can't be lifted again; exceeding it fails like a full disk."""
    sound = make_sounds(tmp_path / "c.mkv", "flac")
    for form in ("mkv", "mp4"):
        size, *messages = run(FILLING, tmp_path / "a", sound, form).splitlines()
        assert int(size) > 20_000
        assert len(messages) > 20
        assert set(messages) == {f"{tmp_path / 'a'}: can't be written (File too large)"}


FILLING = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from stegnet.core.errors import MediaError
from tests.support.films import write_film

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, cover, form = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
frames = np.random.default_rng(0).integers(0, 256, (6, 24, 32, 3), np.uint8)
write_film(path, frames, form=form, keep=cover)
size = path.stat().st_size
print(size)
for limit in [*range(0, size, size // 12), *range(max(0, size - 600), size, 75), size - 1]:
    path.write_bytes(b"")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_film(path, frames, form=form, keep=cover)
        print("not noticed at", limit, "of", size)
    except MediaError as error:
        print(error)
"""


@each_form
def test_a_frame_does_not_wait_for_missing_sound(tmp_path, make_sounds, form):
    """Little is buffered in memory: the file grows as frames are written."""
    cover = make_sounds(tmp_path / "c.mkv", "aac", seconds=0.1)
    with FilmWriter(tmp_path / "a", 160, 120, Fraction(25), form=form, keep=cover) as film:
        for index, frame in enumerate(noise(50, 120, 160)):
            film.write(frame, Fraction(index, 25))
        written = (tmp_path / "a").stat().st_size
    assert written > 0.4 * (tmp_path / "a").stat().st_size
