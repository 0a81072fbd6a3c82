import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.video import demonstrate, summarise_film, write_preview
from stegnet import CapacityError, MediaError
from stegnet.image import resize
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, KeyRing, make_key_file, read_key
from stegnet.record import read_record
from stegnet.video import read_frames, scan
from tests.support.pairs import FiveLevels, network_of
from tests.support.quality import psnr

WRITTEN = ["container.mkv", "revealed.mkv", "preview.mp4", "frames.png"]


def silent(doing: str, done: int, total: int) -> None:
    """Shows nothing."""


@pytest.fixture(scope="module")
def films(make_film, tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("films")
    cover = make_film(folder / "cover.mkv", frames=6, height=64, width=96)
    return cover, make_film(folder / "secret.mkv", frames=4, height=64, width=96, seed=20)


@pytest.fixture(scope="module")
def demonstrated(films, tmp_path_factory) -> tuple[pd.DataFrame, Path]:
    """The measures and the files of a demonstration with a network that is exact, and has no base."""
    out, (cover, secret) = tmp_path_factory.mktemp("out"), films
    return demonstrate(network_of(FiveLevels(), quality=0), cover, secret, out, 0, silent), out


def test_each_row_measures_its_frame(demonstrated, films):
    """The network has no base: what is left without its residual is grey."""
    table, out = demonstrated
    assert {path.name for path in out.iterdir()} == {*WRITTEN}
    pairs = {"container": (films[0], out / "container.mkv"), "secret": (films[1], out / "revealed.mkv")}
    for side, paths in pairs.items():
        frames = list(zip(*map(read_frames, paths), strict=False))[:4]
        assert list(table[f"{side}_psnr"]) == pytest.approx([psnr(*both) for both in frames])
    grey = [psnr(frame, np.full_like(frame, 128)) for frame in read_frames(films[1])]
    assert list(table["base_psnr"]) == pytest.approx(grey)
    assert len(set(grey)) == 4


def test_the_same_seed_writes_the_same_files(demonstrated, exact, films, tmp_path):
    _, out = demonstrated
    for seed in (0, 1):
        (tmp_path / f"{seed}").mkdir()
        demonstrate(exact, *films, tmp_path / f"{seed}", seed, silent)
    for name in WRITTEN:
        assert (out / name).read_bytes() == (tmp_path / "0" / name).read_bytes()
    assert (out / "container.mkv").read_bytes() != (tmp_path / "1" / "container.mkv").read_bytes()


def test_the_preview_shows_the_container_left_and_the_revealed_film_right(demonstrated):
    _, out = demonstrated
    container, revealed = (
        resize(next(read_frames(out / name)), 180, 320).astype(int) for name in ("container.mkv", "revealed.mkv")
    )
    left, right = np.hsplit(next(read_frames(out / "preview.mp4")), 2)
    apart = np.abs(container - revealed).mean()
    assert np.abs(left - container).mean() < apart / 3  # 4:2:0 and loss
    assert np.abs(right - revealed).mean() < apart / 3


def test_a_key_of_one_s_own_opens_the_film_and_the_public_one_does_not(exact, films, tmp_path):
    make_key_file(tmp_path / "key")
    key = read_key(tmp_path / "key")
    demonstrate(exact, *films, tmp_path, 0, silent, key)
    frame = next(read_frames(tmp_path / "container.mkv"))
    assert read_record(frame, KeyRing(key), first=True).base
    assert not read_record(frame, KeyRing(PUBLIC_DEMONSTRATION_KEY), first=True).base


def test_a_film_that_can_t_be_used(exact, make_film, tmp_path):
    film = make_film(tmp_path / "film.mkv", frames=2)
    with pytest.raises(MediaError, match="no such file"):
        demonstrate(exact, film, tmp_path / "none.mkv", tmp_path, 0, silent)
    small = make_film(tmp_path / "small.mkv", frames=2, height=6, width=6)
    with pytest.raises(CapacityError):
        demonstrate(exact, small, film, tmp_path, 0, silent)
    assert not (tmp_path / "container.mkv").exists()


def test_the_summary_by_hand(tmp_path):
    (tmp_path / "film").write_bytes(bytes(1_234_567))
    table = pd.DataFrame({"container_psnr": [40.0, 43.0], "secret_psnr": [31.00004, 30.0], "secret_apd": [1.0, 2.0]})
    assert summarise_film(table, tmp_path / "film") == {
        "film_frames": 2,
        "film_megabytes": 1.235,
        "film_container_psnr": 41.5,
        "film_secret_psnr": 30.5,
        "film_secret_apd": 1.5,
        "film_container_psnr_worst": 40.0,
        "film_secret_psnr_worst": 30.0,
    }


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
