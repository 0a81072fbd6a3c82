from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.side_by_side import vmaf
from pipeline.video import FilmMeasures, demonstrate, summarise_film
from stegnet import CapacityError, MediaError
from stegnet.image import resize
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, KeyRing, make_key_file, read_key
from stegnet.record import read_record
from stegnet.video import read_frames
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
def measured(films, tmp_path_factory) -> tuple[FilmMeasures, Path]:
    """The measures and the files of a demonstration with a network that is exact, and has no base."""
    out, (cover, secret) = tmp_path_factory.mktemp("out"), films
    return demonstrate(network_of(FiveLevels(), quality=0), cover, secret, out, 0, silent), out


@pytest.fixture(scope="module")
def demonstrated(measured) -> tuple[pd.DataFrame, Path]:
    """The table of its frames, and its files."""
    return measured[0].frames, measured[1]


def test_each_row_measures_its_frame(demonstrated, films):
    """The network has no base: what is left without its residual is grey."""
    table, out = demonstrated
    assert {path.name for path in out.iterdir()} == {*WRITTEN}
    pairs = {"container": (films[0], out / "container.mkv"), "secret": (films[1], out / "revealed.mkv")}
    for side, paths in pairs.items():
        frames = list(zip(*map(read_frames, paths), strict=False))[:4]
        assert list(table[f"{side}_psnr"]) == pytest.approx([psnr(*both) for both in frames])
        assert list(table[f"{side}_vmaf"]) == vmaf(*paths)[:4]
    assert (table[["container_vmaf", "secret_vmaf"]] < 97).any(axis=None)  # five levels of a secret are seen
    grey = [psnr(frame, np.full_like(frame, 128)) for frame in read_frames(films[1])]
    assert list(table["base_psnr"]) == pytest.approx(grey)
    assert len(set(grey)) == 4


def test_each_step_has_the_flicker_between_its_frames(measured, films):
    """Of hidden frames alone: the last two of the container hide nothing."""
    measures, out = measured
    assert len(measures.steps) == 3
    sides = {"container": (films[0], "cover_change"), "revealed": (films[1], "secret_change")}
    for name, (original, change) in sides.items():
        frames = [np.array(list(read_frames(path)))[:4].astype(int) for path in (original, out / f"{name}.mkv")]
        flicker = np.abs(np.diff(frames[1] - frames[0], axis=0)).mean((1, 2, 3))
        column = "container_flicker" if name == "container" else "secret_flicker"
        np.testing.assert_allclose(measures.steps[column], flicker)
        np.testing.assert_allclose(measures.steps[change], np.abs(np.diff(frames[0], axis=0)).mean((1, 2, 3)))
    assert (measures.steps[["container_flicker", "cover_change"]] > 0).all(axis=None)


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


def test_the_worst_percent_of_vmaf(tmp_path):
    (tmp_path / "film").write_bytes(b"")
    table = pd.DataFrame({name: np.arange(101.0) for name in ("container_vmaf", "container_psnr", "secret_psnr")})
    assert summarise_film(table, tmp_path / "film")["film_container_vmaf_p1"] == 1


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
