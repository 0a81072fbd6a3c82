"""Writes the code that each stage imports into both dvc.yaml: python -m tools.stage_deps [--check].

DVC repeats a stage if one of its `deps` has changed. A module that a stage imports and that is missing there leaves a
stale result with no word; one too many trains for nothing. So the modules are found by reading imports. A package of
stegnet is named as a whole, but for `BY_MODULE`: there and in the pipeline, a folder of which more than half is
imported, and no family is left out. Of `SECTIONS`, single files are named. All other deps, such as data, stay as they
are written.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import yaml

from tools.closure import PACKAGES, ROOT, closure

# These only log, or word messages: whatever changes there, a stage writes the same bytes, and none but publish depends
# on what logs.
LOGS = set((ROOT / "pipeline/tracking").glob("*.py"))
WORDS = {ROOT / "stegnet/core/text.py"}
PAIR = ROOT / "stegnet/networks/pair.py"  # imports a family's file when it is asked for
FAMILIES = set((ROOT / "stegnet/networks/families").glob("[!_]*.py"))
SETTINGS = {ROOT / package / "__init__.py" for package in ("pipeline", "study")}  # how the process runs
FACES = {ROOT / package / "__init__.py" for package in ("stegnet", "stegnet/networks")}  # import what is asked for
FILES = ("dvc.yaml", "study/dvc.yaml")
# Packages of stegnet of which a stage names what it imports: a network, or a form's parser without its medium.
BY_MODULE = {"core", "networks", "film", "jpeg", "png", "sound"}
SECTIONS = ROOT / "pipeline/parameters"  # of which a stage names those that it reads
_DATA = ("stegnet/networks/families", "stegnet/weights")  # folders of these packages that are read, not imported
_DEPS = re.compile(r"^( *)deps: \[(.*?)\]$", re.DOTALL | re.MULTILINE)


def stages_of(path: str) -> dict[str, dict[str, Any]]:
    """Return the stages of a dvc.yaml by name; of what is done for each of several, what is done."""
    stages = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


def words_of(command: str) -> list[str]:
    """Return `python -m module` and its arguments, without the environment."""
    return command.removeprefix("DVC_ROOT=.. ").removeprefix("PYTHONPATH=.. ").replace('"', "").split()


def imported(module: str) -> set[Path]:
    """Return the source files that a stage's outputs may depend on; those of families only for a study.

    In the pipeline, stage code hashes the family that is used, and weights hold the hash: an edit of another repeats
    nothing.
    """
    path = ROOT.joinpath(*module.split("."))
    apart = FACES | WORDS | (set() if module == "pipeline.publish" else LOGS)
    found = closure(path / "__main__.py" if path.is_dir() else path.with_suffix(".py"), apart | FAMILIES)
    if PAIR in found:
        found |= {file for family in FAMILIES for file in closure(family, apart)}
    return {file for file in found if not _computes_nothing(file)}


def code_deps(module: str, families: bool) -> list[str]:
    """Return the files and folders that hold what a stage imports, as paths from the repository's folder."""
    files = imported(module) - (set() if families else FAMILIES)
    return sorted(path for package in PACKAGES for path in _cover(ROOT / package, files))


def rewritten(path: str) -> str:
    """Return the text of a dvc.yaml with the deps as they should be."""
    stages = iter(stages_of(path).values())
    in_study = path.startswith("study/")

    def replaced(match: re.Match[str]) -> str:
        stage = next(stages)
        code = code_deps(words_of(stage["cmd"])[2], families=in_study)
        own = [dep for dep in stage["deps"] if not _is_code(dep, in_study)]
        names = [own[0], *(name.removeprefix("study/") if in_study else name for name in code), *own[1:]]
        listed = ", ".join(f'"{name}"' if "$" in name else name for name in names)
        start = f"{match[1]}deps: ["
        return fill(
            f"{start}{listed}]", 120, subsequent_indent=" " * len(start), break_long_words=False, break_on_hyphens=False
        )

    return _DEPS.sub(replaced, (ROOT / path).read_text(encoding="utf-8"))


def _cover(folder: Path, files: set[Path]) -> Iterator[str]:
    """Yield a folder that is named as a whole, or what of it is imported."""
    modules = {file for file in folder.rglob("*.py") if not _computes_nothing(file)}
    is_package = folder.parent == ROOT / "stegnet" and folder.name not in BY_MODULE  # with its C sources and tables
    most = (
        folder.parent != ROOT
        and folder != SECTIONS
        and 2 * len(files & modules) > len(modules)
        and not (FAMILIES | WORDS) & modules - files
    )
    if is_package or most:
        yield folder.relative_to(ROOT).as_posix()
        return
    for child in sorted(folder.iterdir()):
        if child in files:
            yield child.relative_to(ROOT).as_posix()
        elif child.is_dir() and any(child in file.parents for file in files):
            yield from _cover(child, files)


def _is_code(dep: str, in_study: bool) -> bool:
    if dep.startswith(("stegnet/", "pipeline/")):
        return not dep.startswith(_DATA)
    return in_study and (dep.endswith(".py") or dep == "tasks")


def _computes_nothing(file: Path) -> bool:
    """Return whether a file is a face, a setting, or an __init__.py that is a docstring."""
    return file.name == "__init__.py" and (file in FACES | SETTINGS or len(ast.parse(file.read_bytes()).body) < 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both files; with --check, only say which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not up to date")
    options = parser.parse_args(arguments)
    stale = [path for path in FILES if rewritten(path) != (ROOT / path).read_text(encoding="utf-8")]
    for path in stale:
        if options.check:
            print(f"{path} is not up to date: run python -m tools.stage_deps", file=sys.stderr)
        else:
            (ROOT / path).write_text(rewritten(path), encoding="utf-8")
            print(f"wrote {path}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
