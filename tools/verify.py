"""Is the pipeline reproducible? Runs it in two fresh clones with empty caches and compares every output's hash.

    python -m tools.verify                     # two clones; the default run's figures against reports/expected.json
    python -m tools.verify -S train.pairs=800  # smaller, with other parameters: two clones alone
    python -m tools.verify --here              # the figures of the last `dvc repro` in this checkout

The same machine and software give the same bits; every machine gives the figures, within the tolerances of
reports/expected.json. Times are not compared: reports/speed.json differs each time.
"""

import argparse
import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

EXPECTED = Path("reports/expected.json")
TIMES = "reports/speed.json"
OWN = ("MLFLOW_TRACKING_URI", "DVC_ROOT")  # environment variables: each clone keeps its runs to itself


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-S", dest="changes", action="append", default=[], metavar="KEY=VALUE", help="other parameters")
    parser.add_argument("--here", action="store_true", help="compare the figures of this checkout; run nothing")
    options = parser.parse_args()
    root = Path(_said("git", "rev-parse", "--show-toplevel").strip())
    if options.here:
        _report_figures(root)
        return
    if _said("git", "status", "--porcelain", "--untracked-files=no"):
        print("note: what is not committed is not verified", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        clones = [_run(root, Path(folder, name), options.changes) for name in ("first", "second")]
        first, second = (locked_stages(clone) for clone in clones)
        if first != second:
            before, after = (yaml.safe_dump(stages).splitlines(True) for stages in (first, second))
            sys.stderr.writelines(difflib.unified_diff(before, after, n=0))
            sys.exit("error: the clones differ")
        print(f"verified: both clones made the same dvc.lock, {len(first)} stages")
        if not options.changes:
            _report_figures(clones[0])


def _run(root: Path, clone: Path, changes: list[str]) -> Path:
    """Clones the repository and runs its pipeline."""
    print(f"== {clone.name} clone, {time.strftime('%X')}", flush=True)
    subprocess.run(["git", "clone", "--quiet", root, clone], check=True)
    for module in (root / "stegnet").rglob("*.so"):  # compiled by `make setup`
        shutil.copy2(module, clone / module.relative_to(root))
    command = ["exp", "run", *(word for each in changes for word in ("-S", each))] if changes else ["repro"]
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    if subprocess.run(["dvc", *command], cwd=clone, env=environment, check=False).returncode:
        sys.exit(f"error: the pipeline failed in the {clone.name} clone")
    return clone


def locked_stages(clone: Path) -> dict[str, Any]:
    """The stages of a dvc.lock by name, without the output that holds times."""
    stages = yaml.safe_load((clone / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
        stage["outs"] = [out for out in stage.get("outs", []) if out["path"] != TIMES]
    return stages


def _report_figures(root: Path) -> None:
    """Compares figures with those of EXPECTED, if there is such a file; exits with a line for each that is apart."""
    if not (root / EXPECTED).is_file():
        return
    apart = list(figures_apart(root))
    if apart:
        sys.exit("\n".join(f"error: {line}" for line in apart))
    print(f"verified: all figures are within the tolerances of {EXPECTED}")


def figures_apart(root: Path) -> Iterator[str]:
    """A line for each figure that is not within its tolerance: {file: {name: [figure, tolerance]}} in EXPECTED."""
    for name, figures in json.loads((root / EXPECTED).read_text(encoding="utf-8")).items():
        if not (root / name).is_file():
            yield f"{name} is missing: run `dvc repro` first"
            continue
        found = json.loads((root / name).read_text(encoding="utf-8"))
        for key, (expected, tolerance) in figures.items():
            if not abs(found.get(key, float("nan")) - expected) <= tolerance:
                yield f"{name}: {key} is {found.get(key)}, expected {expected} ± {tolerance}"


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main()
