"""A shuffled picture, what solvers make of it, and how good that is."""

import numpy as np

from stegnet.core.shuffle import Shuffle
from study.keyless.sight import on_grey
from study.shuffle.assembly import assemble
from study.shuffle.borders import Rules
from study.shuffle.jigsaw import Placement, neighbour_accuracy, random_placement, solve, truth
from study.shuffle.known_frame import likeness

BRIGHTNESS, BLIND, RANDOM = "brightness", "blind", "random"
SOLVERS = {BRIGHTNESS: False, BLIND: True}  # does it take brightness out first?
LIKENESS = ("psnr", "ssim", "correlation")
RANDOM_DRAWS, RANDOM_PICTURES = 20, 4


class Puzzle:
    """A shuffled picture, solved by every solver.

    Args:
        seen: what is put together, (H, W, 3) float, signed.
        hidden: the same in order and without errors, to judge by.
        shuffle: the true one, to judge by.
        rules: what the key has changed besides the places.

    Attributes:
        block: side of the blocks in pixels.
        solved: the placement that each solver finds.
    """

    def __init__(self, seen: np.ndarray, hidden: np.ndarray, shuffle: Shuffle, rules: Rules) -> None:
        self.seen, self.hidden, self.shuffle, self.block = seen, hidden, shuffle, seen.shape[0] // shuffle.rows
        self.solved = {name: solve(seen, self.block, rules, blind=blind) for name, blind in SOLVERS.items()}
        self._rules, self._true = rules, truth(shuffle)

    def neighbours(self) -> dict[str, float]:
        """Share of neighbours that each solver puts side by side."""
        return {name: neighbour_accuracy(found, self._true) for name, found in self.solved.items()}

    def neighbours_by_chance(self) -> float:
        """The same for blocks put down blindly."""
        return float(np.mean([neighbour_accuracy(blind, self._true) for blind in self._blindly(RANDOM_DRAWS)]))

    def assembled(self, found: Placement) -> np.ndarray:
        """The picture that a placement makes, (H, W, 3) uint8, on mid-grey."""
        return on_grey(assemble(self.seen, self.block, found, self._true))

    def likenesses(self) -> dict[str, dict[str, float]]:
        """By measure and solver: how like what was hidden its picture is, and one of blocks put down blindly.

        Nobody is told block means: what was hidden lies on mid-grey, too.
        """
        tried = {name: self._likeness([found]) for name, found in self.solved.items()}
        tried[RANDOM] = self._likeness(self._blindly(RANDOM_PICTURES))
        measures = enumerate(LIKENESS)
        return {measure: {name: float(of[place]) for name, of in tried.items()} for place, measure in measures}

    def _likeness(self, placements: list[Placement]) -> np.ndarray:
        """(3,), the mean over some placements, in the order of LIKENESS."""
        hidden = on_grey(self.hidden)
        return np.mean([likeness(self.assembled(found), hidden) for found in placements], 0)

    def _blindly(self, count: int) -> list[Placement]:
        random = np.random.default_rng(0)
        grid = self.shuffle.rows, self.shuffle.cols
        return [random_placement(*grid, self._rules, random) for _ in range(count)]
