"""Names of hidden files, which come from somebody else; what is left of them as names of results: tests/core."""

from pathlib import Path

from stegnet.results.naming import plain_suffix, printable, suffix_note


def test_names_that_are_harmless():
    assert printable("a\x1b[2J\u202e.png") == "a\\x1b[2J\\u202e.png"
    for name, suffix in (("a.tar.gz", ".gz"), ("a", ""), ("a.\u202e", ""), ("a." + "b" * 17, "")):
        assert plain_suffix(name) == suffix
    for name, out, noted in (("a.PDF", "b.pdf", False), ("a.pdf", "b.txt", True), ("a", "b", False)):
        assert bool(suffix_note(name, Path(out))) == noted
