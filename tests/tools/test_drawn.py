"""Faults that are drawn from the code."""

from pathlib import Path

import pytest

from tools.drawn import FOLDERS, changes, draw, fault_of

PYTHON = '''
LIMIT: int = 8  # bytes, "< 9"


def kept(one: int, other: list[int], is_open: bool = True) -> int:
    """Return 3 < 4."""
    if one <= LIMIT and one not in other:
        raise ValueError(f"é {one + 1}")
    print(max(one, 2))
    one += 1 if is_open else 0
    return (one +  # < 5
            len(other) * 2)
'''
IN_PYTHON = {
    ("8", "9"), ("True", "False"), ("<=", "<"), ("and", "or"), ("not in", "in"), ("max", "min"), ("2", "3"),
    ("1", "2"), ("0", "1"), ("*", "//"), ('raise ValueError(f"é {one + 1}")', "pass"), ("print(max(one, 2))", "pass"),
    ("one += 1 if is_open else 0", "pass"), ("is_open", "not (is_open)"),
    ("one <= LIMIT and one not in other", "not (one <= LIMIT and one not in other)"),
}  # fmt: skip
C = """
#define LONGEST 16
/* 1 < 2 */
static int kept(int one, int other) {
    if (one < other && one != 0x10) return one + 12;  // < 5
    return "a < b"[other] / 2;
}
"""
IN_C = {
    (" < ", " <= "), (" && ", " || "), (" != ", " == "), (" + ", " - "), ("12", "13"), (" / ", " * "), ("2", "3"),
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "text", "expected"), [(".py", PYTHON, IN_PYTHON), (".c", C, IN_C)])
def test_operators_numbers_conditions_and_statements_are_changed_and_no_words(
    suffix: str, text: str, expected: set[tuple[str, str]]
) -> None:
    found = changes(text, suffix)
    assert {(text[change.start : change.end], change.new) for change in found} == expected
    for change in found:
        fault = fault_of(f"file{suffix}", text, change)
        assert text.count(fault.old) == 1
        assert text.replace(fault.old, fault.new) == text[: change.start] + change.new + text[change.end :]
        assert text.split("\n")[fault.line - 1] in fault.old.split("\n")


def test_a_line_that_stands_twice_is_told_by_those_about_it() -> None:
    text = "a = 1\nb = 2\na = 1\n"
    assert {fault_of("file.py", text, change).old for change in changes(text, ".py")} == {
        "a = 1\nb = 2", "b = 2", "b = 2\na = 1\n",
    }  # fmt: skip


def test_the_seed_decides_and_what_python_can_not_read_is_not_drawn(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text(PYTHON, encoding="utf-8")
    drawn = [draw(tmp_path, 5, seed) for seed in ("1", "1", "2")]
    assert drawn[0] == drawn[1] != drawn[2]
    for fault in draw(tmp_path, 100, "1"):
        compile(PYTHON.replace(fault.old, fault.new), fault.file, "exec")
