"""The weights that come with stegnet, used as a user does."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.prepare.downloads import photograph_jobs
from pipeline.prepare.sources import Picture, squares_of
from stegnet import Key, Session
from stegnet.networks import SHIPPED, read_card
from tests.support.quality import psnr

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
KEY, SESSION = Key(bytes(range(32))), Session()


def test_card_says_where_the_weights_come_from() -> None:
    card = read_card(SHIPPED)
    assert {"seed", "beta", "data", "source", "train", "note"} <= set(card.training)
    assert card.figures["container_psnr"] >= 45
    assert card.figures["secret_psnr"] >= 45
    assert card.scramble == {"base": "coded", "quality": 90, "block": 8, "period": card.scramble["period"]}
    assert 3 / 255 < card.scramble["period"] < 8 / 255
    beside = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
    assert (beside["figures"], beside["training"]) == (card.figures, card.training)


@pytest.mark.filterwarnings("ignore:the cover is a")  # JPEG
def test_figures_of_the_card_hold_on_photographs() -> None:
    """Squares of 256² out of those that come with installed packages."""
    pictures = [picture for job in photograph_jobs(ROOT / "assets" / "sources.yaml") for picture in job()]
    assert all(isinstance(picture, Picture) for picture in pictures)
    photographs = [
        square for picture in pictures if isinstance(picture, Picture) for square in squares_of(picture, 256, 1, "")
    ]
    figures = []
    for index in range(len(photographs)):
        cover, secret = photographs[index], photographs[(index + 7) % len(photographs)]
        container = SESSION.hide(cover, secret, key=KEY, method="network").container
        assert isinstance(container, np.ndarray)
        figures.append((psnr(cover, container), psnr(secret, SESSION.reveal(container, key=KEY).picture)))
    card = read_card(SHIPPED).figures
    assert np.mean(figures, axis=0) == pytest.approx((card["container_psnr"], card["secret_psnr"]), abs=0.3)
