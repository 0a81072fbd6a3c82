"""Commands and programs that a page prints, to be run as they stand.

What can't be run has a reason in the page's source, before its block: `<!-- not run: REASON -->` for all of it, or
`<!-- not run, COMMAND, COMMAND: REASON -->` for the lines that begin so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

USED = ("README.md", "docs/howto.md", "docs/python.md", "docs/gui.md", "docs/install.md")  # pages that a user reads
_BLOCK = re.compile(
    r"(?:^ *<!-- not run(?P<only>[^:]*): (?P<reason>[^>]+) -->\n+)?^ *```(?P<kind>console|python)\n(?P<body>.*?)^ *```",
    re.MULTILINE | re.DOTALL,
)
_RECIPES = "| `stegnet hide …` |"  # the heading of a column whose commands leave these words out


@dataclass(frozen=True)
class Printed:
    """A line for a shell, or a program in Python.

    Attributes:
        text: what is run.
        shown: lines that the page shows as its output; "…" stands for any.
        reason: why it is not run; "": it is.
    """

    text: str
    shown: tuple[str, ...] = ()
    reason: str = ""


def printed_lines(page: Path) -> Iterator[Printed]:
    """Yields the lines for a shell in a page's blocks, and the recipes of its table, in order."""
    text = page.read_text(encoding="utf-8")
    head, _, table = text.partition(_RECIPES)
    yield from _lines_of_blocks(head)
    for arguments in re.findall(r"\| `(.*?)` \|$", table.partition("\n\n")[0], re.MULTILINE):
        yield Printed(f"stegnet hide {arguments}")
    yield from _lines_of_blocks(table)


def printed_programs(page: Path) -> Iterator[Printed]:
    """Yields the programs in Python."""
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["kind"] == "python":
            yield Printed(dedent(block["body"]), reason=block["reason"] or "")


def _lines_of_blocks(text: str) -> Iterator[Printed]:
    for block in _BLOCK.finditer(text):
        if block["kind"] != "console":
            continue
        only = tuple(name.strip() for name in (block["only"] or "").split(",") if name.strip())
        for part in re.split(r"^\$ ", dedent(block["body"]), flags=re.MULTILINE)[1:]:
            line, *shown = part.splitlines()
            excused = block["reason"] and (not only or line.startswith(only))
            yield Printed(line, tuple(shown), block["reason"] if excused else "")
