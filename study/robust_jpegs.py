"""Classifiers on JPEGs of which some blocks carry what survives JPEG 75; the covers are JPEGs, and the others stay.

python -m study.robust_jpegs PHOTOGRAPHS OUT

Shares of blocks are those that hiding takes for a message in a megapixel, header included: the median of six pictures
put together from twelve photographs each. Sixteen pictures that are judged together have as many.
"""

import argparse
from pathlib import Path

import pandas as pd

from pipeline.stage import write_table
from study.jpeg_hiders import ROBUST, Case
from study.jpeg_steganalysis import DCTR, MEGAPIXEL, SPAM, covers, measure

SEED = 0
SHARES = {95: (0.0096, 0.056), 75: (0.012, 0.075)}  # by the cover's quality, of 100 bytes and of 1 kB
CASES = [
    Case(quality, ROBUST, share, features)
    for quality, shares in SHARES.items()
    for share in shares
    for features in (DCTR, SPAM)
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    pictures, rows = covers(options.photographs), []
    for case in CASES:
        rows += [measure(case, pictures, SEED, at_once) for at_once in (1, MEGAPIXEL)]
        write_table(options.out / "robust_jpegs.csv", pd.DataFrame(rows))
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
