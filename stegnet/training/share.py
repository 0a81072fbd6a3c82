"""The part of every batch that one process computes, itself computed in parts."""

from collections.abc import Iterator
from dataclasses import dataclass

from stegnet.core.config import TrainConfig
from stegnet.core.ranks import rank, world_size


@dataclass(frozen=True)
class Share:
    """Some pairs of a batch, one after another.

    Attributes:
        batch: pairs in a whole batch.
        start: place of the first pair in the batch.
        size: number of pairs.
        count: number of parts; divides the size.
    """

    batch: int
    start: int
    size: int
    count: int

    @classmethod
    def mine(cls, config: TrainConfig) -> "Share":
        """The share of this process."""
        size = config.batch // world_size()
        return cls(config.batch, rank() * size, size, config.accumulate)

    def pairs(self, step: int) -> range:
        """The indices of the pairs that are needed for a step."""
        first = step * self.batch + self.start
        return range(first, first + self.size)

    def parts(self) -> Iterator[tuple[slice, slice]]:
        """Each part's place in the share, and in the whole batch."""
        size = self.size // self.count
        for first in range(0, self.size, size):
            yield slice(first, first + size), slice(self.start + first, self.start + first + size)
