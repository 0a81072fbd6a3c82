"""Putting films into MP4: what stays, and what is left as it was."""

import av
import pytest

from stegnet.media import digest, read_frames, scan
from stegnet.media.rewrap import rewrap_as_mp4

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_pictures_times_and_sound_stay(tmp_path, make_film, heard, codec):
    path = make_film(tmp_path / "a.mkv", 6, codec=codec, pix_fmt="yuv420p", sound="aac")
    frames, times, sound = [digest(frame) for frame in read_frames(path)], list(scan(path).times), heard(path)
    path.chmod(0o600)
    assert rewrap_as_mp4(path)
    with av.open(str(path)) as film:
        assert "mp4" in film.format.name
    assert [digest(frame) for frame in read_frames(path)] == frames
    assert list(scan(path).times) == times
    assert heard(path) == sound
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["a.mkv"]


def test_what_mp4_can_not_hold_stays_as_it_was(tmp_path, make_film):
    path = make_film(tmp_path / "a.mkv", 3, codec="libvpx", pix_fmt="yuv420p")
    (tmp_path / "text").write_text("no film")
    for file in (path, tmp_path / "text"):
        before = file.read_bytes()
        assert not rewrap_as_mp4(file)
        assert file.read_bytes() == before
