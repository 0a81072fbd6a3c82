"""Stage code: hashes of the files that define the network and a loss of one's own, in this repository or outside.

DVC can't find files by a module's name, nor take `always_changed` from a parameter. So this stage runs each time, for a
second, and check and train depend on its output: a change of another network repeats neither.
"""

from pathlib import Path

from pipeline.config import Config
from pipeline.fingerprint import code_hashes
from pipeline.stage import run_stage, write_json


def main(config: Config, out: Path) -> None:
    """Write the hashes of the files that define network and loss to `out`, as JSON."""
    write_json(out, code_hashes(config))


if __name__ == "__main__":
    run_stage(main, "out")
