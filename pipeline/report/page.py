"""The page's parts and its HTML: one file with text, tables, pictures and films, which loads nothing from elsewhere."""

import base64
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from pipeline.chart import chart
from stegnet.core.errors import DataError

_NUMBER = re.compile(r"[-−–+]?(\d|inf|nan|$)")  # the start of a number, or of a missing value

Format = int | str  # format of a cell: decimals; "%" for a share in [0, 1]; "" for text and integers
Column = str | tuple[str, Format]  # heading, with its format unless that is ""
Part = dict[str, Any]  # something on the page: its template, and the values that fill it


def cell(value: Any, form: Format = "") -> str:
    """Return a value as text; a missing number is a dash, and missing text is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "" if form == "" else "–"
    if form == "":
        return str(value)
    return f"{value:.0%}" if form == "%" else f"{value:.{form}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> Part:
    """Return rows of text under a header. The first column names the row."""
    return {"template": "table.html", "head": head, "rows": rows, "caption": caption}


def frame_table(frame: pd.DataFrame, columns: Mapping[str, Column], caption: str = "") -> Part:
    """Return a data frame's rows; `columns` are the columns to show, by name."""
    shown = {name: (column, "") if isinstance(column, str) else column for name, column in columns.items()}
    rows = [[cell(row[name], form) for name, (_, form) in shown.items()] for row in frame.to_dict("records")]
    return table([heading for heading, _ in shown.values()], rows, caption)


def pivot_table(
    frame: pd.DataFrame,
    rows: tuple[str, str],
    columns: str,
    values: tuple[str, Format],
    labels: Mapping[str, Mapping[Any, str]] | None = None,
    caption: str = "",
) -> Part:
    """Return one column of a tidy data frame as a table, with rows and columns in order of appearance.

    Args:
        frame: tidy data, an observation a row.
        rows: heading of the first column, and a format string of the frame's columns that names each row.
        columns: a format string that names each other column.
        values: the column to show and its format.
        labels: by column, names for its values.
        caption: text shown with the table; "": no text.
    """
    corner, row_name = rows
    column, form = values
    records = frame.replace(labels or {}).to_dict("records")
    named = [{str(name): value for name, value in row.items()} for row in records]
    keys = {"row": [row_name.format(**row) for row in named], "head": [columns.format(**row) for row in named]}
    wide = frame.assign(**keys).pivot(index="row", columns="head", values=column)
    wide = wide.loc[[*dict.fromkeys(keys["row"])], [*dict.fromkeys(keys["head"])]]
    body = [[name, *(cell(value, form) for value in row)] for name, *row in wide.itertuples()]
    return table([corner, *wide], body, caption)


def figures_table(
    figures: Mapping[str, float], key: str, rows: Mapping[str, str], columns: Mapping[str, Column]
) -> Part:
    """Return figures named after row and column, as in "film_{row}_{column}", without columns that have no figure."""
    values = {name: [figures.get(key.format(row=row, column=name)) for row in rows] for name in columns}
    shown = {name: column for name, column in columns.items() if any(value is not None for value in values[name])}
    return frame_table(pd.DataFrame({"": rows.values()} | values, dtype=object), {"": ""} | shown)


def picture(data: bytes, alt: str, caption: str = "") -> Part:
    """Return a PNG file, unchanged, with its text alternative."""
    return _picture("image/png", data, alt, caption, wide=False)


def line_chart(
    frame: pd.DataFrame, x: str, y: str, columns: Mapping[str, str], alt: str, size: tuple[float, float] = (8, 4.5)
) -> Part:
    """Return a chart of a data frame's columns over its column `x`, each with a name in the legend.

    Columns that the frame lacks are skipped.
    """
    image = BytesIO()
    with chart(image, x, y, size) as axes:
        for column, label in columns.items():
            if column in frame:
                rows = frame.dropna(subset=column)
                axes.plot(rows[x], rows[column], label=label, marker="")
    return picture(image.getvalue(), alt)


def photograph_part(data: bytes, alt: str, caption: str = "") -> Part:
    """Return photographs as WebP, no wider than the page, which scroll instead of shrinking; the file is lossless."""
    with Image.open(BytesIO(data)) as opened:
        sheet = opened.convert("RGB")
    max_width = 1400  # pixels
    sheet.thumbnail((max_width, 10 * max_width), Image.Resampling.LANCZOS)
    small = BytesIO()
    sheet.save(small, "WEBP", quality=80, method=6)
    return _picture("image/webp", small.getvalue(), alt, caption, wide=True)


def film(data: bytes, caption: str = "") -> Part:
    """Return an MP4 file, unchanged."""
    return {"template": "film.html", "data": _data_uri("video/mp4", data), "caption": caption}


def collapsed(name: str, parts: Sequence[Part]) -> Part:
    """Return parts that are hidden until the reader opens them."""
    return {"template": "collapsed.html", "name": name, "parts": parts}


_READERS: dict[str, Callable[..., Part]] = {
    "table": frame_table, "pivot": pivot_table, "grid": figures_table, "chart": picture, "lines": line_chart,
    "contact_sheet": photograph_part, "film": film,
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A section of the page: its heading, how to repeat the measurement, text with `code` in backticks, and parts."""

    name: str
    command: str = ""
    text: Sequence[str] = ()
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Spec:
    """A stage's section and headline figures before they are filled in: an entry of a sections.yaml.

    study/sections.yaml describes its syntax.
    """

    name: str
    text: Sequence[str]
    parts: Sequence[Mapping[str, Any]] = ()
    tiles: Sequence[Mapping[str, str]] = ()

    def section(self, folder: Path, command: str, figures: Mapping[str, Any], *more: Part) -> Section:
        """Return the section, filled in from a stage's output folder and from figures, with more parts at its end."""
        parts = [part for part in (_read_part(folder, one, figures) for one in self.parts) if part]
        return Section(self.name, command, [paragraph.format(**figures) for paragraph in self.text], [*parts, *more])

    def filled_tiles(self, figures: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        """Yield the tiles whose figures were measured."""
        for tile in self.tiles:
            start = tile.get("of", "")
            own = {name.removeprefix(start): value for name, value in figures.items() if name.startswith(start)}
            with suppress(KeyError):
                yield {key: text.format(**own) for key, text in tile.items()}


def read_specs(path: Path) -> dict[str, Spec]:
    """Return the entries of a sections.yaml, by stage."""
    return {stage: Spec(**spec) for stage, spec in yaml.safe_load(read(path)).items()}


@dataclass(frozen=True)
class Page:
    """The whole page: title, headline figures with a name and a note each, sections, and facts about the pair."""

    title: str
    tiles: Sequence[Mapping[str, str]]
    sections: Sequence[Section]
    facts: Part

    def render(self) -> str:
        """Return the page as HTML."""
        environment = Environment(
            loader=PackageLoader("pipeline.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.tests["word"] = lambda cell: not _NUMBER.match(cell)
        return environment.get_template("page.html").render(page=self)


def read(path: Path) -> Any:
    """Read a file of a stage: the values of a JSON file, the table of a CSV file, the bytes of any other."""
    try:
        if path.suffix == ".csv":
            return pd.read_csv(path)
        return json.loads(path.read_bytes()) if path.suffix == ".json" else path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({error})", "run the stage that writes it first") from error


def _read_part(folder: Path, spec: Mapping[str, Any], figures: Mapping[str, Any]) -> Part | None:
    """Return a part from its kind and file, which come first in a spec, and the options of the kind's reader.

    Lines of which the file has none are None.
    """
    (kind, name), *options = spec.items()
    content = read(folder / name.format(**figures))
    given = dict(options)
    if where := given.pop("where", ""):
        content = content.query(where)
    if kind == "lines" and not any(content[name].notna().any() for name in given["columns"] if name in content):
        return None
    return _READERS[kind](content, **given)


def _picture(kind: str, data: bytes, alt: str, caption: str, wide: bool) -> Part:
    return {"template": "picture.html", "data": _data_uri(kind, data), "alt": alt, "caption": caption, "wide": wide}


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
