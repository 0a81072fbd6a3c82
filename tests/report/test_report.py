"""The report from the outputs of the stages: each figure in its cell, missing ones named."""

import json
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import DataError
from stegnet.media import write_png
from stegnet.models import Card, build, save_pair
from stegnet.report.page import Table
from stegnet.report.report import NOT_MEASURED, STUDIES, Reports, report

SPREAD = {"mean": 41.234, "ci_low": 40.5, "ci_high": 42.5, "median": 41.0, "worst": 33.3, "worst_1_percent": 34.4}
MODE = {f"{side}_{name}": SPREAD for side in ("container", "secret") for name in ("psnr", "ssim", "apd")}
MODE |= {"base_psnr": SPREAD}
FILM = {
    f"film_{side}_{name}": 40.5 for side in ("container", "secret") for name in ("psnr", "psnr_worst", "ssim", "apd")
}
FILM |= {"film_base_psnr": 38.5, "film_frames": 84, "film_megabytes": 31.3}
SHIPPED = Path(__file__).parents[2] / "reports" / "shipped"
SHEETS = ("contents/worst.png", "residual/residual.png", "wrongkey/pictures.png")  # not in the repository


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
    for path in [path for study in STUDIES for path in (SHIPPED / study).iterdir()]:
        is_text = path.suffix in (".csv", ".json")
        write(found.studies / path.relative_to(SHIPPED), path.read_text(encoding="utf-8") if is_text else "")
    for sheet in SHEETS:
        write(found.studies / sheet, "")
    return found


def shipped(study: str, figure: str) -> float:
    return json.loads((SHIPPED / study / "metrics.json").read_text(encoding="utf-8"))[figure]


def test_every_study_has_a_section_with_its_figures(reports: Reports) -> None:
    page = report(reports)
    sections = {section.name: section for section in page.sections}
    html = page.render()
    assert {study.name for study in STUDIES.values()} < sections.keys()
    assert NOT_MEASURED not in html
    for study in STUDIES.values():
        tables = [part for part in sections[study.name].parts if isinstance(part, Table)]
        assert tables and all(len(row) == len(table.head) for table in tables for row in table.rows), study.name
        assert all(table.rows for table in tables), study.name
    for figure in ("41.23", "40.50 – 42.50", "34.40"):
        assert figure in html, figure
    assert f"{shipped('wrongkey', 'attempts')} attempts" in html
    assert f"{shipped('robust', 'robust_jpeg_75_38db_bits'):.2f} bits per pixel" in html


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
