"""Planted faults, tests/mutants.toml, and whether the tests catch them: python -m tools.mutants [NAME…].

Or faults that are drawn from all code: python -m tools.mutants --drawn 30 --seed 1. Read those that survive: where a
user would notice one, a test is missing.

Each is written into a copy of the working tree, where the tests that import the changed file run until one fails: first
those of the folder that mirrors the file's, then the quick ones, then the others. The exit code is 1 if a fault
survives that may not, or if a test fails without the fault, too.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tools.drawn import draw

ROOT = Path(__file__).parent.parent
MUTANTS = ROOT / "tests/mutants.toml"
KILLED, SURVIVED, TIMED_OUT, BROKEN = "killed by", "SURVIVED", "timed out", "without the fault, too, fails"
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "-p", "no:cacheprovider", "-m", "not long", "-n", "0")
DRAWN = "It was drawn."
NO_TESTS = 5  # pytest's exit code
_AS_ANYONE = ("-c", "user.name=mutants", "-c", "user.email=mutants@localhost")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """A fault: `new` instead of `old`, which stands once in `file`."""

    name: str
    breaks: str  # a sentence
    file: str
    old: str
    new: str
    survives: str = ""  # why no test can notice it
    tests: str = (
        ""  # file of tests that see it, where imports or marks would leave it out: of JavaScript, YAML, studies
    )

    def faulty(self, text: str) -> str:
        """Return the file's text with the fault."""
        if text.count(self.old) != 1:
            sys.exit(f"error: {self.name}: {self.old!r} stands {text.count(self.old)} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def read_mutants(path: Path = MUTANTS) -> list[Mutant]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Mutant(name, **entry) for name, entry in content.items()]


def drawn(root: Path, count: int, seed: str) -> list[Mutant]:
    """Faults that nobody planted, as mutants that may survive; named by their files and lines."""
    return [
        Mutant(f"{Path(file).stem}-line_{line}", DRAWN, file, old, new, survives="it may be as right")
        for file, line, old, new in draw(root, count, seed)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="how names of mutants begin (default: all)")
    parser.add_argument("--drawn", type=int, default=0, metavar="COUNT", help="so many faults that nobody planted")
    parser.add_argument("--seed", default="0", help="of what is drawn")
    parser.add_argument("--share", default="0/1", metavar="I/N", help="each Nth of them, from the one of index I on")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time, each in a copy of its own")
    parser.add_argument("--tests", nargs="+", default=[], metavar="PATH", help="run no others than these tests")
    parser.add_argument("--limit", type=float, default=900, metavar="SECONDS", help="for the tests of a mutant")
    parser.add_argument("--results", type=Path, metavar="FILE", help="JSON lines to add to; none is made again")
    options = vars(parser.parse_args())
    names = tuple(options.pop("names")) or ""
    first, step = map(int, options.pop("share").split("/"))
    count, seed = options.pop("drawn"), options.pop("seed")
    every = drawn(ROOT, count, seed) if count else read_mutants()
    mutants = [mutant for mutant in every if mutant.name.startswith(names)][first::step]
    rows = list(run(ROOT, mutants, **options))
    print(table(rows))
    sys.exit(any(row["outcome"] == BROKEN or (row["outcome"] == SURVIVED and not row["survives"]) for row in rows))


def run(
    root: Path, mutants: Sequence[Mutant], jobs: int, tests: Sequence[str], limit: float, results: Path
) -> Iterator[dict[str, Any]]:
    """A row for each mutant: first those that `results` holds, then the others, which are printed and added."""
    lines = results.read_text(encoding="utf-8").splitlines() if results and results.exists() else []
    known = list(map(json.loads, lines))
    todo = [mutant for mutant in mutants if not any(asdict(mutant).items() <= row.items() for row in known)]
    yield from (row for row in known if any(asdict(mutant).items() <= row.items() for mutant in mutants))
    copies: SimpleQueue[Path] = SimpleQueue()
    with TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        for number in range(jobs):
            copies.put(_copy(root, Path(folder, str(number))))
        for row in pool.map(lambda mutant: _tried(mutant, copies, tests, limit), todo):
            print(f"{row['name']}: {row['outcome']} {row['by']}".rstrip() + f", {row['seconds']:.0f} s", flush=True)
            if results:
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
            yield row


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Killed and all mutants of each package, and the names of the others."""
    others = [row for row in rows if row["outcome"] != KILLED]
    every, left = (Counter(row["name"].partition("-")[0] for row in some) for some in (rows, others))
    counts = [*((package, left[package], every[package]) for package in sorted(every)), ("all", len(others), len(rows))]
    lines = [f"{package:22}{count - more:4} / {count}" for package, more, count in counts]
    return "\n".join([*lines, *(f"{row['outcome']}: {row['name']}{_told(row)}" for row in others)])


def _told(row: Mapping[str, str]) -> str:
    """Return the lines of a fault that was drawn, as a diff shows them; "" if a sentence says what it breaks."""
    if row["breaks"] != DRAWN:
        return ""
    return "".join(
        f"\n    {sign} {line}" for sign, side in (("-", "old"), ("+", "new")) for line in row[side].split("\n")
    )


def _copy(root: Path, copy: Path) -> Path:
    """Copies what git tracks, as it lies there, and the compiled modules."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for path in (*(root / name for name in listed.split("\0")), *root.glob("stegnet/*/*.so")):
        if path.is_file():
            place = copy / path.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
    # With a commit, which runs are compared with.
    for command in (["init", "-q"], ["add", "-A"], [*_AS_ANYONE, "commit", "-q", "-m", "copy"]):
        subprocess.run(["git", *command], cwd=copy, check=True)
    return copy


def _tried(mutant: Mutant, copies: "SimpleQueue[Path]", tests: Sequence[str], limit: float) -> dict[str, Any]:
    copy, start = copies.get(), time.monotonic()
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    named = [mutant.tests, "-m", "not night"] if mutant.tests else []
    try:
        _write(path, mutant.faulty(text), copy)
        outcome, by = _outcome(copy, mutant.file, tests or named, start + limit)
    except subprocess.CalledProcessError:
        if mutant.breaks != DRAWN:  # one that was planted is to be compiled
            raise
        outcome, by = KILLED, "the compiler"
    _write(path, text, copy)
    if outcome == KILLED and _pytest(copy, [by, *named[1:]], start + limit)[0] == 1:
        outcome = BROKEN
    copies.put(copy)
    return asdict(mutant) | {"outcome": outcome, "by": by, "seconds": round(time.monotonic() - start, 1)}


def _write(path: Path, text: str, copy: Path) -> None:
    """Writes a file of a copy, and compiles it if it is in C."""
    path.write_text(text, encoding="utf-8")
    if path.suffix == ".c":
        compile_all = "from setuptools import setup; setup()", "build_ext", "--inplace", "--force"
        subprocess.run([sys.executable, "-c", *compile_all], cwd=copy, check=True, capture_output=True)


def _outcome(copy: Path, file: str, tests: Sequence[str], end: float) -> tuple[str, str]:
    """Outcome of a fault in this file, and the test that fails, if one does."""
    place = Path("tests", *Path(file).with_suffix("").parts[file.startswith("stegnet/") :])
    own = next(folder for folder in place.parents if (copy / folder).is_dir())  # tests/keys, of stegnet/keys/sources.py
    own = place.with_name(f"test_{place.name}.py") if own == Path("tests") else own
    others = "tests", f"--ignore={own}", "-m"
    imported = file if file.endswith(".py") else str(Path(file).with_name("__init__.py"))  # a C module's package
    touching = [f"--touching={imported}"] if file.endswith((".py", ".c")) else []
    for chosen in [tests] if tests else [[str(own)], [*others, "not slow"], [*others, "slow and not long"]]:
        code, output = _pytest(copy, [*touching, *chosen], end)
        if code is None:
            return TIMED_OUT, ""
        if code not in (0, NO_TESTS) and (copy / chosen[0]).exists():
            failed = _FAILED.search(output)
            return KILLED, failed[1] if failed else f"exit code {code}"
    return SURVIVED, ""


def _pytest(copy: Path, arguments: Sequence[str], end: float) -> tuple[int | None, str]:
    """Exit code, None if the time is over, and output of tests of the copy, which import the copy's packages."""
    # Without bytecode: of a file that is changed twice within a second, Python would take the old one.
    environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [*PYTEST, *arguments],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            output = process.communicate(timeout=max(end - time.monotonic(), 1))[0]
        except subprocess.TimeoutExpired:
            for each in psutil.Process(process.pid).children(recursive=True):
                each.kill()
            process.kill()
            return None, ""
    return process.returncode, output


if __name__ == "__main__":
    main()
