"""The studies of containers that survive, on a few: what comes back, what attacks see with the key and without it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stegnet.keys import Key
from stegnet.methods.robust import FILM_POINTS, GROUP, PictureReader, content_capacity, read_film
from study import robust_attacks
from study.robust import parse_picture_channel, send, unforeseen
from study.robust_attacks import RobustFilmHider, RobustHider, bits_of_pictures, encoded, links, moving_window
from study.robust_films import FILLED, WAYS, measure_film, write_tables, x264
from tests.support.films import still_film
from tests.support.jpegs import through_jpeg
from tests.support.modem import index_modem

KEY = Key(bytes(32))
CHANNEL = "h264:23"
RUNG = FILM_POINTS[0]


def test_what_comes_back_is_what_was_sent(cat: np.ndarray) -> None:
    modem = index_modem()
    row: dict[str, Any] = send(modem, 1, (1, (cat, cat), "jpeg:85", 38.0))
    assert not row["refused"]
    point = next(point for point in modem.points if point.name == row["rung"])
    whole = {content_capacity(cat[::8, ::8, 0].size, point, rate) for rate in range(10, 101)}
    assert row["bits"] * cat[..., 0].size / 8 in whole
    assert all(row[name] for name in unforeseen(parse_picture_channel("jpeg:85")))
    assert row["secret_psnr"] > 15
    row = send(modem, 1, (1, (np.zeros_like(cat[:16, :16]), cat), "jpeg:85", 38.0))
    assert row["refused"]


def test_attacked_pictures_are_containers(cat: np.ndarray) -> None:
    modem = index_modem()
    hider = RobustHider(modem, modem.points[1])
    capacities = [content_capacity(cat[::8, ::8, 0].size, point, robust_attacks._USED_RATE) for point in modem.points]
    content = PictureReader(modem, KEY).read(hider.picture(cat, KEY, 5))
    assert content
    assert len(content) == capacities[1] not in (capacities[0], capacities[2])
    assert PictureReader(modem, KEY).read(hider.unhidden(cat)) is None
    assert np.array_equal(hider.unhidden(cat), through_jpeg(cat, 95))


def test_attacked_films_are_containers(cat: np.ndarray) -> None:
    frames = moving_window(cat, 128, 0)
    film = encoded(RobustFilmHider(RUNG).group(frames, KEY, 5))
    assert film.shape == (GROUP, 128, 128, 3)
    found = read_film((frame for frame in film), KEY)
    assert found is not None and found.message is not None


def test_bits_are_read_with_the_key_alone(picture: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader has the right key of every second container."""
    two, modem = robust_attacks._two_keys, index_modem()
    monkeypatch.setattr(robust_attacks, "_two_keys", lambda seed: two(seed) if seed % 2 else (two(seed)[0],) * 2)
    found: dict[str, Any] = bits_of_pictures(modem, modem.points[1], [picture(64, 64, seed) for seed in range(4)], 0)
    assert abs(found["right"] - 0.75) < 0.05
    assert found["auc"] > 0.6


@pytest.mark.parametrize("one", [True, False])
def test_films_of_one_scene_and_key_are_linked_by_a_variant_that_they_share(
    picture: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch, one: bool
) -> None:
    if one:
        monkeypatch.setattr(robust_attacks, "new_variant", lambda random: 0)
    row: dict[str, Any] = links(RobustFilmHider(RUNG), [picture(96, 96, seed) for seed in range(5)], 96, 0)
    assert row["pairs"] == 5
    assert (row["auc"] > 0.9) == one


def test_a_film_comes_back_and_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = (x264("medium", True), x264("medium, CRF +20", False, above=20))
    monkeypatch.setitem(WAYS, CHANNEL, (23, ways))
    cover = still_film(tmp_path / "still.mkv", GROUP + 2)
    measures = measure_film(cover, CHANNEL, None, tmp_path, 3, 2)
    found: dict[str, Any] = measures[0]
    survived: list[dict[str, Any]] = measures[1]
    assert (found["refused"], found["groups"], found["width"]) == (False, 1, 160)
    assert found["bits"] == pytest.approx(8 * found["bytes"] / (160 * 128 * GROUP))
    assert [(each["promised"], each["groups_whole"], each["whole"]) for each in survived] == [
        (True, 1, True), (False, 0, False),
    ]  # fmt: skip
    assert found["larger"] > 1
    short = still_film(tmp_path / "short.mkv", GROUP - 1)
    refused = {"channel": CHANNEL, "content": FILLED, "refused": True}
    assert measure_film(short, CHANNEL, None, tmp_path, 3, 2) == (refused, [])


def test_what_was_promised_is_summarised(tmp_path: Path) -> None:
    """A film without room is counted, and ways beyond the promise are not."""
    film = {"channel": CHANNEL, "content": FILLED, "refused": False, "bits": 0.01, "larger": 1.2}
    film |= {"container_psnr": 35.0, "container_vmaf": 93.0}
    films = [film, film | {"bits": 0.03}, {"channel": CHANNEL, "content": FILLED, "refused": True}]
    way = {"channel": CHANNEL, "content": FILLED, "encoding": "a", "promised": True, "groups": 2, "groups_whole": 2}
    ways = [way | {"whole": True}, way | {"whole": False, "groups_whole": 1}]
    ways.append(way | {"encoding": "b", "promised": False, "whole": False, "groups_whole": 0})
    write_tables(tmp_path, pd.DataFrame(films), pd.DataFrame(ways))
    (row,) = pd.read_csv(tmp_path / "promises.csv").to_dict("records")
    assert (row["films"], row["refused"], row["bits"], row["groups"], row["messages"]) == (2, 1, 0.02, 4, 2)
    assert (row["groups_whole"], row["whole"]) == (0.75, 0.5)
    assert pd.read_csv(tmp_path / "encodings.csv")["groups_whole"].tolist() == [0.75, 0]
