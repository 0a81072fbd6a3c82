import numpy as np
import pytest

from stegnet.data.shards import TEST
from stegnet.evaluation.quality import HideRevealResult
from stegnet.evaluation.statistics import REAL, RENDERED
from study import contents as module
from study.contents import Contents, Trial, examples, hardest, summarise
from study.patterns import PLAIN
from tests.support.shards import write_shards


def silent(pairs):
    return pairs


@pytest.fixture
def measured(tmp_path, exact, monkeypatch) -> Contents:
    """On few contents, so that it is fast."""
    every = module.contents
    few = (PLAIN, "black", "white", "noise", "text")
    monkeypatch.setattr(module, "contents", lambda *a: {k: v for k, v in every(*a).items() if k in few})
    return Contents(exact, write_shards(tmp_path / "shards", [(TEST, "photographs")] * 2), 1, 0, (RENDERED, REAL))


def test_every_cover_every_secret_and_the_hardest_are_tried_once(measured):
    trials = measured.measure(silent)
    names = [trial.names for trial in trials]
    others = ["black", "white", "text", "noise"]
    assert names[:9] == [(name, PLAIN) for name in (PLAIN, *others)] + [(PLAIN, name) for name in others]
    assert len(set(names)) == len(names)
    assert set(names[9:]) == set(hardest(trials[:9])) - set(names[:9])


def test_a_trial_is_measured_on_its_own_pictures(measured, five_levels, picture):
    trial = next(trial for trial in measured.measure(silent) if trial.names == ("white", PLAIN))
    assert (trial.result.cover == 255).all()
    assert np.array_equal(trial.result.secret, picture(64, 64, 1))
    assert np.array_equal(trial.result.revealed, five_levels(trial.result.secret))
    error = np.mean((trial.result.container.astype(float) - 255) ** 2)
    assert trial.figures["container_psnr"] == pytest.approx(10 * np.log10(255**2 / error))
    assert {"secret_haarpsi", "secret_de2000", "secret_msssim"} <= set(trial.figures)


def made(cover: str, secret: str, container_psnr: float, secret_psnr: float) -> Trial:
    grey = np.zeros((1, 1, 3), np.uint8)
    figures = {"container_psnr": container_psnr, "secret_psnr": secret_psnr}
    return Trial((cover, secret), HideRevealResult((cover, secret), grey, grey, grey, grey), "", figures)


def test_the_hardest_and_what_is_shown_by_hand():
    trials = [
        made(PLAIN, PLAIN, 40, 38),
        *(made(f"cover {psnr}", PLAIN, psnr, 30) for psnr in (33, 31, 32, 34)),
        *(made(PLAIN, f"secret {psnr}", 20, psnr) for psnr in (24, 21, 23, 22)),
        Trial(("refused", PLAIN), None, "too small", {}),
        made("a", "b", 50, 10),
    ]
    covers, secrets = ["cover 31", "cover 32", "cover 33"], ["secret 21", "secret 22", "secret 23"]
    assert hardest(trials) == [(cover, secret) for cover in covers for secret in secrets]
    expected = [(cover, PLAIN) for cover in covers] + [(PLAIN, secret) for secret in secrets] + [("a", "b")]
    assert examples(trials) == expected
    assert summarise(trials) == {
        "contents_trials": 11,
        "contents_refused": 1,
        "contents_container_psnr_worst": 20,
        "contents_secret_psnr_worst": 10,
        "contents_container_psnr_median": 31.5,
        "contents_secret_psnr_median": 27.0,
    }
