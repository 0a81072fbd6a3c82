from fractions import Fraction

import av
import numpy as np
import pytest

from stegnet.errors import MediaError
from stegnet.media import FilmWriter, read_frames, read_tags, scan


def write(path, frames, times, **options):
    height, width = frames[0].shape[:2]
    with FilmWriter(path, width, height, Fraction(25), **options) as film:
        for frame, time in zip(frames, times, strict=True):
            film.write(frame, time)
    return path


def packets(path):
    with av.open(str(path)) as film:
        packets = film.demux(film.streams.audio[0])
        return [(bytes(packet), packet.pts * packet.time_base) for packet in packets if packet.dts is not None]


@pytest.mark.parametrize(("height", "width"), [(61, 97), (64, 96), (8, 8), (1, 1), (200, 8)])
def test_every_pixel_comes_back(tmp_path, height, width):
    frames = list(np.random.default_rng(0).integers(0, 256, (4, height, width, 3), np.uint8))
    path = write(tmp_path / "a.mkv", frames, [Fraction(n, 25) for n in range(4)])
    for written, read in zip(frames, read_frames(path), strict=True):
        np.testing.assert_array_equal(read, written)


def test_same_input_same_bytes(tmp_path, picture, make_film):
    cover = make_film(tmp_path / "c.mp4", codec="libx264", pix_fmt="yuv420p", sound="aac")
    frames = [picture(61, 97, seed) for seed in range(6)]
    times = [Fraction(n, 25) for n in range(6)]
    options = {"tags": {"STEGNET": "x" * 3000}, "sound_of": cover}
    a, b = (write(tmp_path / name, frames, times, **options) for name in ("a.mkv", "b.mkv"))
    assert a.read_bytes() == b.read_bytes()
    assert read_tags(a)["STEGNET"] == "x" * 3000


def test_uneven_times_are_kept_to_the_millisecond(tmp_path, picture):
    times = [Fraction(7), Fraction(7001, 1000), Fraction(22, 3), Fraction(100)]
    path = write(tmp_path / "a.mkv", [picture(16, 16)] * 4, times)
    assert list(scan(path).times) == [Fraction(n, 1000) for n in (7000, 7001, 7333, 100_000)]


def test_times_closer_than_a_millisecond_stay_apart(tmp_path, picture):
    times = [Fraction(n, 5000) for n in range(4)]
    path = write(tmp_path / "a.mkv", [picture(16, 16)] * 4, times)
    assert scan(path).pts == (0, 1, 2, 3)


@pytest.mark.parametrize("sound", ["aac", "mp3", "flac"])
def test_sound_is_copied_packet_by_packet(tmp_path, make_film, picture, sound):
    rate = 10
    cover = make_film(tmp_path / "c.mkv", rate, sound=sound)
    frames = [picture(64, 96)] * rate
    path = write(tmp_path / "a.mkv", frames, scan(cover).times, sound_of=cover)
    before, after = packets(cover), packets(path)
    assert len(before) > 3
    assert [data for data, _ in before] == [data for data, _ in after]
    assert max(abs(x - y) for (_, x), (_, y) in zip(before, after, strict=True)) <= Fraction(1, 1000)


def test_sound_longer_than_the_pictures_is_whole(tmp_path, make_film, picture):
    cover = make_film(tmp_path / "c.mkv", 50, sound="aac")
    path = write(tmp_path / "a.mkv", [picture(64, 96)], [Fraction(0)], sound_of=cover)
    assert [data for data, _ in packets(path)] == [data for data, _ in packets(cover)]


def test_a_place_that_can_not_be_written(tmp_path, picture):
    with pytest.raises(MediaError, match="can't be written"):
        write(tmp_path / "b" / "a.mkv", [picture(16, 16)], [Fraction(0)])
