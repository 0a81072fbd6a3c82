"""What the tests of documented figures share: the pages, the shipped report's tables, and how figures are written."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "reports" / "shipped"


def read_page(name: str) -> str:
    """A page's text, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


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
