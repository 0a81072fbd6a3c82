"""Dummy steps: samples at public places change as often as all others, by records of every kind."""

from collections.abc import Callable

import numpy as np
import pytest

from stegnet.keys import ContainerKeys, Identity, Key
from stegnet.sealing import (
    FILM_EFFORT,
    Costs,
    SealOptions,
    frame_salt,
    public_order,
    rounding_costs,
    seal,
    texture_costs,
    zones_of,
)
from tests.support.sealing import salt_samples, sealed

SIDE, COUNT = 128, 20
CLASSES = 20  # of costs


def uneven(picture: np.ndarray) -> Costs:
    """Costs of a picture that was rounded, as networks give them."""
    error = np.random.default_rng(int(picture.sum())).integers(-127, 128, picture.shape)
    return rounding_costs(error.astype(np.int8))


def containers(
    picture: Callable, rate: float, costs: Callable, grey: bool, count: int = COUNT
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps and costs, (SIDE, SIDE, 3) each, of containers with so many bits a sample."""
    found = []
    for number in range(count):
        random, cover = np.random.default_rng(number), picture(SIDE, SIDE, number)
        of_steps, keys = costs(cover), ContainerKeys(Key(random.bytes(32)), bytes(16))
        record = random.bytes(int(rate * cover.size / 8))
        container = seal(cover, record, keys, random.bytes(32), of_steps, SealOptions(True, FILM_EFFORT, grey))
        found.append((container.astype(int) - cover, np.minimum(of_steps.up, of_steps.down)))
    return found


def expected_and_found(steps: np.ndarray, costs: np.ndarray, grey: bool) -> tuple[float, float]:
    """Changes of the salt samples (of their pixels in grey records) if they change as others of their cost; those made.

    A pixel's change is the mean of its samples'.
    """
    salts: np.ndarray = np.zeros(steps.size, bool)
    salts[salt_samples(steps.size)] = True
    changed: np.ndarray = (steps != 0).reshape(-1)
    costs = costs.reshape(-1)
    if grey:
        salts, changed, costs = salts.reshape(-1, 3).max(1), changed.reshape(-1, 3).mean(1), costs.reshape(-1, 3).max(1)
    classes = np.digitize(costs, np.quantile(costs, np.linspace(0, 1, CLASSES + 1)[1:-1]))
    others = np.bincount(classes[~salts], minlength=CLASSES)
    rates = np.bincount(classes[~salts], changed[~salts], CLASSES) / np.maximum(others, 1)
    return rates[classes[salts]].sum(), changed[salts].sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "costs", "grey", "tolerance"),
    [(0.25, texture_costs, True, 0.055), (0.02, texture_costs, True, 0.17)]
    + [(0.4, texture_costs, False, 0.042), (1.16, uneven, False, 0.017), (0.3, uneven, False, 0.035)],
)
def test_salt_samples_change_as_often_as_others_of_their_cost(picture, rate, costs, grey, tolerance):
    """The tolerances are four deviations, about."""
    sums = [expected_and_found(*one, grey) for one in containers(picture, rate, costs, grey)]
    expected, found = np.sum(sums, 0)
    assert expected > 150
    assert found == pytest.approx(expected, rel=tolerance)


def agreement(steps: np.ndarray, places: np.ndarray) -> list[bool]:
    """Of the pairs of neighbouring pixels that moved, one of them at the places: whether they moved the same way."""
    moved = np.where((steps == steps[..., :1]).all(-1), steps[..., 0], 0)
    found = []
    for first, second in (np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:]):
        pairs = (moved[first] != 0) & (moved[second] != 0) & (places[first] | places[second])
        found += list((moved[first] == moved[second])[pairs])
    return found


@pytest.mark.slow
def test_steps_beside_a_decoy_go_its_way(picture):
    """As often as beside any other step: neighbours move together."""
    decoy, other = [], []
    for steps, _ in containers(picture, 0.15, texture_costs, True):
        salts = np.zeros(steps.size, bool)
        salts[salt_samples(steps.size)] = True
        salts = salts.reshape(steps.shape).any(-1)
        decoy += agreement(steps, salts)
        other += agreement(steps, ~salts)
    assert np.mean(other) > 0.7
    assert np.mean(decoy) == pytest.approx(np.mean(other), abs=0.05)


def test_decoys_are_drawn_again_until_enough_salt_samples_have_changed(picture):
    """Or two containers of a cover could have one salt. By chance they are few at once in small pictures only."""
    cover, counts = picture(16, 15), []
    for seed in range(200):
        steps = (sealed(cover, b"", seed) != cover).reshape(-1)
        counts.append(np.count_nonzero(steps[salt_samples(cover.size)]))
    assert min(counts) == 4


def test_the_zone_of_an_ephemeral_key_changes_as_often_as_the_rest(picture):
    """Whoever knows the recipient knows its places. In a small frame that is not full, the key alone changes more."""
    cover, recipient = picture(60, 80), Identity(bytes(range(32))).recipient
    costs = Costs(*(np.full(cover.shape, 4000, np.uint16) for _ in range(2)))
    inside, everywhere = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        keys = recipient.new_keys(random.bytes)
        container = seal(cover, bytes(2000), keys, random.bytes(32), costs, SealOptions(True))
        order = public_order(cover.size, recipient.public, frame_salt(container))
        places = order.numbers(zones_of(cover.size, ephemeral=True).public)
        changed = (container != cover).reshape(-1)
        inside += changed[places].tolist()
        everywhere += changed.tolist()
    assert np.mean(inside) == pytest.approx(np.mean(everywhere), rel=0.05)
