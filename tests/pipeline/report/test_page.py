"""The page is self-contained, escapes all text, and is valid HTML."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pipeline.report.page import Page, Section, film, photograph_part, picture, table
from stegnet.image import write_png

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Seen(HTMLParser):
    """Collects loads, links, ids and text alternatives; asserts that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.alts: list[str] = []
        self.open: list[str] = []

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


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    assert not parser.open
    return parser


@pytest.fixture
def shown_page(tmp_path: Path) -> Page:
    write_png(tmp_path / "a.png", np.zeros((20, 3000, 3), np.uint8))
    png = (tmp_path / "a.png").read_bytes()
    parts = (
        picture(png, "a chart"),
        photograph_part(png, "a sheet", "below it"),
        film(b"film", "moves"),
        table(["", "PSNR"], [["<b>odd & name</b>", "40.0"]], "figures"),
    )
    sections = [Section("Measured", "do it", ("text",), parts), Section("Left out", "", ("say `make it`",))]
    tile = {"name": "PSNR", "figure": "40 dB", "note": ""}
    return Page("a title", [tile], sections, table(["", ""], [["family", "x"]]))


def test_the_page_is_self_contained_and_its_text_escaped(shown_page: Page) -> None:
    html = shown_page.render()
    shown = seen(html)
    assert len(shown.loads) == 4
    assert all(load.startswith("data:") for load in shown.loads)
    assert "http" not in html and "url(" not in html
    assert {link.removeprefix("#") for link in shown.links} == set(shown.ids)
    assert shown.alts == ["a chart", "a sheet"]
    assert "<b>odd" not in html and "&lt;b&gt;odd &amp; name" in html
    assert "say <code>make it</code>" in html
    chart, sheet = shown_page.sections[0].parts[:2]
    assert chart["data"].startswith("data:image/png") and sheet["data"].startswith("data:image/webp")
