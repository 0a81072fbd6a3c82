"""Which contents a pair can't cope with: covers and secrets of every kind, and the hardest of both together."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stegnet.codec import Network
from stegnet.core.errors import CapacityError, DataError
from stegnet.core.measures import SIDES
from stegnet.evaluation.perception import perceptual_measures
from stegnet.evaluation.quality import HideRevealResult, PicturePairs, hide_and_reveal, map_in_threads, measure_quality
from study.contents import PLAIN, contents

HARDEST = 3  # covers, and secrets, that are tried with each other and shown

Names = tuple[str, str]
Progress = Callable[[list], Iterable]


@dataclass(frozen=True)
class Trial:
    """One content hidden in another.

    Attributes:
        names: of the cover's content and the secret's.
        trip: None where the codec refused the cover.
        refused: what the codec said then, or "".
        figures: of the trip, by column; empty where there was none.
    """

    names: Names
    trip: HideRevealResult | None
    refused: str
    figures: dict[str, float]


class Proving:
    """A pair, and the contents it is tried on.

    Args:
        shards, shift: as `PicturePairs` takes them.
        seed: of all that is random.
        kinds: covers and secrets are made from the first pair of the first of these that there is.
    Raises:
        DataError: there is none of these kinds among the test pictures.
    """

    def __init__(self, network: Network, shards: Path, shift: int, seed: int, kinds: Sequence[str]) -> None:
        pairs = PicturePairs(shards, shift)
        kind = next((kind for kind in kinds if kind in pairs.kinds), None)
        if kind is None:
            raise DataError(f"{shards}: no {' or '.join(kinds)} to test on", "raise data.test_scenes")
        (_, cover), (_, secret) = pairs.pair(kind, 0)
        self._network, self._seed, self._sight = network, seed, perceptual_measures()
        self._covers, self._secrets = contents(cover, 2 * seed), contents(secret, 2 * seed + 1)

    def run(self, progress: Progress) -> list[Trial]:
        """Every cover with a photograph in it, every secret in a photograph, and the hardest with each other."""
        known = [(name, PLAIN) for name in self._covers]
        known += [(PLAIN, name) for name in self._secrets if name != PLAIN]
        trials = self.tried(known, progress)
        more = [names for names in hardest(trials) if names not in known]
        return trials + self.tried(more, progress)

    def tried(self, names: list[Names], progress: Progress) -> list[Trial]:
        """One trial for each pair of names, of a cover's content and a secret's."""
        with closing(map_in_threads(self._try, progress(names))) as trials:
            return list(trials)

    def _try(self, names: Names) -> Trial:
        cover, secret = self._covers[names[0]], self._secrets[names[1]]
        try:
            container, revealed = hide_and_reveal(self._network, cover, secret, self._seed)
        except CapacityError as error:
            return Trial(names, None, str(error), {})
        trip = HideRevealResult(names, cover, container, secret, revealed)
        return Trial(names, trip, "", measure_quality(trip) | measure_quality(trip, self._sight))


def hardest(trials: Sequence[Trial]) -> list[Names]:
    """The covers in which a photograph is most visible, each with the secrets that come worst out of one."""
    covers = [trial.names[0] for trial in _worst(trials, "container", 1)]
    secrets = [trial.names[1] for trial in _worst(trials, "secret", 0)]
    return list(product(covers, secrets))


def table_of(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row per trial: cover, secret, refused, and the figures; nan where it was refused."""
    names = ("cover", "secret")
    return pd.DataFrame(
        [dict(zip(names, trial.names, strict=True)) | {"refused": trial.refused} | trial.figures for trial in trials]
    )


def summarise_trials(trials: Sequence[Trial]) -> dict[str, Any]:
    """contents_…: the number of trials and of covers refused, and each side's worst and median PSNR in dB."""
    made = [trial for trial in trials if trial.trip]
    counts = {"contents_trials": len(trials), "contents_refused": len(trials) - len(made)}
    psnr = {side: [trial.figures[f"{side}_psnr"] for trial in made] for side in SIDES}
    worst = {f"contents_{side}_psnr_worst": round(float(min(psnr[side])), 4) for side in SIDES}
    return counts | worst | {f"contents_{side}_psnr_median": round(float(np.median(psnr[side])), 4) for side in SIDES}


def to_show(trials: Sequence[Trial]) -> list[Names]:
    """The trials to look at: the worst covers of a photograph, the worst secrets in one, and the worst of all."""
    every = sorted((trial for trial in trials if trial.trip), key=lambda trial: trial.figures["secret_psnr"])
    chosen = [*_worst(trials, "container", 1), *_worst(trials, "secret", 0), *every[:1]]
    return list(dict.fromkeys(trial.names for trial in chosen))


def _worst(trials: Sequence[Trial], side: str, place: int) -> list[Trial]:
    """The HARDEST that were made, by the side's PSNR, the lowest first.

    Args:
        place: of those names that must be a photograph's: 0 is the cover, 1 the secret.
    """
    made = [trial for trial in trials if trial.trip and trial.names[place] == PLAIN]
    return sorted(made, key=lambda trial: trial.figures[f"{side}_psnr"])[:HARDEST]
