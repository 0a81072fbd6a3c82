"""The weights that come with stegnet, used as a user does."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.prepare.downloads import photograph_jobs
from pipeline.prepare.sources import Picture, squares_of
from stegnet import Key, Session
from stegnet.networks import SHIPPED, read_card
from tests.support.lab import PARAMS, flatten, read
from tests.support.quality import psnr

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
BESIDE: dict[str, Any] = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
KEY, SESSION = Key(bytes(range(32))), Session()


def test_card_says_where_the_weights_come_from() -> None:
    card = read_card(SHIPPED)
    assert {"seed", "beta", "data", "source", "train", "note"} <= set(card.training)
    assert all(BESIDE["figures"][name] >= 45 for name in ("container_psnr", "secret_psnr"))
    assert card.scramble == {"base": "coded", "quality": 90, "block": 8, "period": card.scramble["period"]}
    assert 3 / 255 < card.scramble["period"] < 8 / 255


def test_what_their_note_does_not_name_is_as_in_the_parameters() -> None:
    """They were trained by the defaults otherwise, which a slip in params.yaml would change unseen."""
    card = read_card(SHIPPED)
    words = set(re.findall(r"[a-z_]+", card.training["note"]))
    assert "defaults otherwise" in card.training["note"]
    defaults = flatten({name: value for name, value in read(PARAMS).items() if name in ("seed", "beta", "train")})
    same = {
        name: value
        for name, value in flatten(card.training).items()
        if defaults.get(name, "auto") != "auto" and name.rpartition(".")[2] not in words
    }
    assert len(same) > 20
    assert same == {name: defaults[name] for name in same}


def test_the_card_beside_them_says_what_the_report_says() -> None:
    """The one in the weights file is of the day that it was made: containers name the file by its bytes."""
    own = asdict(read_card(SHIPPED))
    assert all(BESIDE[name] == own[name] for name in ("model", "options", "scramble", "receptive_fields"))
    measured = reported("evaluate/metrics.json") | reported("video/details.json")
    for kind, modes in reported("evaluate/details.json").items():
        measured |= {f"{kind}_{side}_psnr": modes["sealed"][f"{side}_psnr"]["mean"] for side in ("container", "secret")}
    trained = {name: own["figures"][name] for name in own["figures"] if name.startswith(("training_", "validation_"))}
    assert BESIDE["figures"] == measured | trained
    known = flatten(read(PARAMS)).keys()
    training = {name: BESIDE["training"][name] for name in ("model", "train", "scramble", "seed", "beta")}
    assert flatten(training).keys() <= known
    assert flatten(training).items() <= flatten(own["training"]).items()


def reported(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((ROOT / "reports" / "shipped" / name).read_text(encoding="utf-8"))
    return figures


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
    stated = [BESIDE["figures"][name] for name in ("container_psnr", "secret_psnr")]
    assert np.mean(figures, axis=0) == pytest.approx(stated, abs=0.3)
