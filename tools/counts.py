"""Counts the modules of a repository by AST, as a Markdown table: python -m tools.counts [--root DIR] [FOLDER…]."""

import argparse
import ast
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", default=["stegnet", "pipeline"])
    parser.add_argument("--root", type=Path, default=Path(), help="of the repository")
    options = parser.parse_args()
    print(*(f"| {name} | {figure} |" for name, figure in counts(options.root, options.folders).items()), sep="\n")


def counts(root: Path, folders: list[str]) -> dict[str, str]:
    """All counts by name; the library is the code in `folders`."""
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    modules = [len(_lines(file)) for file in files if file.name != "__init__.py"]
    dvc = [*root.glob("dvc.yaml"), *root.glob("study/dvc.yaml")]
    return {
        "modules without `__init__`": f"{len(modules)}",
        "lines a file, med/p90/max": _spread(modules),
        "lines a function, med/p90/max": _spread([length for file in files for length in _functions(file)]),
        "files under 60 lines": f"{np.mean(np.array(modules) < 60):.0%}",
        "README, words": f"{len((root / 'README.md').read_text(encoding='utf-8').split())}",
        "DVC files, lines": f"{_total(dvc)}, {sum(map(_code_lines, dvc)) / _total(dvc):.0%} of them paths of code",
        "tests : library": f"{_total((root / 'tests').rglob('*.py')) / _total(files):.2f}",
    }


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _total(files: Iterable[Path]) -> int:
    return sum(len(_lines(file)) for file in files)


def _functions(file: Path) -> list[int]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [node.end_lineno - node.lineno + 1 for node in nodes if isinstance(node, ast.FunctionDef)]


def _code_lines(file: Path) -> int:
    """Lines of a DVC file that name a Python module, or a folder that holds one."""
    words = (re.findall(r"[\w./-]*\w", line.partition("#")[0]) for line in _lines(file))
    return sum(any(word.endswith(".py") or any((file.parent / word).glob("*.py")) for word in line) for line in words)


def _spread(sizes: list[int]) -> str:
    return "/".join(f"{np.percentile(sizes, share):.0f}" for share in (50, 90, 100))


if __name__ == "__main__":
    main()
