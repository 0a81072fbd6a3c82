"""Classifiers on JPEGs of which some blocks carry what survives JPEG 75; the covers are JPEGs, and the others stay.

python -m study.robust_jpegs PHOTOGRAPHS OUT

Shares of blocks are those of messages in a megapixel, header included; sixteen pictures that are judged together have
as many.
"""

import argparse
from pathlib import Path

import pandas as pd

from pipeline.stage import write_table
from study.jpeg_hiders import ROBUST, Case
from study.jpeg_steganalysis import DCTR, MEGAPIXEL, SPAM, covers, measure
from study.pairs import evenly

SEED = 0
PHOTOGRAPHS = 400
SHARES = {"100 bytes": 0.0135, "1 kB": 0.08}
CASES = [
    Case(quality, ROBUST, share, features)
    for quality in (95, 75)
    for share in SHARES.values()
    for features in (DCTR, SPAM)
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    pictures, rows = evenly(covers(options.photographs), PHOTOGRAPHS), []
    for case in CASES:
        rows += [measure(case, pictures, SEED, at_once) for at_once in (1, MEGAPIXEL)]
        write_table(options.out / "robust_jpegs.csv", pd.DataFrame(rows))
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
