"""Faults that nobody thought of: an operator, a number, a condition or a statement of the code, changed at random.

They are the usual ones of mutation testing (cosmic-ray's, mutmut's, Mull's). `tools.mutants` tries them, and those that
people planted.
"""

import ast
import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

FOLDERS = ("stegnet", "pipeline")  # study's tests are named one by one
_COMPARED = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip
_COMPUTED = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*"), ast.Div: ("/", "*"),
    ast.Mod: ("%", "+"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"), ast.BitXor: ("^", "|"),
}  # fmt: skip
_JOINED = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_IN_C = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " && ": " || ",
    " || ": " && ", " + ": " - ", " - ": " + ", " * ": " + ", " / ": " * ", " << ": " >> ", " >> ": " << ",
    " & ": " | ", " | ": " & ", " += ": " -= ", " -= ": " += ",
}  # fmt: skip
_NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|^\s*#[^\n]*', re.DOTALL | re.MULTILINE)


class Change(NamedTuple):
    """Characters of a file, from one position to another, and what stands there instead."""

    start: int
    end: int
    new: str


class Fault(NamedTuple):
    """A change of a file, as planted ones are written."""

    file: str  # from the root
    line: int
    old: str  # whole lines, which stand once in the file
    new: str


def draw(root: Path, count: int, seed: str) -> list[Fault]:
    """Draw faults from the code in Python and C; the same seed and code give the same."""
    paths = sorted(
        path for folder in FOLDERS for suffix in ("py", "c") for path in (root / folder).rglob(f"*.{suffix}")
    )
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    every = [(path, change) for path, text in texts.items() for change in changes(text, path.suffix)]
    random.Random(seed).shuffle(every)
    valid = (each for each in every if each[0].suffix != ".py" or _is_python(_changed(texts[each[0]], each[1])))
    return [fault_of(path.relative_to(root).as_posix(), texts[path], change) for path, change in islice(valid, count)]


def changes(text: str, suffix: str) -> list[Change]:
    """All that may be changed in a file, in order; some of them break its syntax."""
    return sorted(set(_in_python(text) if suffix == ".py" else _in_c(text)))


def fault_of(file: str, text: str, change: Change) -> Fault:
    """Return a change as lines: as many as are needed to tell the place from others."""
    first, last = text.count("\n", 0, change.start), text.count("\n", 0, change.end)
    lines, faulty = text.split("\n"), _changed(text, change).split("\n")
    start, end = first, last + 1
    while text.count("\n".join(lines[start:end])) > 1:
        start, end = max(start - 1, 0), min(end + 1, len(lines))
    return Fault(file, first + 1, *("\n".join(some[start : len(some) - len(lines) + end]) for some in (lines, faulty)))


def _changed(text: str, change: Change) -> str:
    return text[: change.start] + change.new + text[change.end :]


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _in_c(text: str) -> Iterator[Change]:
    code = _NO_CODE.sub(lambda found: " " * len(found[0]), text)
    for old, new in _IN_C.items():
        yield from (Change(*found.span(), new) for found in re.finditer(re.escape(old), code))
    for found in re.finditer(r"(?<![\w.])\d+(?![\w.])", code):
        yield Change(*found.span(), str(int(found[0]) + 1))


def _in_python(text: str) -> Iterator[Change]:
    tree = ast.parse(text)
    places = _Places(text)
    unread = {each for node in ast.walk(tree) for part in _not_computed(node) for each in ast.walk(part)}
    for node in ast.walk(tree):
        if node not in unread:
            yield from _at(node, places)


def _not_computed(node: ast.AST) -> Iterable[ast.AST]:
    """Annotations, and texts with values, of which words are made."""
    annotations = (getattr(node, name, None) for name in ("annotation", "returns"))
    return [part for part in (*annotations, node if isinstance(node, ast.JoinedStr) else None) if part]


def _at(node: ast.AST, places: "_Places") -> Iterator[Change]:
    match node:
        case ast.Compare(left=left, ops=operators, comparators=others):
            for operator, operands in zip(operators, pairwise([left, *others]), strict=True):
                yield from places.between(*operands, *_COMPARED[type(operator)])
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _COMPUTED:
            yield from places.between(left, right, *_COMPUTED[type(operator)])
        case ast.BoolOp(op=operator, values=values):
            for operands in pairwise(values):
                yield from places.between(*operands, *_JOINED[type(operator)])
        case ast.Constant(value=bool() as value):
            yield places.of(node, str(not value))
        case ast.Constant(value=int() | float() as value):
            yield places.of(node, repr(value + 1 if isinstance(value, int) else 2 * value))
        case ast.Call(func=ast.Name(id=name) as called) if name in _CALLED:
            yield places.of(called, _CALLED[name])
        case ast.If(test=test) | ast.IfExp(test=test):
            yield places.of(test, f"not ({places.text_of(test)})")
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield places.of(node, "pass")


class _Places:
    """Positions of nodes, which `ast` gives as lines and bytes in them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def of(self, node: ast.expr | ast.stmt, new: str) -> Change:
        end = self._at(node.end_lineno or node.lineno, node.end_col_offset or 0)
        return Change(self._at(node.lineno, node.col_offset), end, new)

    def text_of(self, node: ast.expr) -> str:
        start, end, _ = self.of(node, "")
        return self.text[start:end]

    def between(self, before: ast.expr, after: ast.expr, old: str, new: str) -> Iterator[Change]:
        """The operator between two operands, unless a comment stands there, too."""
        start, end = self.of(before, "").end, self.of(after, "").start
        if "#" not in self.text[start:end]:
            at = self.text.index(old, start, end)
            yield Change(at, at + len(old), new)

    def _at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())
