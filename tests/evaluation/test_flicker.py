from fractions import Fraction

import numpy as np
import pytest

from stegnet.evaluation.flicker import measure_flicker, temporal
from stegnet.media import FilmWriter


def still(frames: int, level: int = 100) -> list[np.ndarray]:
    return [np.full((40, 50, 3), level, np.uint8) for _ in range(frames)]


def test_by_hand():
    originals = [np.full((2, 2, 3), level, np.uint8) for level in (10, 20, 15)]
    copies = [np.full((2, 2, 3), level, np.uint8) for level in (12, 19, 15)]  # errors 2, -1, 0
    assert list(temporal(originals, copies)) == [(3, 10), (1, 5)]


def test_an_error_that_stands_still_does_not_flicker(picture):
    film = [picture(40, 50, seed) // 2 for seed in range(4)]
    pattern = picture(40, 50, 9) // 4
    flicker, change = zip(*temporal(film, [frame + pattern for frame in film]), strict=True)
    assert flicker == (0, 0, 0)
    assert min(change) > 10


def test_a_fresh_gaussian_error_flickers_by_the_root_of_two_times_its_apd():
    random, film = np.random.default_rng(0), still(6)
    copies = [np.clip(frame + random.normal(0, 12, frame.shape), 0, 255).round().astype(np.uint8) for frame in film]
    apd = np.mean([np.abs(copy.astype(float) - frame) for frame, copy in zip(film, copies, strict=True)])
    flicker, change = zip(*temporal(film, copies), strict=True)
    assert np.mean(flicker) == pytest.approx(np.sqrt(2) * apd, rel=0.01)
    assert change == (0,) * 5


def test_a_film_out_of_step_flickers(picture):
    film = [picture(40, 50, seed) for seed in range(5)]
    copies = [np.clip(frame.astype(int) + 1, 0, 255).astype(np.uint8) for frame in film]
    right = np.mean([flicker for flicker, _ in temporal(film, copies)])
    late = np.mean([flicker for flicker, _ in temporal(film[1:], copies)])
    shuffled = np.mean([flicker for flicker, _ in temporal(film, [copies[index] for index in (2, 0, 4, 1, 3)])])
    assert right < 0.1
    assert min(late, shuffled) > 10


def test_of_four_films(make_film, tmp_path):
    cover, secret = make_film(tmp_path / "c.mkv", frames=5), make_film(tmp_path / "s.mkv", frames=4, seed=7)
    table = measure_flicker(cover, cover, secret, make_film(tmp_path / "r.mkv", frames=3, seed=7))
    assert list(table) == ["container_flicker", "cover_change", "secret_flicker", "secret_change"]
    assert len(table) == 2  # steps of three frames
    assert (table["container_flicker"] == 0).all()
    assert (table["secret_flicker"] == 0).all()
    assert (table[["cover_change", "secret_change"]] > 10).all(axis=None)


def test_each_column_is_of_its_own_films(tmp_path):
    levels = {"cover": (10, 20, 15), "container": (12, 19, 15), "secret": (100, 160, 130), "revealed": (107, 160, 126)}
    for name, film in levels.items():
        with FilmWriter(tmp_path / name, 50, 40, Fraction(25)) as writer:
            for index, level in enumerate(film):
                writer.write(still(1, level)[0], Fraction(index, 25))
    table = measure_flicker(*(tmp_path / name for name in levels))
    assert table.to_dict("list") == {
        "container_flicker": [3, 1], "cover_change": [10, 5], "secret_flicker": [7, 4], "secret_change": [60, 30],
    }  # fmt: skip


def test_one_frame_has_no_step(make_film, tmp_path):
    film = make_film(tmp_path / "f.mkv", frames=1)
    assert measure_flicker(film, film, film, film).empty
