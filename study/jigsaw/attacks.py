"""Attacks on the shuffle with the program but without the key.

A jigsaw solver on single pictures, a known frame of a film, and the statistics of shuffled blocks. Seeds are fixed.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stegnet.codec import Network
from stegnet.codec.base import through_bytes
from stegnet.codec.seal import room
from stegnet.core.shuffle import Shuffle, apply
from stegnet.core.tensors import seeded_shuffle
from stegnet.data.sources import cut_squares
from stegnet.evaluation.contact_sheet import LabelledImage
from study.jigsaw.assembly import BLIND, RANDOM, SIMILARITY, Puzzle
from study.jigsaw.borders import Rules
from study.jigsaw.known_frame import averaged, match, pan, placed, predicted, recover, similarity
from study.keyless import histogram_correlation, mean_colour_error, on_grey, read_blocks, recognised, to_hide

NamedPicture = tuple[str, np.ndarray]
Row = dict[str, Any]
ReadOut = Callable[[np.ndarray, Shuffle], np.ndarray]  # of a secret and its shuffle: the blocks that the attacker reads

SIZE = 256
BLOCKS = (32, 16, 8)
BLOCK = 8  # stegnet's
KEYED = Rules()  # turned, flipped and negated, as in stegnet
PLACES = Rules(turned=False, negated=False)
FRAMES = 8  # of a still film, averaged
KINDS = {  # whether the detail layer is on, and the changes by the key
    "plain": (False, PLACES),
    "plain, turned": (False, Rules(negated=False)),
    "plain, turned, negated": (False, KEYED),
    "detail": (True, PLACES),
    "detail, turned, negated": (True, KEYED),
}
FILMS = {"still": 0, "slow, 1 px": 1, "fast, 16 px": 16}
NEIGHBOURS = "neighbours"
TITLES = ("secret", "what is hidden", "read without key, 8 px", *(f"solved, {block} px" for block in BLOCKS[::-1]))


@dataclass(frozen=True)
class Task:
    """One picture to attack.

    Attributes:
        weights: of the network.
        name: of the picture.
        photograph: (H, W, 3) uint8, at least SIZE high, and wide enough for a panning film.
        cover: in which it is hidden, (SIZE, SIZE, 3) uint8.
        seed: of the shuffles.
    """

    weights: Path
    name: str
    photograph: np.ndarray
    cover: np.ndarray
    seed: int


def wide_enough(photograph: np.ndarray) -> bool:
    """True if a film can pan over the photograph."""
    return photograph.shape[0] >= SIZE and photograph.shape[1] >= SIZE + max(FILMS.values())


def central_square(photograph: np.ndarray) -> np.ndarray:
    """The square to attack, (SIZE, SIZE, 3)."""
    return cut_squares(photograph, SIZE, 1)[0]


def attack(task: Task) -> list[Row]:
    """All attacks on one picture; on one thread, so that pictures can be attacked in parallel."""
    read_out, square = _victim(task)
    read = _puzzles(read_out, square, task.seed)
    rows = chain(
        _exact(square, task.seed),
        chain.from_iterable(_solved(puzzle, "revealed", "one picture") for puzzle in read.values()),
        _still_film(read_out, read[BLOCK], square, task.seed),
        _films(read_out, task.photograph, task.seed),
    )
    return [{"picture": task.name} | row for row in rows]


def example(task: Task) -> list[LabelledImage]:
    """A row of pictures for TITLES: the blind solver on blocks that are read without a key."""
    read_out, square = _victim(task)
    read = _puzzles(read_out, square, task.seed)
    seen, hidden = (on_grey(blocks) for blocks in (read[BLOCK].seen, read[BLOCK].hidden))
    shares = {block: f"{puzzle.neighbours()[BLIND]:.0%} of neighbours" for block, puzzle in read.items()}
    solved = [(read[block].assembled(read[block].solved[BLIND]), shares[block]) for block in BLOCKS[::-1]]
    return [(square, ""), (hidden, ""), (seen, ""), *solved]


def block_statistics(squares: list[NamedPicture]) -> Iterator[Row]:
    """Statistics of shuffled blocks."""
    for kind, (detail, rules) in KINDS.items():
        secrets = [to_hide(square, detail) for _, square in squares]
        seen = [_shuffled(secret, _shuffle(BLOCK, rules, seed)) for seed, secret in enumerate(secrets)]
        plain = [to_hide(square, detail=False) for _, square in squares]
        share = recognised(seen, secrets, BLOCK)
        for (name, _), shown, secret in zip(squares, seen, plain, strict=True):
            figures = {
                "histogram correlation": histogram_correlation(shown, secret),
                "mean colour error": mean_colour_error(shown, secret),
                "recognised": share,
            }
            yield from ({"picture": name} | row for row in _rows("glimpse", kind, BLOCK, "", figures))


def _victim(task: Task) -> tuple[ReadOut, np.ndarray]:
    """A function that reads blocks from a container of the picture, and the picture's square."""
    torch.set_num_threads(1)
    network = Network.load(task.weights, device="cpu", precision="fp32", backend="torch")
    return partial(_read_out, network, task.cover), central_square(task.photograph)


def _puzzles(read_out: ReadOut, square: np.ndarray, seed: int) -> dict[int, Puzzle]:
    """The blocks that are read, by their size."""
    hidden, shuffles = to_hide(square, detail=True), {block: _shuffle(block, KEYED, seed) for block in BLOCKS}
    return {block: Puzzle(read_out(square, shuffle), hidden, shuffle, KEYED) for block, shuffle in shuffles.items()}


def _read_out(network: Network, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The public reveal network's output on a container, (H, W, 3) float, still shuffled."""
    base = through_bytes(secret, network.base, network.quality, room(*secret.shape[:2]))
    return read_blocks(network, network.hide(cover, secret, shuffle, base).container)


def _exact(square: np.ndarray, seed: int) -> Iterator[Row]:
    """The solvers on exact blocks."""
    for block in BLOCKS:
        for kind, (detail, rules) in KINDS.items():
            shuffle, hidden = _shuffle(block, rules, seed), to_hide(square, detail)
            puzzle = Puzzle(_shuffled(hidden, shuffle), hidden, shuffle, rules)
            yield from _solved(puzzle, "jigsaw", kind)
            yield from _rows("jigsaw", kind, block, NEIGHBOURS, {RANDOM: puzzle.neighbours_by_chance()})


def _still_film(read_out: ReadOut, first: Puzzle, square: np.ndarray, seed: int) -> Iterator[Row]:
    """The solvers on the mean of a still film's frames."""
    others = [_shuffle(BLOCK, KEYED, seed + 1000 * frame) for frame in range(1, FRAMES)]
    mean = averaged([first.seen, *(read_out(square, other) for other in others)], BLOCK, KEYED)
    puzzle = Puzzle(mean, first.hidden, first.shuffle, KEYED)
    yield from _solved(puzzle, "revealed", f"{FRAMES} frames of a still film")


def _solved(puzzle: Puzzle, name: str, kind: str) -> Iterator[Row]:
    """Neighbours that the solvers place correctly, and the quality of their pictures."""
    yield from _rows(name, kind, puzzle.block, NEIGHBOURS, puzzle.neighbours())
    for measure, figures in puzzle.similarities().items():
        yield from _rows(name, kind, puzzle.block, measure, figures)


def _films(read_out: ReadOut, photograph: np.ndarray, seed: int) -> Iterator[Row]:
    """The next frame, attacked with a known frame."""
    same, fresh = _shuffle(BLOCK, KEYED, seed), _shuffle(BLOCK, KEYED, seed + 1000)
    for film, step in FILMS.items():
        known, secret = pan(photograph, SIZE, step)
        for kind, detail in (("plain", False), ("detail", True)):
            hidden = to_hide(known, detail)
            found = match(hidden, _shuffled(hidden, same), BLOCK, KEYED)
            yield from _rows("one shuffle", kind, BLOCK, film, {"placed": placed(found, same)})
            seen = _shuffled(to_hide(secret, detail), fresh)
            yield from _matched(seen, fresh, (known, secret, step), kind, film)
        yield from _matched(read_out(secret, fresh), fresh, (known, secret, step), "detail, revealed", film)


def _matched(
    seen: np.ndarray, shuffle: Shuffle, frames: tuple[np.ndarray, np.ndarray, int], kind: str, film: str
) -> Iterator[Row]:
    """Matches with a known frame, at the same place and with known motion."""
    known, secret, step = frames
    detail = kind != "plain"
    for name, guess in (("same place", known), ("motion known", predicted(known, step))):
        found = match(to_hide(guess, detail), seen, BLOCK, KEYED)
        own = dict(zip((f"known {measure}" for measure in SIMILARITY), similarity(guess, secret), strict=True))
        figures = asdict(recover(seen, found, shuffle, guess, secret, detail)) | own
        yield from _rows(f"fresh shuffle, {name}", kind, BLOCK, film, figures)


def _shuffle(block: int, rules: Rules, seed: int) -> Shuffle:
    side = SIZE // block
    shuffle = seeded_shuffle(seed, side, side)
    orientation, negative = shuffle.orientation * rules.turned, shuffle.negative & rules.negated
    return replace(shuffle, orientation=orientation, negative=negative)


def _shuffled(picture: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    return apply(picture, shuffle)


def _rows(name: str, kind: str, block: int, setting: str, figures: dict[str, float]) -> Iterator[Row]:
    for measure, value in figures.items():
        labels = {"attack": name, "kind": kind, "block": block, "setting": setting, "measure": measure}
        yield labels | {"value": value}
