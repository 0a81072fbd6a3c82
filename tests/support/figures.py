"""Figures of the documentation, and the files under reports/ that they come from.

A comment behind a table or paragraph names the source of each of its figures, a line for each source:

    <!-- figures
    46.1 41.4 = shipped/evaluate/pairs.csv[kind=photographs; mode=sealed]: container_psnr.mean container_psnr.min
    96 = shipped/detect/metrics.json: detect_network_accuracy*100
    43.8 43.7 = elsewhere: arXiv 2508.02111, table 2
    -->

In a CSV, a column of the rows that the brackets choose is taken by its mean, min, max, median, sum or count, infinite
values left out, or as it is where one row is left; of a JSON file, the value of a dotted key. `*100` and `/1e6` scale
a value, a minus before it negates it, and `first−second` is a difference. Figures from elsewhere, such as published
ones, name what they come from, and are not compared.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports"
_COMMENT = re.compile(r"<!-- figures\n(.*?)-->", re.S)
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d)")
_MEASURED = re.compile(r"(?<![\w.,])(?:\d+\.\d+(?!\w|\.\d)|\d+(?=\s(?:%|dB)))")
_ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Sourced:
    """Figures of a page, as they are written, and their source."""

    figures: tuple[str, ...]
    path: str  # a file under reports/, and its rows; or `_ELSEWHERE`
    wanted: str

    def differences(self) -> list[str]:
        """Name the figures that are not the source's values, rounded to their places."""
        if self.path == _ELSEWHERE:
            return [] if self.wanted else ["figures from elsewhere, without a name"]
        values = [_value(self.path, each) for each in self.wanted.split()]
        if len(values) != len(self.figures):
            return [f"{len(self.figures)} figures, but {len(values)} values of {self.path}"]
        pairs = zip(self.figures, values, self.wanted.split(), strict=True)
        return [f"{figure}: {value} in {self.path}: {name}" for figure, value, name in pairs if not _is(figure, value)]


@dataclass(frozen=True)
class Passage:
    """A part of a page that ends with a comment on its figures, or with the page."""

    text: str  # without code, comments, and addresses of links
    sourced: tuple[Sourced, ...]

    @property
    def without_source(self) -> list[str]:
        """Decimals, percentages and decibels of the text that no line of the comment has."""
        named = {figure for each in self.sourced for figure in each.figures}
        return [figure for figure in _MEASURED.findall(self.text) if figure not in named]

    @property
    def not_in_text(self) -> list[str]:
        """Figures of the comment that the text lacks."""
        written = set(_NUMBER.findall(self.text))
        return [figure for each in self.sourced for figure in each.figures if figure not in written]


def passages(page: Path) -> Iterator[Passage]:
    """Yield the passages of a page."""
    start = 0
    text = page.read_text(encoding="utf-8")
    for comment in _COMMENT.finditer(text):
        sourced = []
        for line in comment[1].strip().splitlines():
            figures, _, source = line.partition(" = ")
            path, _, wanted = source.rpartition(": ") if not source.startswith(_ELSEWHERE) else source.partition(": ")
            sourced.append(Sourced(tuple(_NUMBER.findall(figures)), path, wanted))
        yield Passage(_prose(text[start : comment.start()]), tuple(sourced))
        start = comment.end()
    yield Passage(_prose(text[start:]), ())


def _prose(text: str) -> str:
    """Return a text without code, comments, addresses of links and numbers of preprints."""
    text = re.sub(r"^```.*?^```|<!-- bench: begin.*?bench: end -->|<!--.*?-->", "", text, flags=re.M | re.S)
    text = re.sub(r"\[\d{4}\.\d{5}\]\([^)]*\)|\]\([^)]*\)|`[^`]*`", "]", text)
    return text.replace("−", "-").replace("–", " to ").replace("±", "± ")


def _is(figure: str, value: float) -> bool:
    """Return whether a figure is a value, rounded to the figure's places; of a value in the middle, either way."""
    places = len(figure.partition(".")[2])
    return abs(float(figure.replace(",", "")) - value) <= 0.5 * 10.0**-places * (1 + 1e-6)


def _value(path: str, wanted: str) -> float:
    """Return a value of a report, such as `container_psnr.mean`, `-lead_db*100` or `first−second`."""
    if "−" in wanted:
        first, second = wanted.split("−")
        return _value(path, first) - _value(path, second)
    parts = re.fullmatch(r"(-?)(.+?)(?:([*/])([\de]+))?", wanted)
    assert parts, wanted
    sign, name, operation, number = parts.groups()
    factor = float(number or 1) ** (-1 if operation == "/" else 1) * (-1 if sign else 1)
    file, _, chosen = path.partition("[")
    return factor * (_of_csv(file, chosen.rstrip("]"), name) if file.endswith(".csv") else _of_json(file, name))


def _of_json(file: str, name: str) -> float:
    """Return the value of a dotted key; keys may have dots themselves."""
    value: Any = json.loads((REPORTS / file).read_text(encoding="utf-8"))
    while name:
        keys = value if isinstance(value, dict) else map(str, range(len(value)))
        key = max((key for key in keys if name == key or name.startswith(f"{key}.")), key=len)
        value = value[key] if isinstance(value, dict) else value[int(key)]
        name = name.removeprefix(key).removeprefix(".")
    return float(value)


@cache
def _table(file: str) -> pd.DataFrame:
    return pd.read_csv(REPORTS / file, dtype=str, keep_default_na=False)


def _of_csv(file: str, chosen: str, name: str) -> float:
    rows = _table(file)
    for column, value in (each.strip().split("=", 1) for each in chosen.split(";") if each.strip()):
        rows = rows[rows[column] == value]
    column, _, how = name.partition(".")
    if how == "count":
        return len(rows)
    values = pd.to_numeric(rows[column].replace("", "nan")).to_numpy(float)
    values = values[np.isfinite(values)]
    if not how:
        assert len(values) == 1, f"{len(values)} rows of {file} are {chosen}"
    return float(getattr(np, how or "mean")(values))
