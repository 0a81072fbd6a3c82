"""Counts the modules of a repository by AST, as a Markdown table: python -m tools.counts [--root DIR] [FOLDER…]."""

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

MOST_ARGUMENTS = 6
PATCH = "monkeypatch.setattr"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", default=["stegnet", "pipeline"])
    parser.add_argument("--root", type=Path, default=Path(), help="of the repository")
    options = parser.parse_args()
    print(*(f"| {name} | {figure} |" for name, figure in counts(options.root, options.folders).items()), sep="\n")


def counts(root: Path, folders: list[str]) -> dict[str, str]:
    """All counts by name; the library is the code in `folders`."""
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    tests = list((root / "tests").rglob("*.py"))
    names = Counter(file.stem for file in files if not file.stem.startswith("__"))
    functions = [length for file in files for length in _functions(file)]
    dvc = [*root.glob("dvc.yaml"), *root.glob("study/dvc.yaml")]
    return {
        "modules without `__init__`": f"{sum(file.name != '__init__.py' for file in files)}",
        "names of modules used again": f"{sum(count > 1 for count in names.values())}",
        "lines a function, med/p90/max": "/".join(f"{np.percentile(functions, share):.0f}" for share in (50, 90, 100)),
        "constants and settings; packed assignments, per 1,000 lines": _shorthand(files),
        "imports inside functions": f"{sum(map(_inner_imports, files))}",
        "functions of seven arguments and more": f"{sum(count > MOST_ARGUMENTS for count in _arguments(files))}",
        "library, lines": f"{_total(files):,}",
        "tests, lines": f"{_total(tests):,}",
        "tests: deep imports; patches": f"{sum(map(_deep_imports, tests))}; {_matches(tests, PATCH)}",
        "study; tools, lines": "; ".join(f"{_total((root / each).glob('*.py')):,}" for each in ("study", "tools")),
        "README, words": f"{len((root / 'README.md').read_text(encoding='utf-8').split())}",
        "DVC files, lines": f"{_total(dvc)}, {sum(map(_code_lines, dvc)) / _total(dvc):.0%} of them paths of code",
    }


def _shorthand(files: list[Path]) -> str:
    """Return the constants of modules and the assignments of several values to several names, per 1,000 lines."""
    constants = sum(map(_constants, files))
    pairs = (node for file in files for node in _nodes(file) if isinstance(node, ast.Assign))
    packed = sum(isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple) for node in pairs)
    return f"{1000 * constants / _total(files):.1f}; {1000 * packed / _total(files):.1f}"


def _constants(file: Path) -> int:
    """Return the number of names in capitals that a module assigns to, and of fields of classes that it makes once."""
    statements = ast.parse(file.read_text(encoding="utf-8")).body
    made = {ast.unparse(node.value) for node in statements if isinstance(node, ast.Assign)}
    settings = [node for node in statements if isinstance(node, ast.ClassDef) and f"{node.name}()" in made]
    fields = sum(isinstance(field, ast.AnnAssign) for each in settings for field in each.body)
    targets = [target for node in statements if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in statements if isinstance(node, ast.AnnAssign)]
    names = (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
    return fields + sum(name.isupper() for name in names)


def _nodes(file: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def _inner_imports(file: Path) -> int:
    """Import statements in functions."""
    inner = (node for function in _nodes(file) if isinstance(function, _FUNCTIONS) for node in ast.walk(function))
    return len({node for node in inner if isinstance(node, ast.Import | ast.ImportFrom)})


def _deep_imports(file: Path) -> int:
    """Statements that import from a module of stegnet below its packages, such as `stegnet.keys.sources`."""
    modules = (node.module or "" for node in _nodes(file) if isinstance(node, ast.ImportFrom))
    return sum(module.startswith("stegnet.") and module.count(".") > 1 for module in modules)


def _matches(files: Iterable[Path], text: str) -> int:
    return sum(file.read_text(encoding="utf-8").count(text) for file in files)


def _arguments(files: list[Path]) -> Iterator[int]:
    """Number of arguments of each function, without the object that a method is called on."""
    for file in files:
        for node in _nodes(file):
            if isinstance(node, _FUNCTIONS):
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                yield len(names) - (names[:1] in (["self"], ["cls"]))


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _total(files: Iterable[Path]) -> int:
    return sum(len(_lines(file)) for file in files)


def _functions(file: Path) -> list[int]:
    functions = [node for node in _nodes(file) if isinstance(node, ast.FunctionDef)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def _code_lines(file: Path) -> int:
    """Lines of a DVC file that name a Python module, or a folder that holds one."""
    words = (re.findall(r"[\w./-]*\w", line.partition("#")[0]) for line in _lines(file))
    return sum(any(word.endswith(".py") or any((file.parent / word).glob("*.py")) for word in line) for line in words)


if __name__ == "__main__":
    main()
