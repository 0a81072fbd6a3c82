import numpy as np
import pytest

from stegnet.data.shards import TEST
from stegnet.evaluation.statistics import REAL, RENDERED
from study import contents as module
from study.contents import Contents
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


def test_a_trial_is_measured_on_its_own_pictures(measured, five_levels, picture):
    trial = next(trial for trial in measured.measure(silent) if trial.names == ("white", PLAIN))
    assert (trial.result.cover == 255).all()
    assert np.array_equal(trial.result.secret, picture(64, 64, 1))
    assert np.array_equal(trial.result.revealed, five_levels(trial.result.secret))
    error = np.mean((trial.result.container.astype(float) - 255) ** 2)
    assert trial.figures["container_psnr"] == pytest.approx(10 * np.log10(255**2 / error))
    assert {"secret_haarpsi", "secret_de2000", "secret_msssim"} <= set(trial.figures)
