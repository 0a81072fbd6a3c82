import pandas as pd
import pytest
from PIL import Image

from study.survival import report as survival_report
from study.survival.distortion import NONE, Distortion
from study.survival.measure import Material

GAMMA = Distortion("gamma", "gamma", "exponent", (0.9, 1.1), 1, lambda many, *_: list(many))
CONTROL = Distortion("control", "control", "", (0,), 0, lambda many, *_: list(many))
MATERIAL = Material("pictures", [], (NONE, CONTROL, GAMMA))


@pytest.fixture
def table() -> pd.DataFrame:
    rows = []
    for place, (distortion, strength) in enumerate(MATERIAL.steps):
        here = {"material": "pictures", "kind": distortion.kind, "strength": float(strength), "pairs": 4}
        here["container_psnr"] = 40.0 - place
        rows.append(here | {"method": "default", "secret_psnr": 38.0 - place})
        rows.append(here | {"method": "sealed", "opened": 1 - place / 4})
    rows.append(rows[0] | {"method": "means alone", "secret_psnr": 22.5})
    return pd.DataFrame([*rows, rows[0] | {"material": "film", "secret_psnr": 1.0}])


def test_a_line_for_each_distortion(table):
    text = survival_report.markdown(table, MATERIAL, "default", "What is free.")
    assert "mean over 4 pairs" in text
    assert "What is free." in text
    assert [line for line in text.splitlines() if line.startswith("|")] == [
        "| distortion | container (default) | default | sealed | means alone |",
        "| --- | --: | --: | --: | --: |",
        "| undistorted | 40.0 | 38.0 | 100% | 22.5 |",
        "| control | 39.0 | 37.0 | 75% |  |",
        "| gamma, 0.9 (exponent) | 38.0 | 36.0 | 50% |  |",
        "| gamma, 1.1 (exponent) | 37.0 | 35.0 | 25% |  |",
    ]


def test_a_chart_for_each_kind_with_several_strengths_the_same_each_time(table, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        assert survival_report.draw(table, MATERIAL, folder) == [folder / "pictures_gamma.png"]
        assert [path.name for path in folder.iterdir()] == ["pictures_gamma.png"]
    first, second = (tmp_path / name / "pictures_gamma.png" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    with Image.open(first) as chart:
        assert chart.size == (1080, 600)


def test_what_is_undistorted_stands_where_it_belongs():
    assert survival_report._places(GAMMA) == [("gamma", 0.9), ("none", 0), ("gamma", 1.1)]
    falling = Distortion("jpeg", "", "", (100, 50), None, GAMMA.act)
    assert survival_report._places(falling) == [("none", 0), ("jpeg", 100), ("jpeg", 50)]
