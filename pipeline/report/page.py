"""The page's parts and its HTML: one file with text, tables, pictures and films, which loads nothing from elsewhere."""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from stegnet.core.errors import DataError

_QUALITY = 80  # of WebP, for photographs
_MAX_WIDTH = 1400  # of a photograph, in pixels
_MAX_ROWS = 16  # longer tables are collapsed
_NUMBER = re.compile(r"[-−–+]?(\d|inf|nan|$)")  # the start of a number, or of a missing value
_MISSING_HINT = "run the stage that writes it first"

Formatter = Callable[[Any], str]


def decimals(digits: int) -> Formatter:
    """Formats numbers with fixed decimals, and None and nan as a dash."""

    def format_number(value: Any) -> str:
        return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"

    return format_number


def percent(value: Any) -> str:
    """Formats a share in [0, 1] as a percentage, and nan as a dash."""
    return "–" if math.isnan(value) else f"{value:.0%}"


def text(value: Any) -> str:
    """Formats text and whole numbers unchanged, and nan as the empty string."""
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column names the row."""

    head: list[str]
    rows: list[list[str]]
    caption: str = ""

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Mapping[str, tuple[str, Formatter]], caption: str = "") -> Self:
        """A data frame's rows; `columns` maps each column that is shown to its heading and format."""
        rows = [[form(row[name]) for name, (_, form) in columns.items()] for _, row in frame.iterrows()]
        return cls([heading for heading, _ in columns.values()], rows, caption)

    @classmethod
    def pivot(
        cls, frame: pd.DataFrame, index: str, columns: str, values: str, form: Formatter, caption: str = ""
    ) -> Self:
        """A pivot table of a tidy data frame, with rows and columns in order of appearance."""
        table = frame.pivot(index=index, columns=columns, values=values)
        table = table.loc[frame[index].drop_duplicates(), frame[columns].drop_duplicates()].map(form)
        return cls([index, *map(str, table)], [[str(name), *row] for name, *row in table.itertuples()], caption)


@dataclass(frozen=True)
class Picture:
    """A picture with its text alternative; `wide` pictures, such as contact sheets, scroll instead of shrinking."""

    data: str
    alt: str
    caption: str = ""
    wide: bool = False

    @classmethod
    def chart(cls, path: Path, alt: str, caption: str = "") -> Self:
        """A PNG file, unchanged."""
        return cls.of_png(_read(path), alt, caption)

    @classmethod
    def of_png(cls, data: bytes, alt: str, caption: str = "") -> Self:
        """The bytes of a PNG, unchanged."""
        return cls(_data_uri("image/png", data), alt, caption)

    @classmethod
    def contact_sheet(cls, path: Path, alt: str, caption: str = "") -> Self:
        """Photographs as WebP, no wider than the page; the file on disk stays lossless."""
        with Image.open(BytesIO(_read(path))) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((_MAX_WIDTH, 10 * _MAX_WIDTH), Image.Resampling.LANCZOS)
        small = BytesIO()
        picture.save(small, "WEBP", quality=_QUALITY, method=6)
        return cls(_data_uri("image/webp", small.getvalue()), alt, caption, wide=True)


@dataclass(frozen=True)
class Film:
    """A film that browsers play."""

    data: str
    caption: str = ""

    @classmethod
    def embed(cls, path: Path, caption: str = "") -> Self:
        """An MP4 file, unchanged."""
        return cls(_data_uri("video/mp4", _read(path)), caption)


@dataclass(frozen=True)
class Collapsed:
    """Parts that are hidden until the reader opens them."""

    name: str
    parts: tuple[Table | Picture, ...]


@dataclass(frozen=True)
class FigureTile:
    """A headline figure with its name, unit and a short note."""

    name: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        name: its heading.
        command: the command that repeats the measurement, or "".
        text: paragraphs; `code` in backticks.
        parts: figures and tables, in order.
    """

    name: str
    command: str
    text: tuple[str, ...] = ()
    parts: tuple[Table | Picture | Film | Collapsed, ...] = ()


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    lead: str
    tiles: list[FigureTile]
    sections: list[Section]
    facts: Table
    limits: list[str] = field(default_factory=list)

    def render(self) -> str:
        """The page as HTML."""
        environment = Environment(
            loader=PackageLoader("pipeline.report", ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for part in (Table, Picture, Collapsed):
            environment.tests[part.__name__.lower()] = lambda value, part=part: isinstance(value, part)
        environment.tests["long"] = lambda part: isinstance(part, Table) and len(part.rows) > _MAX_ROWS
        environment.tests["word"] = lambda cell: not _NUMBER.match(cell)
        return environment.get_template("page.html").render(page=self)


def read_json(path: Path) -> Any:
    """Reads a JSON file of a stage.

    Raises:
        DataError: it can't be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({error})", _MISSING_HINT) from error


def read_table(path: Path) -> pd.DataFrame:
    """Reads a CSV file of a stage.

    Raises:
        DataError: it can't be read.
    """
    try:
        return pd.read_csv(path)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: can't be read ({error})", _MISSING_HINT) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", _MISSING_HINT) from error


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
