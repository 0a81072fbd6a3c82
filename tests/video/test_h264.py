"""Ordinary H.264 films: frames in and out, what is copied beside them, and the motion of their blocks."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet.video import FilmInfo, scan
from stegnet.video.coding import PACE, Coding
from stegnet.video.film_writer import write_h264
from stegnet.video.films import decode
from stegnet.video.motion import SEARCH, Motion, motion_of
from stegnet.video.remux import with_sound
from tests.support.films import encoded, still_film, still_frames

SUBTITLES = "1\n00:00:00,100 --> 00:00:00,300\nGuten <i>Tag</i>\n\n2\n00:00:00,400 --> 00:00:00,500\nbye\n"
DOWN, ACROSS = 2, 3  # pixels a frame
SIZE = 128, 192


def write(path: Path, frames: list[np.ndarray], coding: Coding, **choices: bool) -> Path:
    height, width, _ = frames[0].shape
    info = FilmInfo(width, height, tuple(range(len(frames))), Fraction(1, 25), Fraction(25), Fraction(1), ())
    write_h264(path, iter(frames), info, coding, **choices)
    return path


def test_a_film_says_that_its_pixels_are_square_only_if_its_cover_does(tmp_path: Path) -> None:
    """As ffmpeg does: a box `pasp`, and the same in H.264's parameters."""
    info = FilmInfo(128, 96, tuple(range(4)), Fraction(1, 25), Fraction(25), Fraction(1), ())
    for says in (True, False):
        path = tmp_path / f"{says}.mp4"
        write_h264(path, iter(still_frames(4, 96, 128)), replace(info, says_aspect=says), Coding(20))
        assert scan(path).says_aspect == says
        assert (b"pasp" in path.read_bytes()) == says


def test_decoded_frames_are_encoded_as_they_are(tmp_path):
    """Lumas and chromas of the film, not of its pictures in RGB, are what the encoder gets."""
    written, info = write(tmp_path / "a.mp4", still_frames(10, 96, 128), Coding(18)), scan(tmp_path / "a.mp4")
    write_h264(tmp_path / "b.mp4", decode(written), info, Coding(0))
    planes = [[frame.to_ndarray() for frame in decode(path)] for path in (written, tmp_path / "b.mp4")]
    assert len(planes[0]) == 10
    np.testing.assert_array_equal(*planes)


@pytest.mark.parametrize(("source", "form", "codec"), [("mkv", "mp4", "mov_text"), ("mp4", "mkv", "subrip")])
def test_sound_and_subtitles_are_copied(tmp_path, source, form, codec):
    (tmp_path / "said.srt").write_text(SUBTITLES)
    still = still_film(tmp_path / "still.mkv", 20)
    cover, own = tmp_path / f"cover.{source}", {"mkv": "copy", "mp4": "mov_text"}[source]
    options = ["-map", "0", "-map", "1", "-c:v", "libx264", "-c:a", "copy", "-c:s", own]
    encoded(still, cover, "-i", tmp_path / "said.srt", *options, "-metadata:s:s:0", "language=deu")
    with_sound(write(tmp_path / "a.mp4", still_frames(20, 96, 128), Coding(18)), cover, tmp_path / "out", form)
    with av.open(str(tmp_path / "out")) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio", "subtitle"]
        track = film.streams.subtitles[0]
        assert (track.codec_context.codec.canonical_name, track.metadata["language"]) == (codec, "deu")
        texts = [bytes(packet) for packet in film.demux(track) if packet.pts is not None]
    assert any(b"Tag" in text for text in texts)
    assert sum(b"bye" in text for text in texts) == 1
    data = (tmp_path / "out").read_bytes()
    assert re.search(rb"Lavf\d+\.\d+", data)  # as in other films, not FFmpeg's `bitexact`
    assert re.search(rb"Lavc\d+\.\d+\.\d+ libx264", data)


def panned(count: int) -> list[np.ndarray]:
    """A window that moves over a picture of many flat squares."""
    sides = (SIZE[0] + DOWN * count) // 5 + 1, (SIZE[1] + ACROSS * count) // 5 + 1, 3
    whole = np.random.default_rng(0).integers(40, 216, sides, np.uint8).repeat(5, 0).repeat(5, 1)
    return [whole[DOWN * at :, ACROSS * at :][: SIZE[0], : SIZE[1]] for at in range(count)]


def test_motion_of_a_pan(tmp_path):
    found = list(motion_of(write(tmp_path / "film.mp4", panned(9), SEARCH)))
    assert len(found) == 9
    assert np.isnan(found[0].before).all()
    for at in range(1, 9):
        behind = at % PACE or PACE
        inside = found[at].before[1:-1, 1:-1].reshape(-1, 2)
        assert np.nanmedian(inside, 0) == pytest.approx((DOWN * behind, ACROSS * behind), abs=0.25)
        assert np.isnan(found[at].after).all() == (at % PACE == 0)
        if at % PACE:
            inside = found[at].after[1:-1, 1:-1].reshape(-1, 2)
            assert np.nanmedian(inside, 0) == pytest.approx((DOWN * (behind - 4), ACROSS * (behind - 4)), abs=0.25)


def test_what_follows_motion_moves_with_it():
    """Also by half a pixel, and beyond the edges, where the values there go on."""
    values = np.random.default_rng(0).normal(size=(32, 48)).astype(np.float32)
    motion = Motion(np.zeros((4, 6, 2), np.float32) + (2, -3), np.full((4, 6, 2), np.nan, np.float32))
    moved = motion.follow(values, None, 1)
    np.testing.assert_allclose(moved[:30, 3:], values[2:, :-3], atol=1e-5)
    np.testing.assert_allclose(moved[31, 3:], values[31, :-3], atol=1e-5)
    half = Motion(motion.before * 0 + (0, 0.5), motion.after).follow(values, None, 1)
    np.testing.assert_allclose(half[:, :-1], (values[:, :-1] + values[:, 1:]) / 2, atol=1e-5)
    far = Motion(motion.before * 0 + (1e6, -1e6), motion.after).follow(values, None, 1)
    assert np.isfinite(far).all()


def test_frames_are_predicted_as_they_are_paced(tmp_path):
    """The film says so among x264's settings, as one that anyone's ffmpeg paces."""
    paced, own = (write(tmp_path / f"{paced}.mp4", panned(10), Coding(20, paced=paced)) for paced in (True, False))
    with av.open(str(paced)) as opened:
        assert "".join("?IPB"[int(frame.pict_type)] for frame in opened.decode(video=0)) == "IBBBPBBBPP"
    assert b"bframes=3 b_pyramid=2 b_adapt=1 " in own.read_bytes()
    assert b"bframes=3 b_pyramid=2 b_adapt=0 " in paced.read_bytes()
    assert b"keyint=240 keyint_min=24 scenecut=0 " in paced.read_bytes()
    assert [int(Coding(20, paced=True).kind_of(index, 500)) for index in (0, 239, 240, 244, 499)] == [1, 3, 1, 2, 2]
