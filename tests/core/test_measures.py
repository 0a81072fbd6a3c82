import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from skimage.metrics import structural_similarity

from stegnet.core.measures import (
    CONTAINER_PSNR,
    DIFFERENCE_GAIN,
    PSNR,
    SECRET_PSNR,
    SSIM,
    apd,
    difference,
    measure_of,
    psnr,
    ssim,
)

ROOT = Path(__file__).parents[2]


def flat(level: int, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def test_psnr_is_over_all_samples():
    assert psnr(flat(100), flat(101)) == pytest.approx(48.1308036, abs=1e-6)  # 20 · log10(255)
    assert psnr(flat(0), flat(255)) == 0
    a, b = flat(10, 2), flat(10, 2)
    b[0, 0] = (13, 10, 6)  # squares 9 and 16 over 12 samples
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 * 12 / 25))


def test_apd_is_the_mean_absolute_difference():
    a, b = flat(200, 2), flat(200, 2)
    b[0, 0] = (203, 200, 191)
    assert apd(a, b) == apd(b, a) == pytest.approx(1)  # (3 + 9) / 12


def test_a_difference_of_any_two_levels_is_shown():
    """So many times as large, up to white."""
    a, b = (levels.astype(np.uint8) for levels in np.mgrid[:256, :256])
    shown = difference(a, b)
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown, np.minimum(DIFFERENCE_GAIN * np.abs(a.astype(int) - b), 255))


def test_ssim_is_that_of_wang_et_al(picture):
    """As scikit-image computes it for their constants; a picture below the window has none."""
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    how = {"channel_axis": -1, "data_range": 255} | wang
    a, b = picture(40, 56, 1), picture(40, 56, 2)
    mixed = (0.7 * a + 0.3 * b).astype(np.uint8)
    for one, other in ((flat(0), flat(255)), (flat(100), flat(110)), (flat(3), flat(2)), (a, b), (a, mixed)):
        assert ssim(one, other) == pytest.approx(structural_similarity(one, other, **how), abs=1e-9)
    assert 0.2 < ssim(a, mixed) < 0.98
    assert math.isnan(ssim(picture(10, 40), picture(10, 40)))
    assert ssim(picture(11, 11), picture(11, 11)) == pytest.approx(1)


def test_measures_are_known_by_the_names_of_their_values():
    """Also in DVC's plots."""
    assert PSNR.of("container") == CONTAINER_PSNR == "container_psnr"
    assert (measure_of(SECRET_PSNR), measure_of("film_container_ssim")) == (PSNR, SSIM)
    with pytest.raises(KeyError):
        measure_of("pairs")
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    settings = [setting for plot in plots if isinstance(plot, dict) for setting in plot.values()]
    assert settings
    for setting in settings:
        ys = setting["y"] if isinstance(setting["y"], list) else [setting["y"]]
        (measure,) = {measure_of(y) for y in ys}
        assert setting.get("y_label", measure.axis) == measure.axis
