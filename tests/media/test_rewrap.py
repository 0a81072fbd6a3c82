"""Putting films into MP4 or Matroska: what stays, and what is left as it was."""

from pathlib import Path

import av
import pytest

from stegnet.media import digest, read_frames, scan
from stegnet.media.films.encoders import MKV, MP4
from stegnet.media.films.rewrap import rewrap

pytestmark = pytest.mark.slow


def packets(path: Path) -> list[bytes]:
    """The sound's packets."""
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0) if packet.size]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize(("form", "before"), [(MP4, "a.mkv"), (MKV, "a.mp4")])
def test_pictures_times_and_sound_stay(tmp_path, make_film, codec, form, before):
    path = make_film(tmp_path / before, 6, codec=codec, pix_fmt="yuv420p", sound="aac")
    frames, times, sound = [digest(frame) for frame in read_frames(path)], list(scan(path).times), packets(path)
    path.chmod(0o600)
    assert rewrap(path, form)
    with av.open(str(path)) as film:
        assert form.muxer in film.format.name
    assert [digest(frame) for frame in read_frames(path)] == frames
    assert list(scan(path).times) == times
    assert packets(path) == sound
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == [before]


def test_what_can_not_be_rewrapped_stays_as_it_was(tmp_path, make_film):
    """MP4 can't hold VP8."""
    path = make_film(tmp_path / "a.mkv", 3, codec="libvpx", pix_fmt="yuv420p")
    (tmp_path / "text").write_text("no film")
    for file in (path, tmp_path / "text"):
        before = file.read_bytes()
        assert not rewrap(file, MP4)
        assert file.read_bytes() == before
