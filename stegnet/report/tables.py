"""Figures as text, and tables of them."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stegnet.core.errors import DataError
from stegnet.report.page import Table

Form = Callable[[Any], str]


def decimals(digits: int) -> Form:
    """Numbers with so many digits behind the point; what is no number, or was not measured, as a dash."""

    def form(value: Any) -> str:
        return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"

    return form


def words(value: Any) -> str:
    """Text, and whole numbers, as they are; nothing where there is nothing."""
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def share(value: Any) -> str:
    """A share as percent."""
    return "–" if math.isnan(value) else f"{value:.0%}"


def read_json(path: Path) -> Any:
    """A JSON file that a stage left.

    Raises:
        DataError: it can't be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({error})", "the stage that writes it has to run first") from error


def read_table(path: Path) -> pd.DataFrame:
    """A CSV file that a stage left.

    Raises:
        DataError: it can't be read.
    """
    try:
        return pd.read_csv(path)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: can't be read ({error})", "the stage that writes it has to run first") from error


def listed(frame: pd.DataFrame, columns: Mapping[str, tuple[str, Form]], caption: str = "") -> Table:
    """A table as it is: for each column of `frame` that is shown, its heading and how it is written."""
    rows = [[form(row[name]) for name, (_, form) in columns.items()] for _, row in frame.iterrows()]
    return Table([heading for heading, _ in columns.values()], rows, caption)


def crossed(frame: pd.DataFrame, rows: str, columns: str, values: str, form: Form, caption: str = "") -> Table:
    """A table of tidy figures: one line for each value of `rows`, one column for each of `columns`, in their order."""
    table = frame.pivot(index=rows, columns=columns, values=values)
    table = table.loc[frame[rows].drop_duplicates(), frame[columns].drop_duplicates()]
    body = [
        [str(name), *(form(value) for value in line)] for name, line in zip(table.index, table.to_numpy(), strict=True)
    ]
    return Table([rows, *map(str, table.columns)], body, caption)
