"""Traces in robust containers without the key, against what is easily seen and what is not."""

from collections.abc import Callable

import numpy as np
import pytest

from stegnet.methods.robust_film import RUNGS, periods_of
from study import robust_hiders, robust_keyless
from study.robust_hiders import RobustFilmHider
from study.robust_keyless import OTHERS, SAME, bits_of_films, bits_of_pictures, links, phases
from tests.support.modem import index_modem

RUNG = RUNGS[0]
HIDER = RobustFilmHider(RUNG)


@pytest.fixture
def known_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader has the right key of every second container."""
    two = robust_keyless._two_keys
    monkeypatch.setattr(robust_keyless, "_two_keys", lambda seed: two(seed) if seed % 2 else (two(seed)[0],) * 2)


@pytest.mark.usefixtures("known_keys")
def test_bits_of_pictures_with_the_key(picture: Callable[..., np.ndarray]) -> None:
    modem = index_modem()
    found = bits_of_pictures(modem, modem.rungs[1], [picture(64, 64, seed) for seed in range(4)], 0)
    assert abs(found["right"] - 0.75) < 0.05
    assert found["auc"] > 0.6


@pytest.mark.usefixtures("known_keys")
def test_bits_of_films_with_the_key(picture: Callable[..., np.ndarray]) -> None:
    found = bits_of_films(HIDER, [picture(80, 80, seed) for seed in range(4)], 64, 0)
    assert abs(found["right"] - 0.75) < 0.06


@pytest.mark.parametrize("one", [True, False])
def test_films_of_one_scene_and_key_are_linked_by_a_variant_that_they_share(
    picture: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch, one: bool
) -> None:
    if one:
        monkeypatch.setattr(robust_hiders, "new_variant", lambda random: 0)
    rows = list(links(HIDER, [picture(96, 96, seed) for seed in range(5)], 96, 0))
    assert [(row["scenes"], row["pairs"]) for row in rows] == [(SAME, 5), (OTHERS, 5)]
    assert (rows[0]["auc"] > 0.9) == one
    assert rows[1]["auc"] < 0.9


def test_phases_are_those_of_the_transform() -> None:
    wave = np.rint(128 + 10 * np.cos((2 * np.arange(8) + 1) * 2 * np.pi / 16)).astype(np.uint8)
    found = phases(np.broadcast_to(wave[None, None, :, None], (1, 16, 8, 3)), RUNG)
    assert found.shape == (1, 2, 1, RUNG.coefficients)
    assert found[0, :, 0, 0] * periods_of(RUNG)[0] == pytest.approx(10 * 4 * 2**0.5, abs=1)  # of the frequency (0, 2)
    assert np.abs(found[..., 1:]).max() < 0.1
