"""Attacks on the shuffle with the program but without the key.

A jigsaw solver on single pictures, a known frame of a film, and the statistics of shuffled blocks. Seeds are fixed.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stegnet.core.samples import CODED, MEANS, NONE, Base
from stegnet.core.shuffle import Shuffle, apply
from stegnet.core.tensors import seeded_shuffle
from stegnet.data.groups import cut_squares
from stegnet.evaluation.contact_sheet import LabelledImage
from stegnet.methods.network import Network
from study.jigsaw.assembly import BLIND, RANDOM, SIMILARITY, Puzzle
from study.jigsaw.borders import Rules
from study.jigsaw.known_frame import averaged, match, pan, placed, predicted, recover, similarity
from study.keyless import (
    base_of,
    centred,
    hide_shuffled,
    histogram_correlation,
    mean_colour_error,
    on_grey,
    read_blocks,
    to_hide,
    unmasked,
)

NamedPicture = tuple[str, np.ndarray]
Row = dict[str, Any]
Coder = Callable[[np.ndarray], Base]  # of a picture

SIZE = 256
BLOCKS = (32, 16, 8)
BLOCK = 8  # stegnet's
KEYED = Rules()  # turned, flipped and negated, as in stegnet
PLACES = Rules(turned=False, negated=False)
FRAMES = 8  # of a still film, averaged
BASES = {"plain": NONE, "means": MEANS, "coded": CODED}
KINDS = {  # the base, and the changes by the key
    "plain": (NONE, PLACES),
    "plain, turned": (NONE, Rules(negated=False)),
    "plain, turned, negated": (NONE, KEYED),
    "means": (MEANS, PLACES),
    "means, turned, negated": (MEANS, KEYED),
    "coded": (CODED, PLACES),
    "coded, turned, negated": (CODED, KEYED),
}
FILMS = {"still": 0, "slow, 1 px": 1, "fast, 16 px": 16}
NEIGHBOURS, REVEALED, UNMASKED = "neighbours", "as revealed", ", without the mask"
TITLES = ("secret", "what is hidden", "read without key, 8 px", *(f"solved, {block} px" for block in BLOCKS[::-1]))


@dataclass(frozen=True)
class Task:
    """One picture to attack.

    Attributes:
        weights: of the network.
        name: of the picture.
        photograph: (H, W, 3) uint8, at least SIZE high, and wide enough for a panning film.
        cover: in which it is hidden, (SIZE, SIZE, 3) uint8.
        quality: of coded bases, for blocks that no network hides.
        seed: of the shuffles and sealed bits.
    """

    weights: Path
    name: str
    photograph: np.ndarray
    cover: np.ndarray
    quality: int
    seed: int


def wide_enough(photograph: np.ndarray) -> bool:
    """True if a film can pan over the photograph."""
    return photograph.shape[0] >= SIZE and photograph.shape[1] >= SIZE + max(FILMS.values())


def central_square(photograph: np.ndarray) -> np.ndarray:
    """The square to attack, (SIZE, SIZE, 3)."""
    return cut_squares(photograph, SIZE, 1)[0]


def attack(task: Task) -> list[Row]:
    """All attacks on one picture; on one thread, so that pictures can be attacked in parallel."""
    rows = chain(_exact(task), _exact_films(task), *(_revealed(victim, task) for victim in _victims(task)))
    return [{"picture": task.name} | row for row in rows]


def example(task: Task) -> list[LabelledImage]:
    """A row of pictures for TITLES: the blind solver on blocks that are read without a key."""
    victim, square = _victims(task)[0], central_square(task.photograph)
    read = _puzzles(victim, square, task.seed)
    seen, hidden = (on_grey(blocks) for blocks in (read[BLOCK].seen, read[BLOCK].hidden))
    shares = {block: f"{puzzle.neighbours()[BLIND]:.0%} of neighbours" for block, puzzle in read.items()}
    solved = [(read[block].assembled(read[block].solved[BLIND]), shares[block]) for block in BLOCKS[::-1]]
    return [(square, ""), (hidden, ""), (seen, ""), *solved]


def block_statistics(squares: list[NamedPicture], quality: int) -> Iterator[Row]:
    """Statistics of shuffled blocks; `quality` is that of coded bases."""
    for kind, (base, rules) in KINDS.items():
        for seed, (name, square) in enumerate(squares):
            shown = apply(to_hide(square, base_of(square, base, quality)), _shuffle(BLOCK, rules, seed))
            figures = {
                "histogram correlation": histogram_correlation(shown, centred(square)),
                "mean colour error": mean_colour_error(shown, centred(square)),
            }
            yield from ({"picture": name} | row for row in _rows("glimpse", kind, BLOCK, "", figures))


def _victims(task: Task) -> list["_Victim"]:
    """The network as it is, and without the mask if it has one; on one thread."""
    torch.set_num_threads(1)
    network = Network.load(task.weights, device="cpu", precision="fp32", backend="torch")
    masked = [_Victim(network, task, "")]
    return [*masked, _Victim(unmasked(network), task, UNMASKED)] if network.period else masked


class _Victim:
    """A network that hides pictures in a cover.

    Attributes:
        suffix: of its rows.
    """

    def __init__(self, network: Network, task: Task, suffix: str) -> None:
        self.suffix = suffix
        self._network, self._cover, self._seeds = network, task.cover, count(1000 * task.seed)

    def base(self, picture: np.ndarray) -> Base:
        """The base that is sealed."""
        return base_of(picture, self._network.base, self._network.quality)

    def hidden(self, picture: np.ndarray) -> np.ndarray:
        """The residual that is hidden, (H, W, 3) float."""
        return to_hide(picture, self.base(picture))

    def read(self, secret: np.ndarray, shuffle: Shuffle) -> np.ndarray:
        """The public reveal network's output on a container, (H, W, 3) float, still shuffled."""
        container = hide_shuffled(self._network, self._cover, secret, shuffle, next(self._seeds))
        return read_blocks(self._network, container)


def _puzzles(victim: _Victim, square: np.ndarray, seed: int) -> dict[int, Puzzle]:
    """The blocks that are read, by their size."""
    hidden, shuffles = victim.hidden(square), {block: _shuffle(block, KEYED, seed) for block in BLOCKS}
    return {block: Puzzle(victim.read(square, shuffle), hidden, shuffle, KEYED) for block, shuffle in shuffles.items()}


def _exact(task: Task) -> Iterator[Row]:
    """The solvers on exact blocks."""
    square = central_square(task.photograph)
    for block in BLOCKS:
        for kind, (base, rules) in KINDS.items():
            shuffle, hidden = _shuffle(block, rules, task.seed), to_hide(square, base_of(square, base, task.quality))
            puzzle = Puzzle(apply(hidden, shuffle), hidden, shuffle, rules)
            yield from _solved(puzzle, "jigsaw", kind)
            yield from _rows("jigsaw", kind, block, NEIGHBOURS, {RANDOM: puzzle.neighbours_by_chance()})


def _revealed(victim: _Victim, task: Task) -> Iterator[Row]:
    """The solvers and the match with a known frame on blocks that are read from containers."""
    square, fresh = central_square(task.photograph), _shuffle(BLOCK, KEYED, task.seed + 1000)
    read = _puzzles(victim, square, task.seed)
    for puzzle in read.values():
        yield from _solved(puzzle, "revealed", f"one picture{victim.suffix}")
    others = [_shuffle(BLOCK, KEYED, task.seed + 1000 * frame) for frame in range(1, FRAMES)]
    mean = averaged([read[BLOCK].seen, *(victim.read(square, other) for other in others)], BLOCK, KEYED)
    puzzle = Puzzle(mean, read[BLOCK].hidden, read[BLOCK].shuffle, KEYED)
    yield from _solved(puzzle, "revealed", f"{FRAMES} frames of a still film{victim.suffix}")
    for film, step in FILMS.items():
        known, secret = pan(task.photograph, SIZE, step)
        seen, kind = victim.read(secret, fresh), f"{REVEALED}{victim.suffix}"
        yield from _matched(seen, fresh, (known, secret, step), victim.base, kind, film)


def _solved(puzzle: Puzzle, name: str, kind: str) -> Iterator[Row]:
    """Neighbours that the solvers place correctly, and the quality of their pictures."""
    yield from _rows(name, kind, puzzle.block, NEIGHBOURS, puzzle.neighbours())
    for measure, figures in puzzle.similarities().items():
        yield from _rows(name, kind, puzzle.block, measure, figures)


def _exact_films(task: Task) -> Iterator[Row]:
    """The next frame, attacked with a known frame, on exact blocks."""
    same, fresh = (_shuffle(BLOCK, KEYED, task.seed + offset) for offset in (0, 1000))
    for film, step in FILMS.items():
        known, secret = pan(task.photograph, SIZE, step)
        for kind, base in BASES.items():
            coder = partial(base_of, kind=base, quality=task.quality)
            hidden = to_hide(known, coder(known))
            found = match(hidden, apply(hidden, same), BLOCK, KEYED)
            yield from _rows("one shuffle", kind, BLOCK, film, {"placed": placed(found, same)})
            seen = apply(to_hide(secret, coder(secret)), fresh)
            yield from _matched(seen, fresh, (known, secret, step), coder, kind, film)


def _matched(
    seen: np.ndarray,
    shuffle: Shuffle,
    frames: tuple[np.ndarray, np.ndarray, int],
    coder: Coder,
    kind: str,
    film: str,
) -> Iterator[Row]:
    """Matches with a known frame, at the same place and with known motion."""
    known, secret, step = frames
    for name, guess in (("same place", known), ("motion known", predicted(known, step))):
        base = coder(guess)
        found = match(to_hide(guess, base), seen, BLOCK, KEYED)
        own = dict(zip((f"known {measure}" for measure in SIMILARITY), similarity(guess, secret), strict=True))
        figures = asdict(recover(seen, found, shuffle, secret, base)) | own
        yield from _rows(f"fresh shuffle, {name}", kind, BLOCK, film, figures)


def _shuffle(block: int, rules: Rules, seed: int) -> Shuffle:
    side = SIZE // block
    shuffle = seeded_shuffle(seed, side, side)
    orientation, negative = shuffle.orientation * rules.turned, shuffle.negative & rules.negated
    return replace(shuffle, orientation=orientation, negative=negative)


def _rows(name: str, kind: str, block: int, setting: str, figures: dict[str, float]) -> Iterator[Row]:
    for measure, value in figures.items():
        labels = {"attack": name, "kind": kind, "block": block, "setting": setting, "measure": measure}
        yield labels | {"value": value}
