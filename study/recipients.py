"""Attacks by whoever knows a recipient: `python -m study.recipients PHOTOGRAPHS OUT.csv [SIDE]`.

The attacker computes, from a recipient and a picture's salt, where an ephemeral key would be, and asks whether these
samples changed more than others. Containers are compared with their covers, and with containers for another recipient.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter

from stegnet.core.samples import is_grey
from stegnet.evaluation.demonstration import seeded
from stegnet.keys import EPHEMERAL_TRITS, KEY_BYTES, Identity, Recipient
from stegnet.media import read_picture
from stegnet.methods.sealed import bytes_room, hide_bytes
from stegnet.sealing import frame_salt, layout, public_order, texture_costs, zones_of
from study.prediction import SPREAD, evidence
from study.stats import auc, unpaired_auc_interval

SIDE = 256
CONTENTS = {"100 bytes": 100, "a tenth full": 0.1}  # bytes, or a share of the room
COVERS, OTHERS = "container against cover", "this recipient against another"
_WINDOW, _LARGEST = 7, 16.0  # as in `prediction`


def main(photographs: Path, out: Path, side: int = SIDE) -> None:
    paths = sorted(path for path in photographs.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    covers = [picture for path in paths for picture in _crop(path, side)]
    table = pd.DataFrame([row for name, size in CONTENTS.items() for row in measured(covers, name, size)])
    table.to_csv(out, index=False, float_format="%.4g")
    print(table.to_string(index=False, float_format="%.3f"))


def measured(covers: list[np.ndarray], name: str, size: float) -> Iterator[dict]:
    """A row for each attack and question; `shift` is that of the mean score, in standard deviations over pictures."""
    recipients = [Identity(bytes([number]) * KEY_BYTES).recipient.public for number in (1, 2)]
    scores: dict[str, list[tuple[float, float, float]]] = {}
    for number, cover in enumerate(covers):
        pictures = cover, *(_container(cover, public, size, number) for public in reversed(recipients))
        found = [attack(picture, recipients[0]) for picture in pictures]
        for way in found[0]:
            scores.setdefault(way, []).append(tuple(each[way] for each in found))
    for way, values in scores.items():
        cover, other, own = np.array(values).T
        for question, negatives in ((COVERS, cover), (OTHERS, other)):
            low, high = unpaired_auc_interval(negatives, own)
            figures = {"auc": auc(negatives, own), "low": low, "high": high}
            figures["shift"] = float((own - negatives).mean() / negatives.std(ddof=1))
            yield {"content": name, "attack": way, "question": question, "pictures": len(own)} | figures


def attack(picture: np.ndarray, recipient: bytes) -> dict[str, float]:
    """Spread of prediction errors at the places of a recipient's ephemeral key, against all other samples.

    Of all samples of its zone; and of its pixels, each with the probability with which a writer moves it.
    """
    zones, order = zones_of(picture.size, ephemeral=True), public_order(picture.size, recipient, frame_salt(picture))
    greens = order.greens(zones.public, picture.shape[2], np.zeros(0, bool))
    everywhere = evidence(picture)[SPREAD].contrast(order.numbers(zones.public))
    return {"all of the zone": everywhere, "likely pixels": _likely(picture, greens)}


def _likely(picture: np.ndarray, greens: np.ndarray) -> float:
    """The locally most powerful test for steps of pixels that move with known probabilities."""
    weights = _probabilities(texture_costs(picture).up.reshape(-1)[greens].astype(np.float64))
    errors, variance = _pixel_errors(picture)
    relative = np.clip(errors**2 / variance, 0, _LARGEST)[greens // 3]
    variance = variance[greens // 3]
    terms = (relative - 1) / variance
    return float((weights * terms).sum() / np.sqrt((weights**2 * 2 / variance**2).sum()))


def _probabilities(costs: np.ndarray) -> np.ndarray:
    """Probabilities with which the cheapest code moves pixels of these costs (Filler, Judas, Fridrich 2011, eq. 7).

    Of pixels that the code adds, only the cheapest moves.
    """
    plan = layout(EPHEMERAL_TRITS, costs.size, 6)
    count = plan.length * plan.merged
    sums = costs[:count].reshape(-1, plan.merged)
    least, low, high = sums.min(1), 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        moved = np.maximum(2 / (np.exp(middle * least) + 2), 1e-12)
        entropy = -(moved * np.log(moved / 2) + (1 - moved) * np.log1p(-moved)).sum() / np.log(3)
        low, high = (middle, high) if entropy > EPHEMERAL_TRITS else (low, middle)
    ties = sums == least[:, None]
    return np.append((moved[:, None] * ties / ties.sum(1, keepdims=True)).reshape(-1), np.zeros(costs.size - count))


def _pixel_errors(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors of each pixel's sum of red, green and blue, predicted from its eight neighbours, and their variance."""
    height, width, _ = picture.shape
    padded = np.pad(picture.astype(np.float64), ((1, 1), (1, 1), (0, 0)), "reflect")
    places = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
    around = np.concatenate([padded[y : y + height, x : x + width] for y, x in places], 2).reshape(height * width, -1)
    around = np.column_stack([around, np.ones(len(around))])
    sums = picture.sum(2, dtype=np.float64).reshape(-1)
    errors = (sums - around @ np.linalg.lstsq(around.T @ around, around.T @ sums)[0]).reshape(height, width)
    local = uniform_filter(errors**2, _WINDOW, mode="reflect")
    return errors.reshape(-1), np.maximum(local, 1.0).reshape(-1)


def _container(cover: np.ndarray, recipient: bytes, size: float, number: int) -> np.ndarray:
    random, hidden_for = seeded(number), Recipient(recipient, number.to_bytes(KEY_BYTES, "big"))
    count = size if size >= 1 else int(size * bytes_room(*cover.shape[:2], "s", hidden_for.new_keys(bytes).film))
    return hide_bytes(cover, random(int(count)), hidden_for, name="s", randomness=random)


def _crop(path: Path, side: int) -> Iterator[np.ndarray]:
    """The middle of a photograph in colour, (side, side, 3) uint8, if it is large enough."""
    picture = read_picture(path)
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    if min(top, left) >= 0 and not is_grey(picture):
        yield np.ascontiguousarray(picture[top : top + side, left : left + side])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
