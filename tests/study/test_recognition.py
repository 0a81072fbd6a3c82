"""Attacks that tell which known picture is hidden: what the shuffle leaves, and what none of them can tell."""

import numpy as np
import pytest

from stegnet.core.shuffle import apply
from stegnet.models.tensors import seeded_shuffle
from study.recognition import Recognition, busy_scores, matching_score

COUNT, SIDE, BLOCK = 6, 64, 8


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def known(random) -> list[np.ndarray]:
    """Residuals that are busy here and there, each elsewhere and otherwise."""
    pictures = []
    for number in range(COUNT):
        busy = random.gamma(1 + number, 0.05, (8, 8, 1)).repeat(BLOCK, 0).repeat(BLOCK, 1)
        pictures.append((random.uniform(-1, 1, (SIDE, SIDE, 3)) * busy).astype(np.float32))
    return pictures


@pytest.fixture
def seen(known, random) -> list[np.ndarray]:
    """The same, shuffled, with errors."""
    return [shuffled(picture, seed) + random.normal(0, 0.01, picture.shape) for seed, picture in enumerate(known)]


def shuffled(picture: np.ndarray, seed: int) -> np.ndarray:
    return apply(picture, seeded_shuffle(seed, SIDE // BLOCK, SIDE // BLOCK))


def test_known_residuals_are_told(known, seen) -> None:
    matching = [[matching_score(one, other, BLOCK) for other in known] for one in seen]
    for scores in (busy_scores(seen, known, BLOCK), np.array(matching)):
        assert Recognition.of(scores).told == 1
        assert Recognition.of(scores).auc > 0.95
        assert Recognition.of(np.roll(scores, 1, 1)).told == 0


def test_unrelated_pictures_are_told_by_chance(random) -> None:
    """White noise of one strength has nothing that tells one from another but its very samples."""
    draw = lambda: [random.normal(0, 0.1, (SIDE, SIDE, 3)) for _ in range(16)]  # noqa: E731
    seen, known = draw(), draw()
    matching = np.array([[matching_score(one, other, BLOCK) for other in known] for one in seen])
    for scores in (busy_scores(seen, known, BLOCK), matching):
        found = Recognition.of(scores)
        assert found.told <= 0.25
        assert 0.3 < found.auc < 0.7


def test_scores_of_a_recognition() -> None:
    """The second is not told, and likelier than half of the others."""
    scores = np.array([[3.0, 1.0, 0.0], [2.0, 1.5, 1.0], [0.0, 1.0, 4.0]])
    assert Recognition.of(scores) == Recognition(pytest.approx(2 / 3), pytest.approx(17 / 18))
