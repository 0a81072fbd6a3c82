"""Films that are put into another format, or made what everything plays: hardly different from the original."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from stegnet import MediaError
from stegnet.core.parallel import no_count
from stegnet.video import FilmWriter, read_frames, read_sound, scan, sound_tracks
from stegnet.video.forms import MKV, MP4
from stegnet.video.remux import make_watchable, rewrap, unplayable
from tests.support.films import digest, encoded, ffmpeg, still_film, still_frames, write_film
from tests.support.quality import psnr

pytestmark = pytest.mark.slow

BT709 = 1


def shown(path: Path) -> tuple[list, list, list]:
    """Frames, their times, and packets of sound."""
    return [digest(frame) for frame in read_frames(path)], list(scan(path).times), [p.data for p in read_sound(path)]


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return still_film(tmp_path_factory.mktemp("films") / "still.mkv", 25)


@pytest.mark.parametrize(("height", "width"), [(96, 128), (97, 131), (1, 1), (2, 1)])
def test_a_film_for_watching(tmp_path, height, width):
    """What browsers need: the index first, H.264 High 4:2:0 of even sides, and the colours it is to be shown in."""
    path, frames = tmp_path / "a.mp4", still_frames(12, height, width)
    film = write_film(path, frames, form="watchable")
    assert bool(film.notes) == bool(height % 2 or width % 2)
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")
    with av.open(str(path)) as opened:
        context = opened.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.width, context.height) == film.size == (width + width % 2, height + height % 2)
        assert (context.colorspace, context.color_primaries, context.color_trc) == (BT709, BT709, BT709)
        assert context.color_range == ColorRange.MPEG
    visible = [frame[:height, :width] for frame in read_frames(path)]
    assert len(visible) == 12
    assert min(psnr(*pair) for pair in zip(frames, visible, strict=True)) > 34


@pytest.mark.parametrize("suffix", ["mkv", "mov"])
def test_pictures_and_sound_that_everything_plays_are_copied(tmp_path, make_film, suffix):
    path = make_film(tmp_path / f"a.{suffix}", 6, codec="libx264", pix_fmt="yuv420p", sound="aac")
    before = shown(path)
    assert make_watchable(path, no_count) == ("put into MP4",)
    assert shown(path) == before
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")
    assert [found.name for found in tmp_path.iterdir()] == [f"a.{suffix}"]


@pytest.mark.parametrize(
    ("codec", "pixels", "named"),
    [("libx265", "yuv444p10le", "hevc"), ("ffv1", "bgr0", "ffv1"), ("libx264", "yuv444p", "h264, yuv444p")],
)
def test_other_pictures_become_h264(tmp_path, film, codec, pixels, named):
    path = encoded(film, tmp_path / "a.mkv", *["-frames:v", "12", "-c:v", codec, "-pix_fmt", pixels])
    before, times, calls = list(read_frames(path)), list(scan(path).times), []
    notes = make_watchable(path, lambda *call: calls.append(call))
    assert notes[0] == f"its pictures ({named}) became H.264, which browsers and phones play"
    assert calls == [(done, 12) for done in range(1, 13)]
    assert unplayable(path) is None
    assert list(scan(path).times) == times
    assert min(psnr(*pair) for pair in zip(before, read_frames(path), strict=True)) > 36


@pytest.mark.parametrize("codec", ["ac3", "alac", "pcm_s16le"])
def test_other_sound_becomes_aac(tmp_path, film, codec):
    """As long as it was, and with the same tone in it."""
    path = encoded(film, tmp_path / "a.mkv", *["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", codec])
    frames, _, _ = shown(path)
    (note,) = make_watchable(path, no_count)[1:]
    assert note.endswith("became AAC, which browsers and phones play")
    assert shown(path)[0] == frames
    with av.open(str(path)) as opened:
        track = opened.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(track)])
        assert (track.codec_context.name, track.rate, track.layout.name) == ("aac", 44100, "mono")
    assert len(samples) / 44100 == pytest.approx(1.0, abs=0.06)
    loudest = np.fft.rfftfreq(32768, 1 / 44100)[np.abs(np.fft.rfft(samples[4096:36864])).argmax()]
    assert loudest == pytest.approx(44100 / (2 * np.pi * 16), abs=3)


def test_sound_whose_channels_change_goes_on_without_what_changed(tmp_path):
    """A record's packets are what whoever has the key says."""
    sounds = {}
    for channels in (1, 2):
        path = ffmpeg("-f lavfi -i sine=duration=1", tmp_path / f"{channels}.mkv", f"-c:a mp2 -ac {channels}")
        sounds[channels] = sound_tracks(path), list(read_sound(path))
    tracks, packets = sounds[1]
    mixed = [*packets[:20], *sounds[2][1][20:]]
    write, frames = tmp_path / "a.mp4", still_frames(25)
    with FilmWriter(write, *frames[0].shape[1::-1], Fraction(25), form="watchable", sound=tracks) as film:
        for number, frame in enumerate(frames):
            film.write(frame, Fraction(number, 25), mixed if not number else ())
    assert len(list(read_frames(write))) == 25
    with av.open(str(write)) as opened:
        seconds = sum(frame.samples for frame in opened.decode(opened.streams.audio[0])) / 44100
    assert seconds == pytest.approx(20 * 1152 / 44100, abs=0.1)


def test_sound_that_everything_plays_is_copied(tmp_path, film):
    codecs = ("aac", "flac", "libmp3lame", "libopus")
    tracks = [part for n, codec in enumerate(codecs) for part in ("-map", "0:a", f"-c:a:{n}", codec)]
    path = encoded(film, tmp_path / "a.mkv", *["-frames:v", "12", "-map", "0:v", "-c:v", "ffv1", *tracks])
    _, _, before = shown(path)
    assert len(make_watchable(path, no_count)) == 1
    assert [track.codec for track in sound_tracks(path)] == ["aac", "flac", "mp3", "opus"]
    assert sorted(shown(path)[2]) == sorted(before)


def test_a_turned_film_is_shown_upright_and_six_channels_stay(tmp_path, make_film, film):
    path = make_film(tmp_path / "a.mov", 3, codec="libx265", pix_fmt="yuv420p", turn=90)
    before = next(read_frames(path))
    make_watchable(path, no_count)
    after = next(read_frames(path))
    assert after.shape == before.shape == (96, 64, 3)
    assert psnr(before, after) > 25
    path = encoded(film, tmp_path / "b.mkv", *["-frames:v", "12", "-c:v", "ffv1", "-c:a", "ac3", "-ac", "6"])
    make_watchable(path, no_count)
    assert sound_tracks(path)[0].layout == "5.1"


@pytest.mark.parametrize(("codec", "form", "before"), [("libx264", MP4, "a.mkv"), ("libx265", MKV, "a.mp4")])
def test_films_are_put_into_another_format(tmp_path, make_film, codec, form, before):
    path = make_film(tmp_path / before, 6, codec=codec, pix_fmt="yuv420p", sound="aac")
    seen = shown(path)
    path.chmod(0o600)
    assert rewrap(path, form)
    with av.open(str(path)) as film:
        assert form.muxer in film.format.name
    assert shown(path) == seen
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == [before]


def test_what_is_no_film_or_does_not_fit_stays_as_it_was(tmp_path, make_film):
    """MP4 can't hold VP8."""
    path = make_film(tmp_path / "a.mkv", 3, codec="libvpx", pix_fmt="yuv420p")
    for content in (path.read_bytes(), b"no film", b""):
        path.write_bytes(content)
        assert not rewrap(path, MP4)
        if len(content) < 10:
            with pytest.raises(MediaError, match=r"a\.mkv: "):
                make_watchable(path, no_count)
        assert path.read_bytes() == content
        assert [found.name for found in tmp_path.iterdir()] == ["a.mkv"]
