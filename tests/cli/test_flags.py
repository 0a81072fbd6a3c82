"""The library says in words what the command line says with options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import stegnet
from stegnet.cli.flags import _OPTIONS, with_options

LIBRARY = ("api.py", "core", "engines", "files", "keys", "media", "methods", "models", "record", "results", "sealing")
COMMANDS = ("stegnet export --force ",)  # that a hint names in full


def strings() -> Iterator[str]:
    """All strings in the library but docstrings; {} in the place of values."""
    root = Path(stegnet.__file__).parent
    for name in LIBRARY:
        for path in [root / name] if name.endswith(".py") else sorted((root / name).rglob("*.py")):
            yield from _strings(ast.parse(path.read_text("utf-8")))


def _strings(tree: ast.Module) -> Iterator[str]:
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | said:
            yield node.value


def test_the_library_names_no_option():
    found = [text for text in strings() if re.search(r"(?<!\S)[`(]?--[a-z]", text)]
    assert [text for text in found if not any(command in text for command in COMMANDS)] == []


def test_every_phrase_is_said_somewhere():
    said = "\n".join(strings())
    assert [phrase for phrase in _OPTIONS if phrase not in said] == []


def test_options_take_the_place_of_words():
    assert with_options("choose another name, or overwrite it") == "`--force` overwrites it"
    assert with_options("the channel jpeg:90 has room") == "`--survive jpeg:90` has room"
    assert with_options("copy it again") == "copy it again"
