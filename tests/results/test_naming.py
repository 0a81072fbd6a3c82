"""Names of hidden files, which come from somebody else; what is left of them as names of results: tests/core."""

from pathlib import Path

import pytest

from stegnet.results.naming import plain_suffix, printable, suffix_note


def test_a_name_in_a_message_can_not_control_a_terminal():
    assert printable("a\x1b[2J\u202e.png") == "a\\x1b[2J\\u202e.png"


@pytest.mark.parametrize(("name", "suffix"), [("a.tar.gz", ".gz"), ("a", ""), ("a.\u202e", ""), ("a." + "b" * 17, "")])
def test_harmless_suffixes(name, suffix):
    assert plain_suffix(name) == suffix


@pytest.mark.parametrize(
    ("name", "out", "noted"), [("a.PDF", "b.pdf", False), ("a.pdf", "b.txt", True), ("a", "b", False)]
)
def test_a_note_on_another_suffix(name, out, noted):
    assert bool(suffix_note(name, Path(out))) == noted
