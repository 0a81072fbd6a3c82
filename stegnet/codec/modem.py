"""A learned modem at work on 8-bit pictures: two networks that hide bits, which survive lossy codecs, and read them.

A *rung* is a trade of bits against robustness. Each has bits of its own in every block of 8×8 pixels; a container uses
those of one rung, and all are read at once. A keyed *dither* shifts what a coefficient's value means: without it, the
bits can't be read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.codec.network import Step, Tile, no_step, tiles
from stegnet.core.card import MODEM, SHIPPED_MODEM, read_card, weights_id
from stegnet.core.errors import WeightsError
from stegnet.core.jpeg import BLOCK
from stegnet.core.samples import from_8_bits, to_8_bits
from stegnet.engines import Engine, load_engine


@dataclass(frozen=True)
class Rung:
    """A trade of bits against robustness that a modem has learnt.

    Attributes:
        name: that of the channel it is meant for, such as "jpeg-75".
        first, bits: of each block.
        psnr: of its containers in dB.
        lowest, highest: JPEG quality that it was trained for.
    """

    name: str
    first: int
    bits: int
    psnr: float
    lowest: int
    highest: int

    @property
    def places(self) -> slice:
        """Its bits among all of a block."""
        return slice(self.first, self.first + self.bits)

    @property
    def channel(self) -> str:
        """The channel that the name says, as users write it: "jpeg:75"."""
        return self.name.replace("-", ":")


@dataclass(frozen=True)
class Modem:
    """A modem that is ready to compute.

    Attributes:
        engine: runs its networks `hide` and `reveal`.
        weights: id of the weights file.
        rungs: all that a container may have.
    """

    engine: Engine
    weights: str
    rungs: Sequence[Rung]

    @property
    def bits(self) -> int:
        """Bits of all rungs in each block."""
        return sum(rung.bits for rung in self.rungs)

    @classmethod
    def load(
        cls, path: Path = SHIPPED_MODEM, device: str = "auto", precision: str = "auto", backend: str = "auto"
    ) -> Self:
        """Loads the modem in a weights file; arguments and errors as `load_engine`."""
        rungs = read_rungs(path)
        return cls(load_engine(path, backend, device, precision), weights_id(path), rungs)

    def hide(self, cover: np.ndarray, bits: np.ndarray, dither: np.ndarray, step: Step = no_step) -> np.ndarray:
        """Hides bits in a cover.

        Args:
            cover: (H, W, 3) uint8, sides multiples of 8.
            bits: (H/8, W/8, K) float32: −1, 1, or 0 for a bit that is not used.
            dither: (H/8, W/8, 64) float32 in [0, 1).
            step: called after each tile of a large picture.
        Returns:
            The container, (H, W, 3) uint8.
        Raises:
            CapacityError: there is not enough memory.
        """
        container = np.empty_like(cover, order="C")
        for tile in _counted(cover, step):
            blocks = _in_blocks(tile)
            given = np.concatenate([blocks.around(bits), blocks.around(dither)], 2)
            exact = self.engine.hide(from_8_bits(tile.around(cover)), given)
            tile.part(container)[:] = to_8_bits(tile.inside(exact))
        return container

    def reveal(self, container: np.ndarray, dither: np.ndarray, step: Step = no_step) -> np.ndarray:
        """Log-likelihood ratios, (H/8, W/8, K) float32: positive for bits that are likely 1; arguments as `hide`."""
        rows, cols = (side // BLOCK for side in container.shape[:2])
        ratios = np.empty((rows, cols, self.bits), np.float32)
        for tile in _counted(container, step):
            blocks = _in_blocks(tile)
            some = np.ascontiguousarray(blocks.around(dither))
            blocks.part(ratios)[:] = blocks.inside(self.engine.reveal(from_8_bits(tile.around(container)), some))
        return ratios


def read_rungs(path: Path) -> tuple[Rung, ...]:
    """The rungs of a modem's weights file, read from its card.

    Raises:
        WeightsError: there is no such file, or it holds no modem.
    """
    card = read_card(path)
    if card.model != MODEM:
        raise WeightsError(f"{path}: these weights hide pictures, not bits", f"they are of the family {card.model}")
    rungs, first = [], 0
    try:
        for rung in card.options["rungs"]:
            known = {field.name: rung[field.name] for field in fields(Rung) if field.name != "first"}
            rungs.append(Rung(first=first, **known))
            first += rungs[-1].bits
    except (KeyError, TypeError) as error:
        hint = "it is damaged, or of another version"
        raise WeightsError(f"{path}: its card does not say what it hides", hint) from error
    return tuple(rungs)


def _counted(picture: np.ndarray, step: Step) -> Iterator[Tile]:
    """The tiles of a picture; `step` is called after each, unless there is only one."""
    cut = tiles(*picture.shape[:2], None)
    for done, tile in enumerate(cut, 1):
        yield tile
        if len(cut) > 1:
            step(done, len(cut))


def _in_blocks(tile: Tile) -> Tile:
    """A tile as a part of an array that has one row and column for each of the blocks."""
    spans = (tile.rows, tile.cols, tile.outer_rows, tile.outer_cols)
    return Tile(*(slice(span.start // BLOCK, span.stop // BLOCK) for span in spans))
