"""Figures of the documentation are those of the reports that they come from."""

import json
from pathlib import Path

import pytest

from tests.support.figures import REPORTS, ROOT, passages
from tools.bench import tables, with_tables

PAGES = [ROOT / "README.md"]
PAGES += [ROOT / "docs" / f"{name}.md" for name in ("evaluation", "networks", "security", "training", "zoo")]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_figures_are_those_of_their_reports(page: Path) -> None:
    sourced = [each for passage in passages(page) for each in passage.sourced]
    assert sourced
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
