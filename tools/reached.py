"""Which files with long tests of a landing a change reaches: python -m tools.reached [--since COMMIT] long|arithmetic.

It is compared with the commit that landed last; if none is given, with that at which this branch left `origin/main`,
or, if that tells nothing, with the one that `.ci/landed` names.
A file is reached if it, or what it imports, has changed, or what it uses without an import, by the table below. Their
names are printed; what is left to the night stands on stderr, as do tests that are marked `night`. If nothing tells
what has changed, all are reached.
"""

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from tests.support.lanes import marks_of, may_be_wanted
from tools.closure import PACKAGES, ROOT, touches

# Tests, and files that they use without an import; `*` stands for any text, slashes too.
UNSEEN = {
    "tests/channels/test_recovery.py": ["tests/support/sharp/*"],
    "tests/cluster/*": [
        "Dockerfile", "compose.yaml", "stegnet/cli/*", "stegnet/core/*", "stegnet/files/*", "stegnet/processes.py",
    ],
    "tests/kernels/test_sanitizers.py": ["*.c", "*.h"],
    "tests/demo/*": ["demo/*", "stegnet/gui/*", "tests/demo/*", "tests/format/*"],
    "tests/pipeline/whole/*": [
        "*dvc.yaml", "*.dvc", ".dvc/*", ".dvcignore", ".gitignore", "assets/*", "docs/networks.md", "docs/training.md",
        "params.yaml", "pipeline/*", "study/*", "tools/stage_deps.py", "tools/verify.py",
    ],
    "tests/pipeline/*/*": ["params.yaml"],
    "tests/study/*": ["assets/*", "params.yaml", "study/*.yaml"],
    "tests/test_wheel.py": [
        "*.c", "*.h", "*/__init__.py*", "MANIFEST.in", "PYPI.md", "README.md", "build_backend.py", "docs/*.md",
        "pyproject.toml", "stegnet/cli/*", "stegnet/gui/*", "stegnet/weights/*",
    ],
    "tests/tools/*": [".dockerignore", "Dockerfile", "compose.yaml", "examples/*", "tools/*"],
}  # fmt: skip
# Tests for which, before the night, no other files count. Studies and browsers use all of the library, and would always
# be reached; whether Python and the page still have one format, its vectors and `page/constants.js` tell each time.
_PAGE = ["demo/*", "stegnet/gui/*", "stegnet/cli/commands/*", "tests/demo/*", "tests/format/*", "tests/support/*"]
ALONE = {
    "tests/study/*": ["study/*", "tests/study/*", "tests/support/*", "pipeline/*", "params.yaml", "assets/*"],
    "tests/demo/test_demo.py": _PAGE,
    "tests/demo/test_gui.py": _PAGE,
    "tests/demo/test_one_page.py": _PAGE,
}
# Files on which every test depends.
EVERYWHERE = (
    ".ci/programs", ".ci/run", "Makefile", "constraints.txt", "tests/conftest.py", "tests/support/lanes.py",
    "tests/support/settings.py", "tools/closure.py", "tools/reached.py",
)  # fmt: skip
# Where networks are computed: a change elsewhere rounds as before on a CPU of another kind.
COMPUTED = ("pipeline/*", "stegnet/core/compute.py", "stegnet/networks/*", "stegnet/weights/*", "study/zoo/*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--since", metavar="COMMIT", help="that which landed last")
    parser.add_argument("mark", choices=("long", "arithmetic"))
    options = parser.parse_args()
    every = marked(options.mark)
    landing = [path for path in every if may_be_wanted(path, f"{options.mark} and not night")]
    commit = options.since or landed()
    if commit is None:
        print("what landed last is not known: all are reached", file=sys.stderr)
        found = landing
    else:
        changes = git("diff", "--name-only", "--no-renames", commit).splitlines()
        found = reached(landing, changes, options.mark)
        print(f"{len(changes)} files changed since {commit[:8]}", file=sys.stderr)
    left = [path.relative_to(ROOT).as_posix() for path in every if path not in found]
    left += [name for path in found if options.mark == "long" for name in night_tests(path)]
    print(f"left to the night, {options.mark}: {' '.join(left) or 'nothing'}", file=sys.stderr)
    print(*(path.relative_to(ROOT) for path in found))


def marked(mark: str) -> list[Path]:
    """All files that may have tests with a mark, by their text."""
    return [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if mark in set().union(*marks_of(path))]


def night_tests(path: Path) -> list[str]:
    """Tests of a file that are marked `night`; the file alone, if they are marked elsewhere than at the functions."""
    text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    found = [
        f"{name}::{node.name}"
        for node in nodes
        if node.name.startswith("test_") and any("mark.night" in ast.unparse(each) for each in node.decorator_list)
    ]
    return found if text.count("mark.night") == len(found) else [*found, f"{name}::…"]


def landed() -> str | None:
    """The commit that landed last, among those that HEAD has behind it; None if nothing tells.

    An earlier one than the last is as good: more has changed since.
    """
    written = ROOT / ".ci/landed"
    names = ["origin/main", *(written.read_text(encoding="utf-8").split() if written.is_file() else [])]
    for name in names:
        try:
            left, here = git("merge-base", "HEAD", name), git("rev-parse", "HEAD")
        except subprocess.CalledProcessError:  # no remote repository, or a clone that is too shallow
            continue
        if left != here:
            return left.strip()
    return None


def reached(tests: Iterable[Path], changes: Iterable[str], mark: str = "long") -> list[Path]:
    """Return those of `tests` that a change of these files reaches, by their names from the root."""
    changes = list(changes)
    if any(_fits(name, EVERYWHERE) for name in changes):
        return list(tests)
    if mark == "arithmetic" and not any(_fits(name, COMPUTED) for name in changes):
        return []
    found = []
    for test in tests:
        used, alone = (_patterns(table, test) for table in (UNSEEN, ALONE))
        counted = [name for name in changes if not alone or _fits(name, alone)]
        files = {file for name in counted for file in _modules(ROOT / name)}
        if touches(test, files) or any(_fits(name, used) for name in counted):
            found.append(test)
    return found


def _patterns(table: Mapping[str, list[str]], test: Path) -> list[str]:
    name = test.relative_to(ROOT).as_posix()
    return [pattern for tests, patterns in table.items() if fnmatch(name, tests) for pattern in patterns]


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _modules(path: Path) -> list[Path]:
    """A module, or what else lies in a package: all that imports the package may use it."""
    inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES
    if path.suffix == ".py" or not inside:
        return [path]
    return [next(file for folder in path.parents if (file := folder / "__init__.py").is_file() or folder == ROOT)]


def git(*command: str) -> str:
    return subprocess.run(["git", *command], cwd=ROOT, text=True, capture_output=True, check=True).stdout


if __name__ == "__main__":
    main()
