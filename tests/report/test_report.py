"""The page from the files that stages leave: figures stand where they should, and what is missing is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from stegnet.errors import DataError
from stegnet.media import write_png
from stegnet.models import Card, build, save_pair
from stegnet.report.report import MISSING, Reports, report
from stegnet.report.studies import STUDIES
from stegnet.report.trained import training

SPREAD = {"mean": 41.234, "ci_low": 40.5, "ci_high": 42.5, "median": 41.0, "worst": 33.3, "worst_1_percent": 34.4}
MODE = {f"{side}_{name}": SPREAD for side in ("container", "secret") for name in ("psnr", "ssim", "apd")}
FILM = {
    f"film_{side}_{name}": 40.5 for side in ("container", "secret") for name in ("psnr", "psnr_worst", "ssim", "apd")
}
FILM |= {"film_frames": 84, "film_megabytes": 31.3}
# For each study the files that it leaves: tables by their text, pictures by name alone.
LEFT = {
    "sizes": {
        "sizes.csv": "kind,size,side,measure,mean\nscenes,64,container,psnr,36.6\nscenes,64,secret,psnr,32.9\n",
        "sizes.png": "",
    },
    "contents": {
        "contents.csv": "cover,secret,refused,container_psnr,container_ssim,secret_psnr,secret_ssim\n"
        "noise,text,,18.4,.9,21.1,.3\nblack,noise,too dark,,,,\n",
        "worst.png": "",
    },
    "tradeoff": {
        "means.csv": "series,setting,how,bits_per_pixel,container_psnr,secret_psnr\nswap,4,measured,,34.9,35.1\n",
        "tradeoff.png": "",
    },
    "residual": {
        "leak.csv": "method,likeness,secret,unrelated,excess,low,high\nby key,busy,.015,.012,.003,-.001,.008\n",
        "residual.png": "",
        "leak.png": "",
    },
    "classical": {
        "classical.csv": "method,attack,pictures,auc,low,high\nnetwork,RS,24,.512,.4,.6\n",
        "classical.png": "",
    },
    "detect": {
        "detect.csv": "method,attacker,pairs,accuracy,low,high,auc\nnetwork,has the weights,30,.917,.74,.98,.998\n",
        "detect.png": "",
    },
    "wrongkey": {
        "summary.csv": "kind,state,of,correlation,correlation_others,mutual_information,"
        "mutual_information_others,told\nphotographs,one bit off,picture,.001,.008,.0025,.0021,0\n",
        "pictures.png": "",
    },
    "shuffle": {"pictures.png": ""},
    "survive": {
        "survive.csv": "material,kind,strength,method,container_psnr,secret_psnr,secret_ssim,opened,pairs\n"
        "pictures,jpeg,90,default,40,21.4,.5,,24\npictures,jpeg,90,sealed,40,,,0.25,24\n",
        "pictures_jpeg.png": "",
    },
}
METRICS = {
    "wrongkey": {"attempts": 370, "opened": 0},
    "shuffle": {"read_8_neighbours": 0.021},
    "survive": {"survive_jpeg_90_plain_secret_psnr": 20.04},
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        write_png(path, np.zeros((8, 8, 3), np.uint8))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    """What the stages that always run leave, and every study."""
    found = Reports(*(tmp_path / name for name in ("pair.safetensors", "curve.csv", "evaluate", "video", "studies")))
    card = Card("invertible", {"blocks": 1, "width": 8}, {"detail": True, "block": 8}, {"beta": 0.7})
    save_pair(found.weights, build("invertible", blocks=1, width=8), card)
    write(found.curve, "step,container_psnr,secret_psnr\n1,20,20\n2,30,25\n")
    write(found.evaluate / "details.json", json.dumps({"photographs": {"sealed": MODE, "bare": MODE}}))
    write(found.evaluate / "pairs.csv", "kind,mode\nphotographs,sealed\nphotographs,bare\n")
    write(found.evaluate / "pictures" / "photographs.png", "")
    write(found.video / "metrics.json", json.dumps(FILM))
    write(found.video / "frames.csv", "frame,container_psnr,secret_psnr\n0,40,38\n1,41,39\n")
    write(found.video / "frames.png", "")
    write(found.video / "preview.mp4", "film")
    for study, files in LEFT.items():
        for name, text in ({"metrics.json": json.dumps(METRICS.get(study, {}))} | files).items():
            write(found.studies / study / name, text)
    return found


def test_every_study_has_a_section_and_its_figures(reports: Reports) -> None:
    page = report(reports)
    html = page.render()
    assert {study.name for study in STUDIES.values()} < {section.name for section in page.sections}
    assert MISSING not in html
    for figure in ("41.23", "40.50 – 42.50", "34.40", "36.6", "18.4", "too dark", "34.9", "0.003", "0.512", "92%"):
        assert figure in html, figure
    for figure in ("0.0025", "370 attempts", "0.021", "21.4", "25.0", "20.0 dB"):
        assert figure in html, figure


def test_what_was_not_measured_says_how_to(reports: Reports) -> None:
    for path in (reports.studies / "detect").iterdir():
        path.unlink()
    last = report(reports).sections[-1]
    assert last.name == MISSING
    assert last.parts[0].rows == [[STUDIES["detect"].name, "dvc --cd study repro detect@trained"]]


def test_without_studies_all_of_them_are_missing(reports: Reports) -> None:
    bare = Reports(reports.weights, reports.curve, reports.evaluate, reports.video)
    assert len(report(bare).sections[-1].parts[0].rows) == len(STUDIES)


@pytest.mark.parametrize("name", ["curve.csv", "evaluate/details.json", "video/preview.mp4", "studies/sizes/sizes.csv"])
def test_a_missing_file_is_named(reports: Reports, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=Path(name).name):
        report(reports)


def test_pictures_of_others_are_not_passed_on(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of the shipped pair lies in a public repository."""
    details = {kind: {"sealed": MODE, "bare": MODE} for kind in ("photographs", "bsds500")}
    write(reports.evaluate / "details.json", json.dumps(details))
    monkeypatch.setattr("stegnet.report.report.SHIPPED", reports.weights)
    html = report(reports).render()  # there is no bsds500.png
    assert "bsds500, 0 pairs" in html


def test_validation_is_drawn_where_it_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    plot = lambda self, x, y, label, **_: drawn.update({label: (list(x), list(y))})  # noqa: E731
    monkeypatch.setattr("matplotlib.axes.Axes.plot", plot)
    monkeypatch.setattr("matplotlib.axes.Axes.legend", lambda self, *_, **__: None)
    sides = "container_psnr,secret_psnr"
    write(
        tmp_path / "curve.csv", f"step,{sides},validation_container_psnr,validation_secret_psnr\n1,2,3,,\n2,4,5,6,7\n"
    )
    training(tmp_path / "curve.csv", "")
    assert drawn == {
        "container": ([1, 2], [2, 4]), "secret": ([1, 2], [3, 5]),
        "validation, container": ([2], [6]), "validation, secret": ([2], [7]),
    }  # fmt: skip
