"""What of a secret is left when its container is distorted; no network is trained for it here, or told of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stegnet.core.errors import MediaError
from stegnet.core.measures import psnr, ssim
from stegnet.core.parallel import ordered
from stegnet.evaluation.quality import PicturePairs
from stegnet.evaluation.statistics import headline_kind
from stegnet.media import read_frames
from study.survival.distortion import Act, Distortion
from study.survival.method import Method, Sent

PLACE = ["material", "kind", "strength", "method"]
FIGURES = ["container_psnr", "secret_psnr", "secret_ssim", "opened", "pairs"]
SIDE = 256  # of the square in the middle of a film's frames that is used, in pixels

Pair = tuple[np.ndarray, np.ndarray]
Step = tuple[Distortion, float]
Progress = Callable[[Sequence[Step]], Iterable[Step]]


@dataclass(frozen=True)
class Material:
    """What containers are made of, and what happens to them.

    Attributes:
        name: "pictures" or "film".
        pairs: covers and secrets, (H, W, 3) uint8; of a film, its frames in order.
        distortions: of these.
    """

    name: str
    pairs: Sequence[Pair]
    distortions: Sequence[Distortion]

    @property
    def steps(self) -> list[Step]:
        """Every distortion at each of its strengths."""
        return [(distortion, strength) for distortion in self.distortions for strength in distortion.strengths]


def spread_pairs(pairs: PicturePairs, most: int) -> list[Pair]:
    """At most `most` test pairs: in turn one of each kind, the headline kind first, from all over each kind."""
    order = [headline_kind(pairs.kinds)]
    order += [kind for kind in pairs.kinds if kind not in order]
    share = -(-most // len(order))
    chosen = {kind: _apart(pairs.count(kind), share) for kind in order}
    turns = [(kind, chosen[kind][turn]) for turn in range(share) for kind in order if turn < len(chosen[kind])]
    named = [pairs.pair(kind, index) for kind, index in turns[:most]]
    return [(cover, secret) for (_, cover), (_, secret) in named]


def film_pairs(cover: Path, secret: Path, most: int) -> list[Pair]:
    """The first frames of two films, as many as both have and at most `most`: of each the SIDE² in its middle.

    Raises:
        MediaError: a film can't be read, or is too small.
    """
    frames = zip(_squares(cover), _squares(secret), strict=False)
    return list(islice(frames, most))


def measure(
    material: Material, methods: Mapping[str, Method], seed: int, workers: int, progress: Progress
) -> pd.DataFrame:
    """One row per distortion, strength and method: PLACE says which, FIGURES are means over the pairs.

    container_psnr (dB) is the distorted container's, against its cover; a picture has secret_psnr (dB) and
    secret_ssim, a file `opened`, the share of the containers that still open; the others are nan. pairs: their number.

    Args:
        workers: threads, each of which computes with one core.
        progress: shows the steps as they are done.
    """
    sent = {name: _send(method, material.pairs, seed) for name, method in methods.items()}
    look = partial(_look, material, sent, seed)
    with closing(ordered(look, progress(material.steps), workers, lambda: torch.set_num_threads(1))) as found:
        return pd.DataFrame([row for rows in found for row in rows], columns=[*PLACE, *FIGURES])


def figure(table: pd.DataFrame, material: str, kind: str, strength: float, method: str) -> dict[str, float]:
    """The row of a table that `measure` gave."""
    wanted = pd.Series([material, kind, float(strength), method], PLACE)
    matches = (table[PLACE] == wanted).all(axis=1)
    (row,) = table[matches].to_dict("records")
    return row


def _apart(count: int, share: int) -> list[int]:
    """At most `share` of `count` places, evenly apart."""
    number = min(count, share)
    return [place * count // number for place in range(number)]


def _squares(path: Path) -> Iterator[np.ndarray]:
    for frame in read_frames(path):
        top, left = ((side - SIDE) // 2 for side in frame.shape[:2])
        if min(top, left) < 0:
            raise MediaError(f"{path}: its frames are smaller than {SIDE}×{SIDE}", "take another film")
        yield np.ascontiguousarray(frame[top : top + SIDE, left : left + SIDE])


def _send(method: Method, pairs: Sequence[Pair], seed: int) -> list[Sent]:
    return [method(cover, secret, seed + index) for index, (cover, secret) in enumerate(pairs)]


def _look(material: Material, sent: Mapping[str, list[Sent]], seed: int, step: Step) -> list[dict[str, object]]:
    """The rows of one distortion."""
    distortion, strength = step
    place = {"material": material.name, "kind": distortion.kind, "strength": float(strength)}
    return [
        place | {"method": name} | _means(material.pairs, containers, distortion.act, strength, seed)
        for name, containers in sent.items()
    ]


def _means(pairs: Sequence[Pair], sent: list[Sent], act: Act, strength: float, seed: int) -> dict[str, float]:
    arrived = act([one.container for one in sent], strength, seed)
    rows = [_row(*each) for each in zip(pairs, sent, arrived, strict=True)]
    return pd.DataFrame(rows).mean().to_dict() | {"pairs": len(rows)}


def _row(pair: Pair, sent: Sent, container: np.ndarray) -> dict[str, float]:
    (cover, secret), reading = pair, sent.read(container)
    row = {"container_psnr": psnr(cover, container)}
    if reading.picture is None:
        return row | {"opened": float(reading.opened)}
    return row | {"secret_psnr": psnr(secret, reading.picture), "secret_ssim": ssim(secret, reading.picture)}
