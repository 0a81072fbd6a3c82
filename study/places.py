"""Stage places: does hiding leave traces at places that are public, or that are the same in all containers of a key?

The attacker has the program and containers, but neither key nor cover. He predicts each sample from its neighbours and
adds up the prediction errors at a place over many containers; in a film that stands still, he adds up how often a place
changes. Three questions are asked of each attack:

- places: do the sums tell the places that hiding treats alike each time from all others?
- container against cover: at given places, do they tell a container from its cover?
- same key against other keys: at places that containers of one key point out, do they tell further containers of that
  key from those of other keys?
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.evaluation.demonstration import seeded
from stegnet.keys import KEY_BYTES, Key, Passphrase
from stegnet.methods.network import Network
from study.hiders import Hider, NetworkHider, SealedHider
from study.methods import container_seed
from study.pairs import Pair, evenly, photograph_pairs
from study.prediction import SHIFT, Evidence, activity, evidence
from study.stats import auc, unpaired_auc_interval

PLACES, COVER, KEY = "places", "container against cover", "same key against other keys"
HEADLINE = {PLACES: "places_found", COVER: "places_cover", KEY: "places_key"}
PICTURES, STILL_FILMS = "pictures", "still films"
CHANGE = "change between frames"
MOST_PAIRS = 60
KEYS = 3
LEARNT = 30  # containers of a key that point out its places
POINTED = 400  # places that they point out
FILMS = 12  # of each key, each of another motif; half of them point out the key's places
FRAMES = 24
_KEY_NUMBERS = 1_000  # containers of one key

Sums = dict[str, Evidence]  # by attack
Pointed = tuple[np.ndarray, np.ndarray]  # indices into the flattened samples, and directions of shifts


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs = evenly(photograph_pairs(shards, config.evaluate.shift), MOST_PAIRS)
    rows: list[dict] = []
    for hider in (SealedHider(), NetworkHider(Network.load(weights, backend="torch"))):
        pictures = chain(many_keys(hider, pairs, config.seed), few_keys(hider, pairs, config.seed))
        media = {PICTURES: pictures, STILL_FILMS: still_films(hider, pairs, config.seed)}
        for medium, results in media.items():
            rows += [{"method": hider.name, "medium": medium} | result for result in results]
    table = pd.DataFrame(rows)
    write_table(out / "places.csv", table)
    headline = summarise(table)
    write_json(out / "metrics.json", headline)
    print(f"AUC of the attacks that find most: {', '.join(f'{name} {value:.2f}' for name, value in headline.items())}")


def summarise(table: pd.DataFrame) -> dict[str, float]:
    """The AUC that is farthest from 0.5, for each question."""
    farthest = (table["auc"] - 0.5).abs().groupby(table["question"]).idxmax()
    return {HEADLINE[question]: round(float(table["auc"][row]), 4) for question, row in farthest.items()}


def many_keys(hider: Hider, pairs: list[Pair], seed: int) -> Iterator[dict]:
    """Each container has a passphrase of its own: what is the same in all of them is public."""
    places = hider.fixed_places(pairs[0][0].size, Passphrase("any"))
    pointed = places, 1.0 - 2 * (np.arange(places.size) % 2)
    scores: dict[str, list[tuple[float, float]]] = {}
    added: Sums = {}
    for number in bar(range(len(pairs)), f"{hider.name}: many keys"):
        container = hider.picture(*pairs[number], Passphrase(f"number {number}"), container_seed(seed, number))
        before, after = evidence(hider.unhidden(pairs[number][0])), evidence(container)
        added = added_up(added, after)
        for attack, found in after.items():
            scores.setdefault(attack, []).append(
                (score(attack, before[attack], pointed), score(attack, found, pointed))
            )
    for attack, found in added.items():
        yield _figures(f"{attack} at public places", COVER, 1, *np.array(scores[attack]).T)
        yield _figures(f"{attack}, over many keys", PLACES, len(pairs), *told_apart(attack, found, places))


def few_keys(hider: Hider, pairs: list[Pair], seed: int) -> Iterator[dict]:
    """The first containers of each key point out places, at which the others are tested."""
    keys, size = _keys(seed), pairs[0][0].size

    def sums(index: int, number: int) -> Sums:
        own = container_seed(seed, (index + 1) * _KEY_NUMBERS + number)
        return evidence(hider.picture(*pairs[number], keys[index], own))

    learnt, tested = range(LEARNT), range(LEARNT, len(pairs))
    label = f"{hider.name}: few keys"
    added = [reduce(added_up, (sums(index, number) for number in bar(learnt, label))) for index in range(KEYS)]
    of_keys = ((index, sums(index, number)) for index in range(KEYS) for number in bar(tested, label))
    covers = ((None, evidence(hider.unhidden(pairs[number][0]))) for number in tested)
    truth = [hider.fixed_places(size, key) for key in keys]
    yield from compare(added, truth, chain(of_keys, covers), LEARNT)


def still_films(hider: Hider, pairs: list[Pair], seed: int) -> Iterator[dict]:
    """Films of one picture each, from files: frames differ only by what hiding did."""
    keys, size = _keys(seed), pairs[0][0].size

    def sums(index: int, number: int) -> Sums:
        frames = hider.film(*pairs[number], FRAMES, keys[index], container_seed(seed, index * _KEY_NUMBERS + number))
        return {CHANGE: activity(frames)}

    learnt, tested = range(FILMS // 2), range(FILMS // 2, FILMS)
    label = f"{hider.name}: films"
    added = [reduce(added_up, (sums(index, number) for number in bar(learnt, label))) for index in range(KEYS)]
    of_keys = ((index, sums(index, number)) for index in range(KEYS) for number in bar(tested, label))
    yield from compare(added, [hider.fixed_places(size, key) for key in keys], of_keys, len(learnt) * FRAMES)


def compare(
    learnt: list[Sums], truth: list[np.ndarray], tested: Iterable[tuple[int | None, Sums]], containers: int
) -> Iterator[dict]:
    """Answers to the three questions, for each attack; that about covers only if any are tested.

    Args:
        learnt: sums over containers of one key, for each key.
        truth: `Hider.fixed_places` of each key.
        tested: sums of further containers and the number of their key, or None for covers.
        containers: number of those that each key's sums are of.
    """
    pointed = [{attack: point_out(attack, found) for attack, found in sums.items()} for sums in learnt]
    scores = [
        (attack, owner, number, score(attack, found, places[attack]))
        for owner, sums in tested
        for attack, found in sums.items()
        for number, places in enumerate(pointed)
    ]
    table = pd.DataFrame(scores, columns=["attack", "owner", "pointed by", "score"])
    table["owner"] = table["owner"].fillna(-1)
    for attack, rows in table.groupby("attack", sort=False):
        told = [told_apart(attack, sums[attack], places) for sums, places in zip(learnt, truth, strict=True)]
        yield _figures(
            f"{attack}, over one key", PLACES, containers, *(np.concatenate(side) for side in zip(*told, strict=True))
        )
        own = rows["owner"] == rows["pointed by"]
        covers, others = rows["owner"] == -1, ~own & (rows["owner"] != -1)
        for question, negatives in ((COVER, covers), (KEY, others)):
            if negatives.any():
                found = rows["score"][negatives].to_numpy(), rows["score"][own].to_numpy()
                yield _figures(f"{attack} at places learnt", question, containers, *found)


def added_up(left: Sums, right: Sums) -> Sums:
    """The sums of both; an empty one counts as none."""
    return {attack: left[attack] + found for attack, found in right.items()} if left else right


def told_apart(attack: str, found: Evidence, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all other samples, and of the samples at `places`; for shifts, regardless of their direction."""
    scores = found.scores().reshape(-1)
    scores = np.abs(scores) if attack == SHIFT else scores
    inside = np.zeros(scores.size, bool)
    inside[places] = True
    return scores[~inside], scores[inside]


def point_out(attack: str, found: Evidence) -> Pointed:
    """The places of the highest scores; of shifts, regardless of their direction."""
    scores = found.scores().reshape(-1)
    places = np.argsort(-np.abs(scores) if attack == SHIFT else -scores, kind="stable")[:POINTED]
    return places, np.sign(scores[places])


def score(attack: str, found: Evidence, pointed: Pointed) -> float:
    """Evidence of an attack at places: for shifts in their directions, else in contrast to all other places."""
    return found.shifted(*pointed) if attack == SHIFT else found.contrast(pointed[0])


def _keys(seed: int) -> list[Key]:
    return [Key(seeded(container_seed(seed, index))(KEY_BYTES)) for index in range(KEYS)]


def _figures(
    attack: str, question: str, containers: int, negatives: np.ndarray, positives: np.ndarray
) -> dict[str, str | float]:
    """A row of the table; what is looked for should score higher.

    Args:
        containers: that the attacker has.
        negatives, positives: (N,) and (M,) scores.
    """
    low, high = unpaired_auc_interval(negatives, positives)
    figures = {"auc": auc(negatives, positives), "low": low, "high": high}
    return {"attack": attack, "question": question, "containers": containers, "scored": len(positives)} | figures


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
