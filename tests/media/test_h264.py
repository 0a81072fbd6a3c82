"""Ordinary H.264 films: frames in and out, and what is copied beside them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet.media import FilmInfo, read_frames, scan
from stegnet.media.films.encoders import Coding
from stegnet.media.films.films import decode
from stegnet.media.films.h264 import with_sound, write_h264
from tests.support.films import encoded, still_film, still_frames
from tests.support.quality import psnr

SUBTITLES = "1\n00:00:00,100 --> 00:00:00,300\nGuten <i>Tag</i>\n\n2\n00:00:00,400 --> 00:00:00,500\nbye\n"


def info_of(count: int, height: int = 96, width: int = 128) -> FilmInfo:
    return FilmInfo(width, height, tuple(range(count)), Fraction(1, 25), Fraction(25), Fraction(1), ())


@pytest.fixture(name="written")
def written_film(tmp_path: Path) -> Path:
    write_h264(tmp_path / "written.mp4", iter(still_frames(20, 96, 128)), info_of(20), Coding(18))
    return tmp_path / "written.mp4"


@pytest.mark.parametrize("draft", [False, True])
def test_frames_come_back_at_their_times(tmp_path, draft):
    frames, info = still_frames(20, 96, 128), info_of(20)
    write_h264(tmp_path / "a.mp4", iter(frames), info, Coding(10), draft=draft)
    assert list(scan(tmp_path / "a.mp4").times) == list(info.times)
    assert min(psnr(*pair) for pair in zip(frames, read_frames(tmp_path / "a.mp4"), strict=True)) > 38


def test_decoded_frames_are_encoded_as_they_are(tmp_path, written):
    """Lumas and chromas of the film, not of its pictures in RGB, are what the encoder gets."""
    write_h264(tmp_path / "b.mp4", decode(written), info_of(20), Coding(0))
    planes = [[frame.to_ndarray() for frame in decode(path)] for path in (written, tmp_path / "b.mp4")]
    assert len(planes[0]) == 20
    np.testing.assert_array_equal(*planes)


@pytest.mark.parametrize(("form", "codec"), [("mkv", "subrip"), ("mp4", "mov_text")])
@pytest.mark.parametrize("source", ["mkv", "mp4"])
def test_sound_and_subtitles_are_copied(tmp_path, written, source, form, codec):
    (tmp_path / "said.srt").write_text(SUBTITLES)
    still = still_film(tmp_path / "still.mkv", 20)
    cover, own = tmp_path / f"cover.{source}", {"mkv": "copy", "mp4": "mov_text"}[source]
    options = ["-map", "0", "-map", "1", "-c:v", "libx264", "-c:a", "copy", "-c:s", own]
    encoded(still, cover, "-i", tmp_path / "said.srt", *options, "-metadata:s:s:0", "language=deu")
    with_sound(written, cover, tmp_path / "out", form)
    with av.open(str(tmp_path / "out")) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio", "subtitle"]
        track = film.streams.subtitles[0]
        assert (track.codec_context.codec.canonical_name, track.metadata["language"]) == (codec, "deu")
        texts = [bytes(packet) for packet in film.demux(track) if packet.pts is not None]
    assert any(b"Tag" in text for text in texts)
    assert sum(b"bye" in text for text in texts) == 1
