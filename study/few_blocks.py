"""Stage few_blocks: are films that survive H.264 told from covers where a message takes few of their blocks?

The attacks of the stage robust_attacks on films, with a tenth of the blocks in use, as a short message has them.
"""

from pathlib import Path

import pandas as pd

from pipeline.stage import run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import cpu_threads, make_deterministic
from stegnet.methods.robust_film import RUNGS
from study.pairs import evenly, photograph_pairs, training_photographs
from study.robust_attacks import FILMS, KEYLESS_FILMS, WINDOW, detect_films
from study.robust_hiders import RobustFilmHider
from study.robust_keyless import SAME, bits_of_films, links

TENTH = 14  # number of the share: three in 32


def main(config: Config, shards: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    workers = cpu_threads(config.train.threads)
    known, unseen = evenly(training_photographs(shards), FILMS), photograph_pairs(shards, config.evaluate.shift)
    some, found, keyless, linked = [cover for cover, _ in evenly(unseen, KEYLESS_FILMS)], [], [], []
    for hider in (RobustFilmHider(rung, TENTH) for rung in RUNGS):
        found += detect_films(hider, known, evenly(unseen, FILMS), config.seed, workers)
        keyless.append(bits_of_films(hider, some, WINDOW, config.seed))
        linked += links(hider, some, WINDOW, config.seed)
    tables = {"detection": found, "keyless": keyless, "links": linked}
    for name, rows in tables.items():
        write_table(out / f"{name}.csv", pd.DataFrame(rows))
    write_json(out / "metrics.json", headline(*map(pd.DataFrame, tables.values())))
    print(pd.DataFrame(found).to_string(index=False))


def headline(found: pd.DataFrame, keyless: pd.DataFrame, linked: pd.DataFrame) -> dict[str, float]:
    """Accuracy of each attack by rung, how well certainty tells films, and links of films of the same scene."""
    figures = {f"{row.rung}_{row.features.split(',')[0].lower()}": row.accuracy for row in found.itertuples()}
    figures |= {f"{row.rung}_certainty": row.auc for row in keyless.itertuples()}
    figures |= {f"{row.rung}_links": row.auc for row in linked[linked["scenes"] == SAME].itertuples()}
    return {f"few_blocks_{name}": round(float(value), 4) for name, value in figures.items()}


if __name__ == "__main__":
    run_stage(main, "shards", "out")
