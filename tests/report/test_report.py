"""The report from the outputs of the stages: each figure in its cell, missing ones named."""

import json
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import DataError
from stegnet.media import write_png
from stegnet.models import Card, build, save_pair
from stegnet.report.page import Table
from stegnet.report.quality import training
from stegnet.report.report import NOT_MEASURED, STUDIES, Reports, report

SPREAD = {"mean": 41.234, "ci_low": 40.5, "ci_high": 42.5, "median": 41.0, "worst": 33.3, "worst_1_percent": 34.4}
MODE = {f"{side}_{name}": SPREAD for side in ("container", "secret") for name in ("psnr", "ssim", "apd")}
MODE |= {"base_psnr": SPREAD}
FILM = {
    f"film_{side}_{name}": 40.5 for side in ("container", "secret") for name in ("psnr", "psnr_worst", "ssim", "apd")
}
FILM |= {"film_base_psnr": 38.5, "film_frames": 84, "film_megabytes": 31.3}
# The output files of each study: tables with their text, pictures by name only.
OUTPUTS = {
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
    "arithmetic": {
        "summary.csv": "kind,method,modulus,quality,bits_per_pixel,container_psnr,secret_psnr,container_psnr_worst,"
        "secret_psnr_worst\nscenes,residual,4,90,3.15,46.3,45.7,45.4,39.9\n",
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
    "steganalysis": {
        "steganalysis.csv": "method,rate,features,pairs,tested,accuracy,low,high,auc\n"
        "sealed,.1,CRMQ1,600,149,.61,.53,.68,.643\n",
        "steganalysis.png": "",
        "metrics.json": '{"steganalysis_sealed_0.1": 0.61}',
    },
    "places": {
        "places.csv": "method,medium,attack,question,containers,scored,auc,low,high\n"
        'sealed,pictures,"shift, over one key",places,30,784,.512,.493,.531\n',
        "metrics.json": '{"places_found": 0.512}',
    },
    "wrongkey": {
        "summary.csv": "kind,state,of,correlation,correlation_others,mutual_information,"
        "mutual_information_others,told\nphotographs,one bit off,picture,.001,.008,.0025,.0021,0\n",
        "pictures.png": "",
    },
    "known": {
        "known.csv": "kind,pairs,chance,base,blocks,attack,copies,told,auc\n"
        "photographs,23,.043,coded,read,busy,JPEG 90,.13,.527\n",
    },
    "robust": {
        "messages.csv": "size,promise,bits,ideal_modem,ideal_QIM,whole,whole_low,messages,refused,container_vmaf,"
        "container_psnr,secret_psnr,container_ssim,secret_ssim\n"
        "256²,jpeg:75,.2345,.2842,.2557,.9987,.9931,1043,0,96.2,38.04,27.8,.942,.757\n",
        "bits.png": "",
    },
    "robust_films": {
        "promises.csv": "promise,wanted,size,films,refused,bits,written_container_psnr,written_container_ssim,"
        "written_container_vmaf,written_container_flicker,received_container_psnr,received_container_ssim,"
        "received_container_vmaf,received_container_flicker,cover_written_container_vmaf,cover_received_container_vmaf,"
        "larger,larger_received,hide_fps,reveal_fps,groups,groups_whole,groups_low,groups_high,messages,whole\n"
        "h264:23,38,640×360,2,1,.00512,36.4,.961,93.3,2.51,34.7,.942,90.1,2.63,97.2,94.4,1.58,1.31,8.4,61.2,45,.93,"
        ".82,.98,18,.89\nh264:23,38,64×48,0,1,,,,,,,,,,,,,,,,,,,,,\n",
        "encodings.csv": "crf,wanted,encoding,promised,groups,groups_whole,whole,psnr\n"
        "23,38.0,slow,True,5,.8,.75,36.7\n23,38.0,x265,False,5,.4,.25,35.7\n",
        "bits.png": "",
    },
    "robust_attacks": {
        "detection.csv": "medium,rung,features,pairs,tested,accuracy,low,high,auc\n"
        "pictures,jpeg-75,SPAM,150,299,.87,.83,.9,.951\n",
        "keyless.csv": "medium,rung,containers,right,low,high,auc,auc_low,auc_high\n"
        "films,h264-23,50,.5012,.5,.503,.88,.8,.95\n",
        "links.csv": "rung,scenes,pairs,auc,low,high\nh264-23,the same,50,.998,.99,1\n",
        "places.csv": "method,medium,attack,question,containers,scored,auc,low,high\n"
        'robust,pictures,"shift, over one key",places,30,784,.522,.503,.541\n',
    },
    "survive": {
        "survive.csv": "material,kind,strength,method,container_psnr,secret_psnr,secret_ssim,opened,pairs\n"
        "pictures,jpeg,90,default,40,21.4,.5,,24\npictures,jpeg,90,sealed,40,,,0.25,24\n",
        "pictures_jpeg.png": "",
    },
}
METRICS = {
    "wrongkey": {"attempts": 370, "opened": 0},
    "robust": {"robust_jpeg_75_38db_bits": 0.2345, "robust_jpeg_75_38db_whole": 0.9987},
    "survive": {
        f"survive_{name}_secret_psnr": value
        for name, value in {"jpeg_90_plain": 20.04, "jpeg_90_default": 11.5, "h264_18_plain": 12.5}.items()
    },
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        write_png(path, np.zeros((8, 8, 3), np.uint8))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    """Outputs of the stages that always run, and of every study."""
    found = Reports(*(tmp_path / name for name in ("pair.safetensors", "curve.csv", "evaluate", "video", "studies")))
    card = Card(
        "invertible",
        {"blocks": 1, "width": 8},
        {"base": "means", "quality": 85, "block": 8, "period": 0.0},
        {"beta": 0.7},
    )
    save_pair(found.weights, build("invertible", blocks=1, width=8), card)
    write(found.curve, "step,container_psnr,secret_psnr\n1,20,20\n2,30,25\n")
    write(found.evaluate / "details.json", json.dumps({"photographs": {"sealed": MODE, "bare": MODE}}))
    write(found.evaluate / "pairs.csv", "kind,mode\nphotographs,sealed\nphotographs,bare\n")
    write(found.evaluate / "pictures" / "photographs.png", "")
    write(found.video / "details.json", json.dumps(FILM))
    write(found.video / "frames.csv", "frame,container_psnr,secret_psnr,base_psnr\n0,40,38,37\n1,41,39,36\n")
    write(found.video / "frames.png", "")
    write(found.video / "preview.mp4", "film")
    for study, files in OUTPUTS.items():
        for name, text in ({"metrics.json": json.dumps(METRICS.get(study, {}))} | files).items():
            write(found.studies / study / name, text)
    return found


def test_every_study_has_a_section_with_its_figures(reports: Reports) -> None:
    page = report(reports)
    html = page.render()
    assert {study.name for study in STUDIES.values()} < {section.name for section in page.sections}
    assert NOT_MEASURED not in html
    for figure in ("41.23", "40.50 – 42.50", "34.40", "36.6", "18.4", "too dark", "34.9", "0.003", "0.512", "92%"):
        assert figure in html, figure
    for figure in ("0.0025", "370 attempts", "0.021", "21.4", "25.0", "0.23 bits per pixel"):
        assert figure in html, figure


def test_every_column_of_a_study_is_below_its_heading(reports: Reports) -> None:
    """No row contains a figure twice."""
    tables = {
        section.name: [[part.head, *part.rows] for part in section.parts if isinstance(part, Table)]
        for section in report(reports).sections
    }
    noise = ["noise", "text", "18.4", "21.1", "0.900", "0.300", ""]
    expected = {
        "sizes": [["size", "container, scenes", "secret, scenes"], ["64", "36.6", "32.9"]],
        "contents": [
            ["cover", "secret", "container, dB", "secret, dB", "container, SSIM", "secret, SSIM", "refused"],
            noise, ["black", "noise", "–", "–", "–", "–", "too dark"],
        ],
        "tradeoff": [
            ["", "setting", "source", "bits per pixel", "container, dB", "secret, dB"],
            ["swap", "4", "measured", "–", "34.9", "35.1"],
        ],
        "arithmetic": [
            [
                "pictures", "", "modulo", "quality of the base", "bits per pixel", "container, dB", "secret, dB",
                "worst container, dB", "worst secret, dB",
            ],
            ["scenes", "residual", "4", "90", "3.15", "46.3", "45.7", "45.4", "39.9"],
        ],
        "residual": [
            ["", "compared by", "with the secret", "with another", "leak", "95 % CI from", "to"],
            ["by key", "busy", "0.015", "0.012", "0.003", "-0.001", "0.008"],
        ],
        "classical": [
            ["", "attack", "AUC", "95 % CI from", "to", "pictures"],
            ["network", "RS", "0.512", "0.400", "0.600", "24"],
        ],
        "detect": [
            ["", "attacker", "training pairs", "accuracy", "95 % CI from", "to", "AUC"],
            ["network", "has the weights", "30", "92%", "74%", "98%", "0.998"],
        ],
        "steganalysis": [
            ["", "rate", "features", "training pairs", "accuracy", "95 % CI from", "to", "AUC", "tested"],
            ["sealed", "0.10", "CRMQ1", "600", "61%", "53%", "68%", "0.643", "149"],
        ],
        "places": [
            ["", "", "attack", "tells", "containers learnt from", "scored", "AUC", "95 % CI from", "to"],
            ["sealed", "pictures", "shift, over one key", "places", "30", "784", "0.512", "0.493", "0.531"],
        ],
        "survive": [["channel", "default", "sealed"], ["jpeg 90", "21.4", "25.0"]],
    }  # fmt: skip
    for name, table in expected.items():
        assert tables[STUDIES[name].name] == [table], name
    keyless = [
        [
            "",
            "opened with",
            "of",
            "correlation",
            "with other secrets",
            "mutual information, bits",
            "with other secrets",
        ],
        ["photographs", "one bit off", "picture", "0.001", "0.008", "0.0025", "0.0021"],
    ]
    assert tables[STUDIES["robust"].name] == [
        [
            [
                "pictures", "survives", "bits per pixel", "with ideal coding", "ideal QIM", "whole", "at least",
                "messages", "refused", "container, VMAF", "container, dB", "secret, dB", "container, SSIM",
                "secret, SSIM",
            ],
            [
                "256²", "jpeg:75", "0.234", "0.284", "0.256", "0.9987", "0.9931", "1043", "0", "96.2", "38.0", "27.8",
                "0.942", "0.757",
            ],
        ]
    ]  # fmt: skip
    assert tables[STUDIES["robust_attacks"].name] == [
        [
            ["", "rung", "attack", "training pairs", "tested", "accuracy", "95 % CI from", "to", "AUC"],
            ["pictures", "jpeg-75", "SPAM", "150", "299", "87%", "83%", "90%", "0.951"],
        ],
        [
            ["", "rung", "containers", "bits read right", "95 % CI from", "to", "AUC of its certainty", "from", "to"],
            ["films", "h264-23", "50", "0.501", "0.500", "0.503", "0.880", "0.800", "0.950"],
        ],
        [
            ["rung", "scenes", "pairs", "AUC", "95 % CI from", "to"],
            ["h264-23", "the same", "50", "0.998", "0.990", "1.000"],
        ],
        [
            ["", "", "attack", "tells", "containers learnt from", "scored", "AUC", "95 % CI from", "to"],
            ["robust", "pictures", "shift, over one key", "places", "30", "784", "0.522", "0.503", "0.541"],
        ],
    ]
    known = [
        ["", "blocks", "base", "compared by", "known pictures", "pictures", "secret identified", "by chance", "AUC"],
        ["photographs", "read", "coded", "busy", "JPEG 90", "23", "13%", "4%", "0.527"],
    ]
    assert tables[STUDIES["known"].name] == [known] * 2
    assert tables[STUDIES["wrongkey"].name] == [[keyless[0] + ["secret identified"], keyless[1] + ["0%"]]] * 2


def test_films_that_survive_are_shown_with_their_figures(reports: Reports) -> None:
    page = report(reports)
    (section,) = (each for each in page.sections if each.name == STUDIES["robust_films"].name)
    rates, quality, encodings = (part.rows for part in section.parts if isinstance(part, Table))
    shown = ["h264:23", "38", "640×360"]
    assert rates[0] == [*shown, "2", "1", "0.0051", "93%", "82%", "45", "89%", "18", "8.4", "61.2"]
    written, received = ["36.4", "0.961", "93.3", "2.51"], ["34.7", "0.942", "90.1", "2.63"]
    assert quality[0] == [*shown, *written, *received, "97.2", "94.4", "1.58", "1.31"]
    assert rates[1] == ["h264:23", "38", "64×48", "0", "1", *["–"] * 8], "a film without room"
    assert encodings == [["slow", "80%"], ["x265: not promised", "40%"]]
    first, second = page.tiles[:2]
    assert (first.name, first.figure) == ("survives JPEG 75", "0.23 bits per pixel")
    assert (second.name, second.figure) == ("survives H.264, CRF 23", "0.0051 bits")
    assert "93% of groups whole" in second.note
    assert "640×360" in second.note


def distinct(number: int) -> dict[str, float]:
    """Statistics that are all different, and different for each number."""
    return {name: number + place / 10 for place, name in enumerate(SPREAD)}


def test_every_figure_is_in_its_cell(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the stages that always run. All figures differ, so that exchanged ones are noticed."""
    of = ["psnr", "ssim", "msssim", "apd", "de2000", "haarpsi", "lpips"]
    columns = [f"{side}_{name}" for name in of for side in ("container", "secret")]
    sealed = {column: distinct(number) for number, column in enumerate(columns, 10)}
    bare = {column: distinct(number) for number, column in enumerate(columns, 50)}
    sealed["base_psnr"] = distinct(40)
    write(reports.evaluate / "details.json", json.dumps({"photographs": {"bare": bare, "sealed": sealed}}))
    names = ["psnr", "psnr_worst", "ssim", "apd", "vmaf", "flicker"]
    film = [f"film_{side}_{name}" for side in ("container", "secret") for name in names]
    values = {name: 70.0 + place for place, name in enumerate(film)}
    values |= {"film_base_psnr": 69.0, "film_frames": 84, "film_megabytes": 31.3}
    write(reports.video / "details.json", json.dumps(values))
    lines: list[tuple[str, list[float], list[float]]] = []
    monkeypatch.setattr(
        "matplotlib.axes.Axes.plot",
        lambda axes, x, y, label, **style: lines.append((label, list(x), list(y))),
    )
    page = report(Reports(reports.weights, reports.curve, reports.evaluate, reports.video))
    assert [(tile.name, tile.figure, tile.note) for tile in page.tiles] == [
        ("container, photographs", "10.0 dB", "95 % CI of the mean: 10.1 to 10.2"),
        ("secret, photographs", "11.0 dB", "95 % CI of the mean: 11.1 to 11.2"),
        ("secret's base alone, photographs", "40.0 dB", "95 % CI of the mean: 40.1 to 40.2"),
        ("container, film", "70.0 dB", "mean of 84 frames"),
        ("secret, film", "76.0 dB", "mean of 84 frames"),
        ("secret's base alone, film", "69.0 dB", "mean of 84 frames"),
    ]
    measures, means = (part for part in page.sections[0].parts if isinstance(part, Table))
    assert measures.head == ["", "mean", "95 % CI", "median", "worst 1 %", "worst"]
    headings = {
        "PSNR, dB": 2, "SSIM": 4, "MS-SSIM": 4, "APD, levels": 2, "colour error ΔE2000": 2, "HaarPSI": 4, "LPIPS": 4,
    }  # fmt: skip
    rows = [(f"{side}, {heading}", digits) for heading, digits in headings.items() for side in ("container", "secret")]
    numbered = [(at, *row) for at, row in enumerate(rows, 10)]
    numbered.insert(2, (40, "secret's base alone, PSNR, dB", 2))
    assert measures.rows == [
        [name, f"{at:.{digits}f}", f"{at + 0.1:.{digits}f} – {at + 0.2:.{digits}f}"]
        + [f"{at + tenth / 10:.{digits}f}" for tenth in (3, 5, 4)]
        for at, name, digits in numbered
    ]
    assert means.head[2:5] == ["container", "secret", "secret's base alone"]
    assert means.head[5:] == ["container, no sealed bits", "secret, no sealed bits"]
    assert means.rows == [["photographs", "1", "10.00", "11.00", "40.00", "50.00", "51.00"]]
    (table,) = (part for part in page.sections[1].parts if isinstance(part, Table))
    assert [table.head, *table.rows] == [
        ["", "PSNR, dB", "worst frame, dB", "SSIM", "APD, levels", "VMAF", "flicker, levels"],
        ["container", "70.00", "71.00", "72.0000", "73.00", "74.0", "75.00"],
        ["secret", "76.00", "77.00", "78.0000", "79.00", "80.0", "81.00"],
        ["secret's base alone", "69.00", "–", "–", "–", "–", "–"],
    ]
    assert lines == [
        ("container", [0, 1], [40, 41]), ("secret", [0, 1], [38, 39]), ("secret's base alone", [0, 1], [37, 36]),
        ("container", [1, 2], [20, 30]), ("secret", [1, 2], [20, 25]),
    ]  # fmt: skip


def test_a_missing_study_is_listed_with_its_command(reports: Reports) -> None:
    for path in (reports.studies / "detect").iterdir():
        path.unlink()
    last = report(reports).sections[-1]
    assert last.name == NOT_MEASURED
    assert last.parts[0].rows == [[STUDIES["detect"].name, "dvc --cd study repro detect@trained"]]


def test_without_studies_all_of_them_are_listed(reports: Reports) -> None:
    bare = Reports(reports.weights, reports.curve, reports.evaluate, reports.video)
    assert len(report(bare).sections[-1].parts[0].rows) == len(STUDIES)


@pytest.mark.parametrize("name", ["curve.csv", "evaluate/details.json", "video/preview.mp4", "studies/sizes/sizes.csv"])
def test_a_missing_file_is_named(reports: Reports, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=Path(name).name):
        report(reports)


def test_pictures_of_others_are_not_published(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of the shipped pair is in a public repository."""
    details = {kind: {"sealed": MODE, "bare": MODE} for kind in ("photographs", "bsds500")}
    write(reports.evaluate / "details.json", json.dumps(details))
    monkeypatch.setattr("stegnet.report.report.SHIPPED", reports.weights)
    html = report(reports).render()  # there is no bsds500.png
    assert "bsds500, 0 pairs" in html


def test_the_validation_curve_is_drawn_if_it_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    plot = lambda self, x, y, label, **_: drawn.update({label: (list(x), list(y))})  # noqa: E731
    monkeypatch.setattr("matplotlib.axes.Axes.plot", plot)
    monkeypatch.setattr("matplotlib.axes.Axes.legend", lambda self, *_, **__: None)
    sides = "container_psnr,secret_psnr"
    write(
        tmp_path / "curve.csv", f"step,{sides},validation_container_psnr,validation_secret_psnr\n1,2,3,,\n2,4,5,6,7\n"
    )
    training(tmp_path / "curve.csv", Card("costa", {}, {}), "")
    assert drawn == {
        "container": ([1, 2], [2, 4]), "secret": ([1, 2], [3, 5]),
        "validation, container": ([2], [6]), "validation, secret": ([2], [7]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("family", "start", "grows"),
    [("costa", "auto", False), ("costa", 0.02, True), ("invertible", "auto", True), ("invertible", 1.0, False)],
)
def test_the_weight_of_the_container_is_said_to_grow_where_it_does(reports, family, start, grows) -> None:
    card = Card(family, {}, {}, {"train": {"container_start": start}})
    (text,) = training(reports.curve, card, "").text
    assert ("grows during training" in text) == grows
    assert ("its full weight from the first step" in text) != grows
