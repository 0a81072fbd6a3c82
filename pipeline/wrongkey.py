"""Stage wrongkey: what a wrong key, one with a single bit off, and no key at all give of a hidden picture."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

import stegnet
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.config import Config
from stegnet.core.reproducible import make_deterministic
from stegnet.evaluation.contact_sheet import image_grid
from stegnet.evaluation.demonstration import seeded
from stegnet.evaluation.quality import PicturePairs
from stegnet.evaluation.statistics import headline_kind, publishable_kind
from stegnet.media import write_png
from study.keyless.refusals import Try, answers, tries
from study.keyless.wrongkey import Sight, compare, headline, look_at_all, panel, statistics, summarise

SECRET_KEY = hashlib.sha256(b"stegnet: a public key, to be guessed wrongly").digest()
BITS = range(8 * len(SECRET_KEY))
SHOWN = 4


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    main_kind = headline_kind(pairs.kinds)
    out.mkdir(parents=True, exist_ok=True)
    compared, seen = [], []
    for kind in sorted(pairs.kinds, key=lambda kind: kind != main_kind):
        sights = look_at_all(network, pairs, kind, SECRET_KEY, config.seed, lambda indices: bar(indices, "wrongkey"))
        compared.append(compare(sights).assign(kind=kind))
        seen.append({"kind": kind, "pairs": len(sights)} | statistics(sights, network.block))
        if kind == publishable_kind(pairs.kinds):
            spread = sights[:: max(1, len(sights) // SHOWN)][:SHOWN]  # neighbours may be squares of one photograph
            write_png(out / "pictures.png", image_grid(*panel(spread)))
        if kind == main_kind:
            refused = answers(_attempts(sights, config.seed), stegnet.load(weights).reveal)
    _write(pd.concat(compared), pd.DataFrame(seen), refused, out)


def _attempts(sights: list[Sight], seed: int) -> Iterator[Try]:
    """Every bit of the key on the first container, another one on each of the others."""
    for number, sight in enumerate(sights):
        bits = BITS if number == 0 else (BITS[number],)
        yield from tries(sight.cover, sight.container, SECRET_KEY, bits, seeded(seed + number))


def _write(compared: pd.DataFrame, seen: pd.DataFrame, refused: pd.DataFrame, out: Path) -> None:
    summary = summarise(compared)
    write_table(out / "pairs.csv", compared)
    write_table(out / "summary.csv", summary)
    write_table(out / "seen.csv", seen)
    write_table(out / "answers.csv", refused)
    figures = headline(summary, seen, refused)
    write_json(out / "metrics.json", figures)
    print(f"{figures['attempts']} attempts, {figures['opened']} opened, answers: {figures['answers']}")
    shares = [f"{name} {figures[f'{name}_bits']:.4f}" for name in ("right_key", "one_bit_off", "no_key", "unrelated")]
    print(f"bits a sample shared with the secret's detail: {', '.join(shares)}")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
