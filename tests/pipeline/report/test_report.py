"""The report from the outputs of the stages: each figure in its cell, missing ones named."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pipeline.report.__main__ import report
from pipeline.report.page import read_specs
from stegnet.core.measures import MEASURES
from stegnet.image import write_png
from stegnet.networks import SHIPPED as SHIPPED_WEIGHTS
from tests.support.lab import DataError
from tests.support.pairs import save_untrained

SPREAD = {"mean": 41.234, "ci_low": 40.5, "ci_high": 42.5, "median": 41.0, "worst": 33.3}
MODE = {f"{side}_{name}": SPREAD for side in ("container", "secret") for name in ("psnr", "ssim", "apd")}
MODE |= {"base_psnr": SPREAD}
HEADLINE = {"gain_psnr": 1.06, "gain_psnr_low": 0.96, "gain_psnr_high": 1.16}
HEADLINE |= {"untrained_container_psnr": 45.2, "untrained_secret_psnr": 45.1}
FILM = {
    f"film_{side}_{name}": 40.5 for side in ("container", "secret") for name in ("psnr", "psnr_worst", "ssim", "apd")
}
FILM |= {"film_base_psnr": 38.5, "film_frames": 84, "film_megabytes": 31.3}
DETECTED = {"detect_network_accuracy": 0.887, "detect_network_low": 0.793, "detect_network_high": 0.942}
DETECTIONS = """method,rate,pictures,pairs,tested,accuracy,low,high,finding
network,,all,200,71,0.887,0.793,0.942,found
sealed,0.1,all,200,71,0.493,0.38,0.607,inconclusive
"""
ROOT = Path(__file__).parents[3]
SHIPPED, SECTIONS = ROOT / "reports" / "shipped", ROOT / "study" / "sections.yaml"
STUDIES = read_specs(SECTIONS)
NOT_MEASURED = "Not measured"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        write_png(path, np.zeros((8, 8, 3), np.uint8))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def reports(tmp_path: Path) -> dict[str, Path]:
    """Outputs of the stages that always run, and of every study."""
    found = {"reports": tmp_path, "studies": tmp_path / "studies", "sections": SECTIONS}
    found |= {"weights": tmp_path / "pair.safetensors", "curve": tmp_path / "curve.csv"}
    save_untrained(found["weights"], {"beta": 0.7})
    write(found["curve"], "step,container_psnr,secret_psnr\n1,20,20\n2,30,25\n")
    write(tmp_path / "evaluate" / "metrics.json", json.dumps(HEADLINE))
    write(tmp_path / "detect" / "metrics.json", json.dumps(DETECTED))
    write(tmp_path / "detect" / "detect.csv", DETECTIONS)
    write(tmp_path / "evaluate" / "details.json", json.dumps({"photographs": {"sealed": MODE, "bare": MODE}}))
    write(tmp_path / "evaluate" / "pairs.csv", "kind,mode\nphotographs,sealed\nphotographs,bare\n")
    write(tmp_path / "evaluate" / "pictures" / "photographs.png", "")
    write(tmp_path / "video" / "details.json", json.dumps(FILM))
    write(tmp_path / "video" / "frames.csv", "frame,container_psnr,secret_psnr,base_psnr\n0,40,38,37\n1,41,39,36\n")
    write(tmp_path / "video" / "frames.png", "")
    write(tmp_path / "video" / "preview.mp4", "film")
    for path in [path for study in STUDIES for path in (SHIPPED / study).iterdir()]:
        is_text = path.suffix in (".csv", ".json")
        write(found["studies"] / path.relative_to(SHIPPED), path.read_text(encoding="utf-8") if is_text else "")
    return found


def shipped(study: str, figure: str) -> float:
    return json.loads((SHIPPED / study / "metrics.json").read_text(encoding="utf-8"))[figure]


def test_every_study_has_a_section_with_its_figures(reports: dict[str, Path]) -> None:
    page = report(**reports)
    sections = {section.name: section for section in page.sections}
    html = page.render()
    assert {study.name for study in STUDIES.values()} < sections.keys()
    assert NOT_MEASURED not in html
    for study in STUDIES.values():
        tables = [part for part in sections[study.name].parts if "head" in part]
        assert tables and all(len(row) == len(table["head"]) for table in tables for row in table["rows"]), study.name
        assert all(table["rows"] for table in tables), study.name
    for figure in ("41.23", "40.50 – 42.50", "33.30"):
        assert figure in html, figure
    assert f"{shipped('wrongkey', 'attempts')} attempts" in html
    assert f"{shipped('robust', 'robust_jpeg_75_38db_bits'):.2f} bits per pixel" in html


VOID = {"meta", "link", "img", "br", "input", "hr"}


class Seen(HTMLParser):
    """Collects loads, links, ids and text alternatives; asserts that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.alts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.loads += [given[name] for name in ("src", "poster", "srcset") if given.get(name)]
        self.loads += [given["href"]] if tag == "link" else []
        self.links += [given["href"]] if tag == "a" else []
        self.ids += [given["id"]] if "id" in given else []
        self.alts += [given["alt"]] if tag == "img" else []
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_valid_and_self_contained_and_its_text_escaped(reports: dict[str, Path]) -> None:
    """Names of pictures come from a user's folders."""
    details = {kind: {"sealed": MODE, "bare": MODE} for kind in ("photographs", "<b>odd & name")}
    write(reports["reports"] / "evaluate" / "details.json", json.dumps(details))
    write(reports["reports"] / "evaluate" / "pictures" / "<b>odd & name.png", "")
    page = report(**reports)
    shown = Seen(html := page.render())
    assert len(shown.loads) > 5 and all(load.startswith("data:") for load in shown.loads)
    assert "http" not in html and "url(" not in html
    assert {link.removeprefix("#") for link in shown.links} <= set(shown.ids)
    assert all(shown.alts)
    assert "<b>odd" not in html and "&lt;b&gt;odd &amp; name" in html
    assert "<code>dvc --cd study repro" in html
    kinds = {part["data"].partition(";")[0] for section in page.sections for part in section.parts if "data" in part}
    assert kinds >= {"data:image/png", "data:image/webp"}


def test_a_missing_study_is_listed_with_its_command(reports: dict[str, Path]) -> None:
    for path in (reports["studies"] / "robust_attacks").iterdir():
        path.unlink()
    last = report(**reports).sections[-1]
    assert last.name == NOT_MEASURED
    assert last.parts[0]["rows"] == [[STUDIES["robust_attacks"].name, "dvc --cd study repro robust_attacks@trained"]]


def test_what_the_detector_found_is_shown_unless_it_is_off(reports: dict[str, Path]) -> None:
    page = report(**reports)
    (section,) = [section for section in page.sections if section.command.endswith("detect")]
    (table,) = [part for part in section.parts if "head" in part]
    assert [row[0] for row in table["rows"]] == ["network", "sealed"]
    assert table["rows"][1][-4:] == ["49%", "38%", "61%", "inconclusive"]
    assert [tile["figure"] for tile in page.tiles if "detector" in tile["name"]] == ["89% right"]
    write(reports["reports"] / "detect" / "metrics.json", "{}")
    page = report(**reports)
    assert not [section for section in page.sections if section.command.endswith("detect")]
    assert not [tile for tile in page.tiles if "detector" in tile["name"]]


@pytest.mark.parametrize("name", ["curve.csv", "evaluate/details.json", "video/preview.mp4", "studies/sizes/sizes.csv"])
def test_a_missing_file_is_named(reports: dict[str, Path], tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=Path(name).name):
        report(**reports)


def test_pictures_of_others_are_not_published(reports: dict[str, Path]) -> None:
    """The page of the shipped pair is in a public repository."""
    details = {kind: {"sealed": MODE, "bare": MODE} for kind in ("photographs", "bsds500")}
    write(reports["reports"] / "evaluate" / "details.json", json.dumps(details))
    html = report(**reports | {"weights": SHIPPED_WEIGHTS}).render()  # there is no bsds500.png
    assert "bsds500, 0 pairs" in html


@pytest.mark.parametrize("path", [SECTIONS, ROOT / "pipeline" / "report" / "sections.yaml"], ids=["study", "pipeline"])
def test_headings_of_measures_are_those_of_the_measures(path: Path) -> None:
    parts = [part for spec in read_specs(path).values() for part in spec.parts if {"table", "grid"} & part.keys()]
    columns = [item for part in parts for item in part["columns"].items() if not isinstance(item[1], str)]
    named = [(heading, MEASURES[key]) for name, (heading, _) in columns for key in {*name.split("_")} & MEASURES.keys()]
    assert named
    for heading, measure in named:
        assert heading.endswith(measure.unit or measure.heading), heading
