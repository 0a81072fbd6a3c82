"""Imports of a module of this repository, directly and through others, by reading its source."""

import ast
import re
from collections.abc import Container
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("stegnet", "pipeline", "study")
_ALL = (*PACKAGES, "tests", "tools")
REGISTRY = ROOT / "stegnet/methods/registry.py"
_BY_NAME = {ROOT / "stegnet/cli/parser.py": ROOT / "stegnet/cli/commands"}  # what imports all modules of a folder


@cache
def imports(path: Path) -> set[Path]:
    """The files of this repository that `path` imports itself, packages' __init__.py included."""
    found = set(_BY_NAME[path].glob("*.py")) if path in _BY_NAME else set()
    nodes = [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    modules = {"stegnet": "stegnet"}  # by the names that they have here
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {file for alias in node.names for file in _files(alias.name)}
        elif isinstance(node, ast.ImportFrom):
            found |= _files(node.module)
            found |= {file for alias in node.names for file in _files(f"{node.module}.{alias.name}")}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found |= _files(f"{modules[node.value.id]}.{node.attr}")
    return found


def closure(path: Path, apart: Container[Path] = ()) -> set[Path]:
    """`path` and all that it imports, however indirectly; not the files `apart`, nor what only they import."""
    known: set[Path] = set()
    waiting = {path}
    while waiting:
        file = waiting.pop()
        known.add(file)
        waiting |= {other for other in imports(file) if other not in apart} - known
    return known


def touches(test: Path, files: set[Path]) -> bool:
    """Does a test file, or a conftest.py beside or above it, import one of these files?

    The topmost conftest.py does not count: it serves all tests, and imports what they all use.
    """
    above = [folder / "conftest.py" for folder in test.parents if folder.is_relative_to(ROOT / "tests")][:-1]
    return any(files & _used(path) for path in (test, *above) if path.is_file())


def _used(path: Path) -> set[Path]:
    """The closure of a file and, if it may hide or reveal, of all methods, which their registry names."""
    found = closure(path)
    return found | _methods() if REGISTRY in found else found


@cache
def _methods() -> set[Path]:
    modules = re.findall(r'"(stegnet[\w.]+):\w+"', REGISTRY.read_text(encoding="utf-8"))
    return {file for module in modules for own in _files(module) for file in closure(own)}


@cache
def _files(module: str) -> set[Path]:
    """The source of a module, if it is ours, and of the packages it lies in."""
    parts = module.split(".")
    if parts[0] not in _ALL:
        return set()
    places = [ROOT.joinpath(*parts[: count + 1]) for count in range(len(parts))]
    found = {file for place in places for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()}
    package, _, name = module.rpartition(".")
    home = _lazy_names(package).get(name)
    return found | _files(f"{package}.{home}.{name}") if home else found


@cache
def _lazy_names(package: str) -> dict[str, str]:
    """The module below a package that each name comes from which the package imports when it is used."""
    stub = ROOT.joinpath(*package.split("."), "__init__.pyi")
    if not stub.is_file():
        return {}
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    imported = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imported for alias in node.names}
