"""The grid in which a container hides for a channel, and its place in the pictures that arrive."""

from collections.abc import Collection, Iterator

import numpy as np

from stegnet.channels import Crop, PictureChannel
from stegnet.core.errors import CapacityError
from stegnet.methods.robust.grid import Grid, own_grid, surviving_canonical_grids
from stegnet.methods.robust.operating_points import SHARES
from stegnet.methods.robust.tile_map import LEAST_SIDE


def surviving_grids(channel: PictureChannel, height: int, width: int) -> list[Grid]:
    """Return the grids in which a cover of this size may hide for a channel, the larger first.

    Raises CapacityError if the cover is too small for the channel.
    """
    grids = [own_grid(height, width)]
    if channel.factor is not None:
        grids = surviving_canonical_grids(height, width, channel.factor)
    small_part = channel.part is not None and channel.part * min(height, width) < LEAST_SIDE
    if not grids or small_part:
        hint = "use a larger cover"
        if small_part:
            hint += f", or a larger share: sides of parts have {LEAST_SIDE} pixels or more"
        raise CapacityError(f"a cover of {width}×{height} is too small to survive {channel}", hint)
    return grids


def surviving_shares(channel: PictureChannel) -> int:
    """Return the number of shares of the blocks that a record may use: cropped copies are found by all blocks."""
    return 1 if channel.cropped and channel.factor is not None else SHARES


def received(
    channel: PictureChannel,
    sent: np.ndarray,
    grid: Grid,
    worst_only: bool = False,
    only: Collection[int] | None = None,
) -> Iterator[tuple[np.ndarray, Grid]]:
    """Yield the pictures that may arrive, (H, W, 3) uint8 each, with the container's grid in them.

    Args:
        channel: the channel that is simulated.
        sent: the container as viewers show it.
        grid: the container's grid of blocks.
        worst_only: yield only the worst case, as `PictureChannel.arrivals`.
        only: numbers of the pictures that are wanted, as there.
    """
    for pixels, crop in channel.arrivals(sent, worst_only, only):
        yield pixels, _placed(grid, sent.shape, crop)


def _placed(grid: Grid, sent: tuple[int, ...], crop: Crop) -> Grid:
    """Return the grid of a container of this size as it lies in a copy that was cropped."""
    if grid.own:
        return grid.placed(crop.top, crop.left)
    exactness = 0.5  # pixels of a grid, with which readers place a cropped copy
    # Pixels of the grid that the copy lacks at its edges, rounded to the accuracy of readers.
    sizes = zip(crop, 2 * (grid.height, grid.width), 2 * sent[:2], strict=True)
    return grid.placed(*(round(cut * side / whole / exactness) * exactness for cut, side, whole in sizes))
