import os
from pathlib import Path

import pytest

from stegnet import DiskError, MediaError
from stegnet.core.temporary import temporary_folder
from stegnet.media import read_frames, scan
from stegnet.media.ffmpeg_cli import input_file, run_ffmpeg, write_preview


def test_films_are_side_by_side_with_the_left_ones_sound(make_film, tmp_path: Path) -> None:
    left = make_film(tmp_path / "left.mkv", frames=8, sound="aac")
    right = make_film(tmp_path / "right.mkv", frames=5, seed=3)
    for name in ("first.mp4", "second.mp4"):
        write_preview(left, right, tmp_path / name, 96, 64)
    film = scan(tmp_path / "first.mp4")
    assert (film.width, film.height, len(film.pts), film.sound) == (192, 64, 5, ("aac",))
    shown, wanted = next(read_frames(tmp_path / "first.mp4")), next(read_frames(right))
    assert abs(shown[:, 96:].astype(int) - wanted).mean() < 12  # 4:2:0 and loss
    assert abs(shown[:, :96].astype(int) - wanted).mean() > 20
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()
    write_preview(right, left, tmp_path / "silent.mp4", 96, 64)
    assert scan(tmp_path / "silent.mp4").sound == ()


def test_an_unreadable_film(make_film, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"no film")
    with pytest.raises(MediaError, match="ffmpeg"):
        write_preview(broken, make_film(tmp_path / "film.mkv"), tmp_path / "preview.mp4", 96, 64)
    assert not (tmp_path / "preview.mp4").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_named(make_film, tmp_path: Path) -> None:
    streams, options = [input_file(make_film(tmp_path / "film.mkv"))], {"format": "matroska", "codec": "copy"}
    with pytest.raises(MediaError, match=r"^/dev/full: can't be written \(No space"):
        run_ffmpeg(Path("/dev/full"), streams, "no film", **options)
    with pytest.raises(DiskError, match="temporary files can't be written"), temporary_folder() as folder:
        (folder / "full").symlink_to("/dev/full")
        run_ffmpeg(folder / "full", streams, "no film", **options)


def test_paths_are_only_paths(make_film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never options, protocols or formats, even though the temporary file has no suffix; they need not be UTF-8."""
    (tmp_path / "-y").mkdir()
    monkeypatch.chdir(tmp_path)
    odd, out = os.fsdecode(b"-i\xff"), Path("-y", os.fsdecode(b"data:\xff"))
    for name in ("pipe:1", odd):
        make_film(tmp_path / "a.mkv", seed=len(name)).rename(tmp_path / "-y" / name)
    write_preview(Path("-y/pipe:1"), Path("-y", odd), out, 96, 64)
    assert scan(out).width == 192
