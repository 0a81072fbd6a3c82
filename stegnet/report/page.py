"""A page in one file: text, tables, pictures and films, nothing that is loaded from elsewhere."""

import base64
import re
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Self

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from stegnet.core.errors import DataError

_QUALITY = 80  # of WebP, for photographs
_WIDEST = 1400  # pixels that a photograph is shown at
_LONGEST = 16  # rows of a table that is shown without being unfolded
_NUMBER = re.compile(r"[-−–+]?(\d|inf|nan|$)")  # also what is not there


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first column names the row."""

    head: list[str]
    rows: list[list[str]]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture, with what it shows for those who can't see it; a sheet is made of columns and never gets narrow."""

    data: str
    says: str
    caption: str = ""
    sheet: bool = False

    @classmethod
    def chart(cls, path: Path, says: str, caption: str = "") -> Self:
        """A PNG file as it is."""
        return cls.of_png(_read(path), says, caption)

    @classmethod
    def of_png(cls, data: bytes, says: str, caption: str = "") -> Self:
        """The bytes of a PNG as they are."""
        return cls(_uri("image/png", data), says, caption)

    @classmethod
    def contact_sheet(cls, path: Path, says: str, caption: str = "") -> Self:
        """Photographs as WebP, no wider than the page; the file itself loses nothing."""
        with Image.open(BytesIO(_read(path))) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((_WIDEST, 10 * _WIDEST), Image.Resampling.LANCZOS)
        small = BytesIO()
        picture.save(small, "WEBP", quality=_QUALITY, method=6)
        return cls(_uri("image/webp", small.getvalue()), says, caption, sheet=True)


@dataclass(frozen=True)
class Film:
    """A film that browsers play, and where its original lies."""

    data: str
    caption: str = ""

    @classmethod
    def embed(cls, path: Path, caption: str = "") -> Self:
        """An MP4 as it is."""
        return cls(_uri("video/mp4", _read(path)), caption)


@dataclass(frozen=True)
class Gallery:
    """Charts side by side where there is room."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Fold:
    """What is shown to those who unfold it."""

    name: str
    parts: tuple[Table | Picture, ...]


@dataclass(frozen=True)
class Tile:
    """One figure that stands for much: its name, the figure with its unit, and a word on it."""

    name: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: its title.
        repeat: the command that measures it again, or "".
        text: paragraphs.
        parts: what is shown, in order.
    """

    name: str
    repeat: str
    text: tuple[str, ...] = ()
    parts: tuple[Table | Picture | Film | Gallery | Fold, ...] = ()


@dataclass(frozen=True)
class Page:
    """All of it."""

    title: str
    lead: str
    tiles: list[Tile]
    sections: list[Section]
    facts: Table
    limits: list[str] = field(default_factory=list)

    def render(self) -> str:
        """The page as HTML."""
        folder = PackageLoader("stegnet.report", "")
        environment = Environment(
            loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.tests["long"] = lambda part: isinstance(part, Table) and len(part.rows) > _LONGEST
        environment.tests["word"] = lambda cell: not _NUMBER.match(cell)
        environment.tests["table"] = lambda part: isinstance(part, Table)
        environment.tests["picture"] = lambda part: isinstance(part, Picture)
        environment.tests["gallery"] = lambda part: isinstance(part, Gallery)
        environment.tests["fold"] = lambda part: isinstance(part, Fold)
        return environment.get_template("page.html").render(page=self)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", "the stage that writes it has to run first") from error


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
