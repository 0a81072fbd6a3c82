"""Two films side by side: previews, and VMAF."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline import side_by_side
from pipeline.side_by_side import has_vmaf, vmaf, write_preview
from stegnet import MediaError
from stegnet.video import read_frames, scan
from tests.support.films import encode


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
    right.write_bytes(b"no film")
    with pytest.raises(MediaError, match="ffmpeg"):
        write_preview(right, left, tmp_path / "none.mp4", 96, 64)
    assert not (tmp_path / "none.mp4").exists()


def test_paths_are_only_paths(make_film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never options, protocols or formats, even though the temporary file has no suffix; they need not be UTF-8."""
    (tmp_path / "-y").mkdir()
    monkeypatch.chdir(tmp_path)
    odd, out = os.fsdecode(b"-i\xff"), Path("-y", os.fsdecode(b"data:\xff"))
    for name in ("pipe:1", odd):
        make_film(tmp_path / "a.mkv", seed=len(name)).rename(tmp_path / "-y" / name)
    write_preview(Path("-y/pipe:1"), Path("-y", odd), out, 96, 64)
    assert scan(out).width == 192


def test_vmaf(tmp_path, picture, monkeypatch):
    """Frames are paired by index up to the shorter film, and noise and another order are seen."""

    def film(name: str, frames: list[int], noise: float = 0.0, height: int = 48, width: int = 64):
        random = np.random.default_rng(5)
        noisy = (picture(height, width, seed) + random.normal(0, noise, (height, width, 3)) for seed in frames)
        return encode(tmp_path / name, [pixels.clip(0, 255).round().astype(np.uint8) for pixels in noisy])

    original, longer = film("a.mkv", [0, 1, 2]), film("b.mkv", [0, 1, 2, 3])
    same = vmaf(original, original)
    assert len(same) == 3
    assert min(same) > 97  # the first frame, without motion, gets 97.4 at most
    assert vmaf(original, longer) == vmaf(longer, original) == same
    means = [np.mean(vmaf(original, film(f"{noise}.mkv", [0, 1, 2], noise))) for noise in (0, 15, 40)]
    assert means[0] > means[1] + 2 > means[2] + 4
    assert np.mean(vmaf(longer, film("c.mkv", [1, 0, 3, 2]))) < np.mean(vmaf(longer, longer)) - 10
    with pytest.raises(MediaError, match="differ in size"):
        vmaf(original, film("d.mkv", [0], width=80))
    monkeypatch.setattr(side_by_side, "MODEL", "none_of_these")
    with pytest.raises(MediaError, match="can't measure VMAF"):
        vmaf(original, original)
    assert has_vmaf(17, 40) and not has_vmaf(16, 40)
