"""The attacks on robust containers, against what is easily found and what is not."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from stegnet.core.card import SHIPPED_FILM_MODEM
from stegnet.core.jpeg import through_jpeg
from stegnet.keys import Key
from stegnet.keys.keys import KEY_BYTES
from stegnet.methods.robust.reader import reader
from stegnet.methods.robust_film.phases import GROUP
from stegnet.methods.robust_film.reading import read_film
from study import robust_attacks
from study.robust_attacks import detect_films, headline, jumps
from study.robust_films import untrained
from study.robust_hiders import (
    RobustFilmHider,
    RobustHider,
    Unhidden,
    border_samples,
    encoded,
    moving_window,
)
from study.robust_keyless import OTHERS, SAME
from tests.support.modem import index_modem

KEY = Key(bytes(KEY_BYTES))
MODEM = untrained(SHIPPED_FILM_MODEM)  # whose films jump where a run begins
RUNG = next(rung for rung in MODEM.rungs if rung.name == "h264-28")
RUN = RUNG.run


def test_attacked_pictures_are_containers(cat: np.ndarray) -> None:
    modem = index_modem()
    hider = RobustHider(modem, modem.rungs[1])
    container = hider.picture(cat, cat, KEY, 5)
    assert reader(modem, KEY)(container).rung == modem.rungs[1]
    assert reader(modem, KEY)(hider.unhidden(cat)) is None
    assert np.array_equal(hider.unhidden(cat), through_jpeg(cat, 95))
    assert np.array_equal(Unhidden(hider).picture(cat, cat, KEY, 5), hider.unhidden(cat))


@pytest.mark.slow
def test_attacked_films_are_containers(cat: np.ndarray) -> None:
    hider = RobustFilmHider(MODEM, RUNG)
    frames = moving_window(cat, 128, 0)
    assert len(frames) == GROUP
    film = encoded(hider.group(frames, KEY, 5))
    assert film.shape == (GROUP, 128, 128, 3)
    found = read_film(MODEM, lambda: (frame for frame in film), list, KEY)
    assert found is not None
    assert found.message is not None
    assert jumps(film, RUN) > jumps(encoded(frames), RUN), "the low frequencies jump where a run begins"


def test_jumps_are_found_where_runs_begin(picture: Callable[..., np.ndarray]) -> None:
    scene, random = picture(32, 32, 0).astype(int), np.random.default_rng(0)
    shifts = random.normal(0, 1, GROUP)
    still = [scene + shift for shift in shifts]
    jumping = [frame + 12 * (index // RUN % 2) for index, frame in enumerate(still)]
    tilt = np.linspace(-1, 1, 32)[:, None, None]
    films = [np.stack([(f + tilt * k % 7) for k, f in enumerate(each)]).clip(0, 255) for each in (still, jumping)]
    plain, jumped = (jumps(film.astype(np.uint8), RUN) for film in films)
    assert jumped >= plain - 0.5  # a shift of all levels alike leaves the frequencies
    steep = [frame + 9 * tilt * (index // RUN % 2) for index, frame in enumerate(still)]
    assert jumps(np.stack(steep).clip(0, 255).astype(np.uint8), RUN) > max(plain, 1)


def test_borders_of_blocks() -> None:
    found = border_samples(16, 16)
    inside = np.ones((16, 16), bool)
    for start in (1, 9):
        for left in (1, 9):
            inside[start : start + 6, left : left + 6] = False
    assert np.array_equal(found, np.flatnonzero(np.repeat(inside[..., None], 3, 2)))


def test_a_window_moves_and_turns_back(picture: Callable[..., np.ndarray]) -> None:
    scene = picture(40, 36, 1)
    first, second, *_ = moving_window(scene, 32, 0)
    assert np.abs(first.astype(int) - scene[:32, :32]).mean() < 3
    assert np.abs(second.astype(int) - scene[2:34, 1:33]).mean() < 3
    assert {frame.shape for frame in moving_window(scene, 32, 0)} == {(32, 32, 3)}


@pytest.mark.slow
def test_films_are_told_by_their_jumps(picture: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robust_attacks, "WINDOW", 64)
    monkeypatch.setattr(robust_attacks, "_classified", lambda covers, *_: robust_attacks.Scores(*np.zeros((2, 6))))
    pairs = [(picture(80, 80, seed),) * 2 for seed in range(12)]
    spam, found = detect_films(MODEM, RUNG, pairs[:6], pairs[6:], 0, 2)
    assert (spam["features"], found["features"]) == ("SPAM, one frame", "jumps")
    assert (found["pairs"], found["tested"]) == (6, 6)
    assert found["auc"] > 0.8


def test_the_headline_is_of_attacks_that_look_for_a_key() -> None:
    rows = (
        ("pictures", "subtle", "SPAM", 0.9),
        ("films", "subtle", "SPAM, one frame", 0.8),
        ("films", "a", "jumps", 0.6),
    )
    found = pd.DataFrame(rows, columns=["medium", "rung", "features", "accuracy"])
    places = pd.DataFrame({"question": ["places", robust_attacks.KEY, robust_attacks.KEY], "auc": [0.9, 0.45, 0.52]})
    keyless, links = (
        pd.DataFrame({"right": [0.5, 0.49, 0.503]}),
        pd.DataFrame({"scenes": [SAME, OTHERS], "auc": [1, 0.5]}),
    )
    assert headline(found, places, keyless, links) == {
        "robust_attacks_pictures_subtle_spam": 0.9,
        "robust_attacks_films_subtle_spam": 0.8,
        "robust_attacks_films_a_jumps": 0.6,
        "robust_attacks_bits": 0.49,
        "robust_attacks_links": 1,
        "robust_attacks_key": 0.45,
    }
