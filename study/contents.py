"""Stage contents: quality on dark, flat, noisy, drawn and written pictures, as covers and as secrets."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import CapacityError, DataError
from stegnet.core.measures import PSNR, SECRET_PSNR, SIDES
from stegnet.evaluation.contact_sheet import contact_sheet
from stegnet.evaluation.perception import perceptual_measures
from stegnet.evaluation.quality import (
    HideRevealResult,
    PicturePairs,
    hide_and_reveal,
    map_in_threads,
    measure_quality,
)
from stegnet.evaluation.statistics import REAL, RENDERED
from stegnet.media import write_png
from stegnet.methods.network import Network
from study.patterns import PLAIN, contents

HARDEST = 3  # covers, and secrets, that are combined with each other and shown

Names = tuple[str, str]
Progress = Callable[[list], Iterable]


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    on = partial(Contents, Network.load(weights, backend="torch"), shards, config.evaluate.shift, config.seed)
    trials = on((REAL, RENDERED)).measure(lambda names: bar(names, "contents"))
    shown = on((RENDERED, REAL)).trials(examples(trials), lambda names: bar(names, "pictures"))
    write_table(out / "contents.csv", tabulate(trials))
    write_png(out / "worst.png", contact_sheet([trial.result for trial in shown if trial.result], named=True))
    figures = summarise(trials)
    write_json(out / "metrics.json", figures)
    worst = {side: figures[f"contents_{PSNR.of(side, 'worst')}"] for side in SIDES}
    sides = [f"{side} {decibels:.2f} dB" for side, decibels in worst.items()]
    print(f"worst of {len(trials)} odd contents, {figures['contents_refused']} refused: {', '.join(sides)}")


@dataclass(frozen=True)
class Trial:
    """One content hidden in another.

    Attributes:
        names: of the cover's content and the secret's.
        result: None if the codec refused the cover.
        refused: the codec's message, or "".
        figures: measures of the result, by column; empty if it was refused.
    """

    names: Names
    result: HideRevealResult | None
    refused: str
    figures: dict[str, float]


class Contents:
    """A pair and the contents that it is measured on.

    Args:
        shards, shift: as `PicturePairs` takes them.
        seed: of everything random.
        kinds: covers and secrets are made from the first pair of the first available of these.
    Raises:
        DataError: there is none of these kinds among the test pictures.
    """

    def __init__(self, network: Network, shards: Path, shift: int, seed: int, kinds: Sequence[str]) -> None:
        pairs = PicturePairs(shards, shift)
        kind = next((kind for kind in kinds if kind in pairs.kinds), None)
        if kind is None:
            raise DataError(f"{shards}: no {' or '.join(kinds)} to test on", "raise data.test_scenes")
        (_, cover), (_, secret) = pairs.pair(kind, 0)
        self._network, self._seed, self._perceptual = network, seed, perceptual_measures()
        self._covers, self._secrets = contents(cover, 2 * seed), contents(secret, 2 * seed + 1)

    def measure(self, progress: Progress) -> list[Trial]:
        """Each cover with a photograph in it, each secret in a photograph, and the hardest of both combined."""
        known = [(name, PLAIN) for name in self._covers]
        known += [(PLAIN, name) for name in self._secrets if name != PLAIN]
        trials = self.trials(known, progress)
        more = [names for names in hardest(trials) if names not in known]
        return trials + self.trials(more, progress)

    def trials(self, names: list[Names], progress: Progress) -> list[Trial]:
        """One trial for each pair of names: a cover's content and a secret's."""
        with closing(map_in_threads(self._trial, progress(names))) as trials:
            return list(trials)

    def _trial(self, names: Names) -> Trial:
        cover, secret = self._covers[names[0]], self._secrets[names[1]]
        try:
            container, revealed = hide_and_reveal(self._network, cover, secret, self._seed)
        except CapacityError as error:
            return Trial(names, None, str(error), {})
        result = HideRevealResult(names, cover, container, secret, revealed)
        return Trial(names, result, "", measure_quality(result) | measure_quality(result, self._perceptual))


def hardest(trials: Sequence[Trial]) -> list[Names]:
    """The covers in which a photograph is most visible, each with the secrets that are recovered worst from one."""
    covers = [trial.names[0] for trial in _worst(trials, "container", 1)]
    secrets = [trial.names[1] for trial in _worst(trials, "secret", 0)]
    return list(product(covers, secrets))


def tabulate(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row per trial: cover, secret, refused, and the figures; nan if it was refused."""
    names = ("cover", "secret")
    return pd.DataFrame(
        [dict(zip(names, trial.names, strict=True)) | {"refused": trial.refused} | trial.figures for trial in trials]
    )


def summarise(trials: Sequence[Trial]) -> dict[str, Any]:
    """contents_…: the number of trials and of covers refused, and each side's worst and median PSNR in dB."""
    made = [trial for trial in trials if trial.result]
    counts = {"contents_trials": len(trials), "contents_refused": len(trials) - len(made)}
    psnr = {side: [trial.figures[PSNR.of(side)] for trial in made] for side in SIDES}
    worst = {f"contents_{PSNR.of(side, 'worst')}": round(float(min(psnr[side])), 4) for side in SIDES}
    return (
        counts
        | worst
        | {f"contents_{PSNR.of(side, 'median')}": round(float(np.median(psnr[side])), 4) for side in SIDES}
    )


def examples(trials: Sequence[Trial]) -> list[Names]:
    """The trials to show: the worst covers of a photograph, the worst secrets in one, and the worst of all."""
    every = sorted((trial for trial in trials if trial.result), key=lambda trial: trial.figures[SECRET_PSNR])
    chosen = [*_worst(trials, "container", 1), *_worst(trials, "secret", 0), *every[:1]]
    return list(dict.fromkeys(trial.names for trial in chosen))


def _worst(trials: Sequence[Trial], side: str, place: int) -> list[Trial]:
    """The HARDEST trials that were not refused with the lowest PSNR of a side, the lowest first.

    Args:
        place: of the name that must be the photograph's: 0 the cover, 1 the secret.
    """
    made = [trial for trial in trials if trial.result and trial.names[place] == PLAIN]
    return sorted(made, key=lambda trial: trial.figures[PSNR.of(side)])[:HARDEST]


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
