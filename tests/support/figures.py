"""Shared by the tests of documented figures: the pages, the shipped report's tables, and how figures are written."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "reports" / "shipped"


def read_page(name: str) -> str:
    """A page's text, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def table(name: str, *index: str):
    """A table of the shipped report, by the values of some columns."""
    import pandas as pd  # here, since it takes seconds

    rows = pd.read_csv(SHIPPED / name)
    return rows.set_index(list(index)) if index else rows


def assert_rows(page: str, rows: Iterable[list[str]]) -> None:
    """A page's tables have these rows; the first cell is the name."""
    wrong = {row[0]: (cells(page, row[0]), row) for row in rows if cells(page, row[0]) != row}
    assert not wrong, "shown, and measured"


def between(row, digits: int = 2) -> str:
    """The area under a ROC curve, with its interval."""
    return within(point(row["auc"], digits), point(row["low"]), point(row["high"]))


def right(row) -> str:
    """An accuracy, with its interval."""
    return within(percent(row["accuracy"]), f"{100 * row['low']:.0f}", f"{100 * row['high']:.0f}")


def one_line(text: str) -> str:
    return " ".join(text.split())


def decibels(text: str) -> list[str]:
    return re.findall(r"[\d.]+ dB", text)


def rounded(*figures: float) -> list[str]:
    return [f"{figure:.1f} dB" for figure in figures]


def cells(page: str, name: str) -> list[str]:
    """Cells of the only row of a page's tables that starts with this name; the name is the first."""
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def within(value: str, low: str, high: str) -> str:
    """A figure with its interval."""
    return f"{value} ({low}–{high})"


def point(value: float, digits: int = 2) -> str:
    """A share as in statistics: .57 for 0.57, and 1.00."""
    return f"{value:.{digits}f}".removeprefix("0")


def methods(row: str) -> list[str]:
    """Cells of a row in the README's table of methods; the method's are 2, network, and 3, sealed."""
    return next(line for line in read_page("README.md").splitlines() if line.startswith(f"| {row} |")).split("|")
