"""The library says in words what the command line says with options."""

import ast
import re
from pathlib import Path

import stegnet
from stegnet.cli.flags import _OPTIONS, with_options

LIBRARY = ("api.py", "core", "engines", "files", "keys", "media", "methods", "models", "record", "results", "sealing")
COMMAND = "stegnet export --force "  # that a hint names in full


def strings() -> list[str]:
    """All strings in the library but docstrings."""
    places = [Path(stegnet.__file__).with_name(name) for name in LIBRARY]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    documents = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node.value for node in texts if id(node) not in documents]


def test_the_library_names_no_option_and_says_every_phrase():
    said = strings()
    assert [text for text in said if re.search(r"(?<!\S)[`(]?--[a-z]", text) and COMMAND not in text] == []
    assert [phrase for phrase in _OPTIONS if not any(phrase in text for text in said)] == []


def test_options_take_the_place_of_words():
    assert with_options("choose another name, or overwrite it") == "`--force` overwrites it"
    assert with_options("the channel jpeg:90 has room") == "`--survive jpeg:90` has room"
    assert with_options("copy it again") == "copy it again"
