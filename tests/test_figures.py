"""Figures of the documentation are those of the reports that they come from.

Two pages stay out. docs/experiments.md is a log: its figures are those of the commits that it names, whose reports are
gone. docs/format.md defines numbers, which the vectors in tests/format hold.
"""

import json
from pathlib import Path

import pytest

from tests.support.figures import REPORTS, ROOT, passages
from tools.bench import tables, with_tables

PAGES = [ROOT / "README.md", ROOT / "PYPI.md", ROOT / "demo/README.md"]
PAGES += [page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem not in ("experiments", "format")]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_figures_are_those_of_their_reports(page: Path) -> None:
    sourced = [each for passage in passages(page) for each in passage.sourced]
    assert not [line for each in sourced for line in each.differences()]


@each_page
def test_each_figure_has_a_source(page: Path) -> None:
    found = list(passages(page))
    assert not [figure for passage in found for figure in passage.without_source]
    assert not [figure for passage in found for figure in passage.not_in_text]


def test_the_tables_of_costs_are_those_of_the_benchmark() -> None:
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    measured = json.loads((REPORTS / "compare/bench.json").read_text(encoding="utf-8"))
    assert page == with_tables(page, tables(measured))
