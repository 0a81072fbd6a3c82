"""Decision stumps: what single feature of a file, or pair of features, tells containers from covers.

A tree of depth 1 or 2 is chosen on one half of the covers, each with its container, and measured on the other half.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.statistics import share_interval
from study.film_features import FormFeatures

FAULT = 0.55  # share of right decisions above which a tree has found something
_MOST_VALUES, _LEAST_FILES = 12, 3  # of a text: values that become a column each, and files that must have one
_CUTS = 12  # thresholds of a column that are tried


@dataclass(frozen=True)
class Table:
    """Features of pairs of covers and containers, (2, N, F) float32: covers first."""

    names: list[str]
    values: np.ndarray
    groups: np.ndarray  # (N,) a number for each pair; pairs of one number stay in one half


@dataclass(frozen=True)
class Tree:
    """A decision tree of one or two features, and how it did on covers that it was not chosen on."""

    names: tuple[str, ...]
    right: float
    low: float
    high: float
    pairs: int  # of the half it was measured on

    @property
    def is_fault(self) -> bool:
        """True if it tells containers in more than 55 %, and more than by chance."""
        return self.right > FAULT and self.low > 0.5


def table_of(covers: Sequence[FormFeatures], containers: Sequence[FormFeatures], groups: Sequence[int]) -> Table:
    """Columns for all features: numbers as they are, −1 where a file has none; a column for each common text."""
    both = [*covers, *containers]
    names, columns = [], []
    for name in sorted({name for each in both for name in each}):
        values = [each.get(name, "") for each in both]
        numbers = [value for value in values if not isinstance(value, str)]
        if numbers:
            names.append(name)
            columns.append([-1.0 if isinstance(value, str) else float(value) for value in values])
        texts = Counter(value for value in values if isinstance(value, str))
        for text, count in texts.most_common(_MOST_VALUES):
            if _LEAST_FILES <= count < len(both):
                names.append(f"{name} = {text}" if text else f"no {name}")
                columns.append([float(value == text) for value in values])
    matrix = np.array(columns, np.float32).T.reshape(2, len(covers), len(names))
    chosen = (matrix != matrix[:1, :1]).any((0, 1))
    return Table(
        [name for name, used in zip(names, chosen, strict=True) if used], matrix[..., chosen], np.array(groups)
    )


def halves(groups: np.ndarray, seed: int) -> np.ndarray:
    """(N,) bool: True for pairs to choose a tree on; groups are drawn, none is divided."""
    kinds = np.unique(groups)
    drawn = np.random.default_rng(seed).permutation(kinds)[: (len(kinds) + 1) // 2]
    return np.isin(groups, drawn)


def best_tree(table: Table, depth: int, seed: int) -> Tree:
    """The tree of depth 1 or 2 that is best on one half of the pairs, measured on the other."""
    first = halves(table.groups, seed)
    columns, levels = _thresholds(table.values[:, first])
    count = int((~first).sum())
    if not len(levels) or not count:
        return Tree((), 0.5, *share_interval(0.5, max(1, count)), count)
    below = [_below(table.values[:, half], columns, levels) for half in (first, ~first)]
    cuts = _best_single(below[0]) if depth == 1 else _best_pair(below[0], columns)
    share = _measured(below[1], cuts, _verdicts(below[0], cuts))
    names = tuple(dict.fromkeys(table.names[columns[cut]] for cut in cuts))
    return Tree(names, share, *share_interval(share, count), count)


def faults(table: Table, depth: int, seed: int, most: int = 12) -> list[Tree]:
    """Trees that tell containers, one after the other, each without the features of those before; then the one that
    does not."""
    found = []
    while len(found) < most:
        tree = best_tree(table, depth, seed)
        found.append(tree)
        if not tree.is_fault:
            break
        kept = [index for index, name in enumerate(table.names) if name not in tree.names]
        table = Table([table.names[index] for index in kept], table.values[..., kept], table.groups)
    return found


def _thresholds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column and threshold of every cut: between values, or between quantiles where there are many."""
    columns, cuts = [], []
    for column in range(values.shape[-1]):
        levels = np.unique(values[..., column])
        between = (levels[1:].astype(np.float64) + levels[:-1]) / 2
        if len(between) > _CUTS:
            places = np.unique(np.quantile(values[..., column], np.linspace(0, 1, _CUTS + 2)[1:-1]))
            between = np.unique(between[np.searchsorted(between, places).clip(0, len(between) - 1)])
        columns += [column] * len(between)
        cuts += between.tolist()
    return np.array(columns, int), np.array(cuts)


def _below(values: np.ndarray, columns: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(2, N, cuts) float32, 1 where a file is below a cut."""
    return (values[..., columns] <= levels).astype(np.float32)


def _excess(below: np.ndarray) -> np.ndarray:
    """(cuts,) containers below each cut, less covers."""
    return below[1].sum(0) - below[0].sum(0)


def _best_single(below: np.ndarray) -> tuple[int, ...]:
    return (int(np.abs(_excess(below)).argmax()),)


def _best_pair(below: np.ndarray, columns: np.ndarray) -> tuple[int, ...]:
    """A cut for all files, one for those below it, and one for those above, both of a single column."""
    single = _excess(below)
    joint = below[1].T @ below[1] - below[0].T @ below[0]  # (root, cut): below both
    rest = single[None] - joint
    # As many containers as covers in all: those above the root exceed them by what those below lack.
    under = np.abs(joint) + np.abs(single[:, None] - joint)
    over = np.abs(rest) + np.abs(-single[:, None] - rest)
    starts = np.flatnonzero(np.diff(columns, prepend=-1))
    total = np.maximum.reduceat(under, starts, 1) + np.maximum.reduceat(over, starts, 1)
    root, column = np.unravel_index(total.argmax(), total.shape)
    inside = np.flatnonzero(columns == columns[starts[column]])
    return int(root), *(int(inside[side[root, inside].argmax()]) for side in (under, over))


def _leaves(below: np.ndarray, cuts: tuple[int, ...]) -> np.ndarray:
    """(2, N) number of the leaf of each file."""
    side = below[..., cuts[0]].astype(int)
    if len(cuts) == 1:
        return side
    return 2 * side + np.where(side == 1, below[..., cuts[1]], below[..., cuts[2]]).astype(int)


def _verdicts(below: np.ndarray, cuts: tuple[int, ...]) -> np.ndarray:
    """(4,) 1 where containers are more frequent, −1 where covers are, 0 where both are equal."""
    covers, containers = (np.bincount(each, minlength=4) for each in _leaves(below, cuts))
    return np.sign(containers - covers)


def _measured(below: np.ndarray, cuts: tuple[int, ...], verdicts: np.ndarray) -> float:
    """Share of right decisions; a leaf without a verdict counts half."""
    said = verdicts[_leaves(below, cuts)]
    return float(((1 - said[0]) / 2).mean() + ((1 + said[1]) / 2).mean()) / 2
