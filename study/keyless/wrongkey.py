"""What a wrong key gives below the program's refusal: the reveal net's blocks, in a wrong order or in none.

Whoever changes the program gets past its refusal. He has the reveal net's blocks; the block means, sealed, he has not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from stegnet.codec import Key, Network, hide_picture, reveal_picture
from stegnet.codec.frame import read_record
from stegnet.codec.record import Record
from stegnet.core.shuffle import draw, grid
from stegnet.evaluation.contact_sheet import LabelledImage
from stegnet.evaluation.demonstration import seeded
from stegnet.evaluation.quality import PicturePairs, through_file
from stegnet.media import resize
from study.keyless.dependence import binned, correlation, mutual_information
from study.keyless.refusals import OPENED, one_bit_off
from study.keyless.sight import on_grey, ordered, read_blocks
from study.shuffle.glimpse import histogram_correlation, recognised
from study.shuffle.known_frame import to_hide

RIGHT, IN_ORDER, ONE_BIT, OTHER, NONE = "right key", "right shuffle alone", "one bit off", "another key", "no key"
STATES = (RIGHT, IN_ORDER, ONE_BIT, OTHER, NONE)
PICTURE, DETAIL = "picture", "detail"
MOST_PAIRS = 24  # of each kind

Progress = Callable[[range], Iterable[int]]


@dataclass(frozen=True)
class Sight:
    """One container, and what is seen of its secret.

    Attributes:
        names: of cover and secret.
        cover, container, secret: (H, W, 3) uint8; the secret as large as the area that hides it.
        hidden: what of the secret the network hides, (H, W, 3) float, signed.
        seen: by state, (H, W, 3) float: signed, but for the right key, whose picture is whole and less grey.
    """

    names: tuple[str, str]
    cover: np.ndarray
    container: np.ndarray
    secret: np.ndarray
    hidden: np.ndarray
    seen: dict[str, np.ndarray]


def look(network: Network, pairs: PicturePairs, kind: str, index: int, secret_key: bytes, seed: int) -> Sight:
    """Hides pair `index` of a kind, and looks at it with every key.

    A wrong key does not even open the film id that a shuffle is drawn for; here it is given away.

    Args:
        secret_key: 32 bytes.
        seed: of what would be random: the hiding, the other key, and which bit is off.
    """
    (cover_name, cover), (secret_name, secret) = pairs.pair(kind, index)
    key, random = Key(secret_key), seeded(seed)
    container = through_file(hide_picture(network, cover, secret, key, random))
    record = read_record(container, key).record
    rows, cols = grid(*container.shape[:2], network.block)
    height, width = rows * network.block, cols * network.block
    blocks = read_blocks(network, container[:height, :width])
    wrong = {IN_ORDER: key, ONE_BIT: one_bit_off(secret_key, seed % 256), OTHER: Key(random(32))}
    seen = {state: _in_order(blocks, of, record, rows, cols) for state, of in wrong.items()}
    whole = resize(reveal_picture(network, container, key).picture, height, width)
    area = resize(secret, height, width)
    seen |= {RIGHT: to_hide(whole, detail=False), NONE: blocks}
    return Sight((cover_name, secret_name), cover, container, area, to_hide(area, network.detail), seen)


def look_at_all(
    network: Network, pairs: PicturePairs, kind: str, secret_key: bytes, seed: int, progress: Progress
) -> list[Sight]:
    """`look` at the pairs of a kind, the first MOST_PAIRS of them."""
    indices = range(min(MOST_PAIRS, pairs.count(kind)))
    return [look(network, pairs, kind, index, secret_key, seed + index) for index in progress(indices)]


def compare(sights: list[Sight]) -> pd.DataFrame:
    """Each picture seen against its own secret and against the other ones of the list, which is what chance gives.

    Grey values are compared: the mean of the channels. For "detail", the pictures that show block means are compared
    without them.

    Returns:
        columns cover, secret, state, of (picture or detail), correlation and mutual_information (bits) with its own
        secret; the same with _others, the mean over the others (of the correlation's size); and told: is its own
        secret the one of all that it shares most information with?
    """
    rows = []
    secrets = {
        PICTURE: [_Grey(to_hide(sight.secret, detail=False)) for sight in sights],
        DETAIL: [_Grey(sight.hidden) for sight in sights],
    }
    for number, sight in enumerate(sights):
        for of, state in ((of, state) for of in secrets for state in STATES):
            names = dict(zip(("cover", "secret"), sight.names, strict=True)) | {"state": state, "of": of}
            rows.append(names | _against(_Grey(_compared(sight, of, state)), secrets[of], number))
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the pairs, by kind, state and what is compared.

    p: of Wilcoxon's signed-rank test that a pair's own secret shares no more information than the mean of the others;
    with many rows, some are small by chance. A little more than the others' mean is no trace of order: a secret's own
    blocks, shuffled at random, share as much, since they are as busy and the estimate's bias depends on that.

    Args:
        table: as `compare` gives it, with a column kind.
    """
    groups = table.groupby(["kind", "state", "of"], sort=False)
    sizes = groups["correlation"].agg(lambda values: values.abs().mean()).rename("correlation_size")
    means = groups[["correlation", *_FIGURES]].mean().join(sizes)
    means["p"] = [_chance(rows) for _, rows in groups]
    means["pairs"] = groups.size()
    return means.reset_index()


def statistics(sights: list[Sight], block: int) -> dict[str, float]:
    """What is seen without a key and without putting anything in order.

    Returns:
        recognised: the share of secrets that are told among all of the list by how busy their blocks are;
        chance: of telling them blindly; histogram_correlation: mean, of blocks seen and what was hidden.
    """
    seen, hidden = [sight.seen[NONE] for sight in sights], [sight.hidden for sight in sights]
    histograms = [histogram_correlation(*pictures) for pictures in zip(seen, hidden, strict=True)]
    return {
        "recognised": recognised(seen, hidden, block),
        "chance": 1 / len(sights),
        "histogram_correlation": float(np.mean(histograms)),
    }


def headline(summary: pd.DataFrame, seen: pd.DataFrame, refused: pd.DataFrame) -> dict[str, float]:
    """The few figures that stand for all, of the first kind; information is that on the secret's detail.

    Args:
        summary, seen, refused: as `summarise`, `statistics` (with columns kind and pairs) and `refusals.answers` give
            them.
    """
    rows = summary[(summary["kind"] == seen["kind"].iloc[0]) & (summary["of"] == DETAIL)].set_index("state")
    bits, wrong = rows["mutual_information"], rows.loc[[ONE_BIT, OTHER, NONE]]
    return {
        "attempts": int(refused["count"].sum()),
        "opened": int(refused.loc[refused["answer"] == OPENED, "count"].sum()),
        "answers": refused["answer"].nunique(),
        **{f"{state.replace(' ', '_')}_bits": round(float(bits[state]), 4) for state in (RIGHT, ONE_BIT, OTHER, NONE)},
        "unrelated_bits": round(float(wrong["mutual_information_others"].mean()), 4),
        "right_key_correlation": round(float(rows.loc[RIGHT, "correlation"]), 4),
        "no_key_recognised": round(float(seen["recognised"].iloc[0]), 4),
    }


def panel(sights: list[Sight]) -> tuple[Sequence[str], list[list[LabelledImage]]]:
    """What `board` draws: titles and rows of pictures, with their grey values' correlation with the secret."""
    states = (RIGHT, ONE_BIT, NONE)
    rows = []
    for sight in sights:
        secret = to_hide(sight.secret, detail=False)
        tied = [correlation(sight.seen[state].mean(-1), secret.mean(-1)) for state in states]
        seen = [(shown(sight, state), f"r = {of:.2f}") for state, of in zip(states, tied, strict=True)]
        rows.append([(sight.container, ""), (sight.secret, ""), *seen])
    return ("container", "secret", *states), rows


def shown(sight: Sight, state: str) -> np.ndarray:
    """(H, W, 3) uint8: what somebody sees, on grey where block means are missing."""
    return on_grey(sight.seen[state])


_FIGURES = ["correlation_others", "mutual_information", "mutual_information_others", "told"]


def _in_order(blocks: np.ndarray, key: Key, record: Record, rows: int, cols: int) -> np.ndarray:
    return ordered(blocks, draw(key.shuffle(record.header.film_id, record.index), rows, cols))


def _compared(sight: Sight, of: str, state: str) -> np.ndarray:
    """What is compared; a whole picture loses its block means if these are not compared."""
    if of == DETAIL and state == RIGHT:
        return to_hide(shown(sight, state), detail=True)
    return sight.seen[state]


class _Grey:
    """A picture's grey values, and the bins that they fall into."""

    def __init__(self, picture: np.ndarray) -> None:
        self.values = picture.mean(-1)
        self.bins = binned(self.values)


def _against(seen: _Grey, secrets: list[_Grey], own: int) -> dict[str, float]:
    correlations = np.array([correlation(seen.values, secret.values) for secret in secrets])
    shared = np.array([mutual_information(seen.bins, secret.bins) for secret in secrets])
    others = np.arange(len(secrets)) != own
    return {
        "correlation": correlations[own],
        "correlation_others": np.abs(correlations[others]).mean(),
        "mutual_information": shared[own],
        "mutual_information_others": shared[others].mean(),
        "told": float(shared.argmax() == own),
    }


def _chance(rows: pd.DataFrame) -> float:
    gain = rows["mutual_information"] - rows["mutual_information_others"]
    return float(wilcoxon(gain, alternative="greater").pvalue)
