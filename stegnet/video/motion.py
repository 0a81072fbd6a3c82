"""Motion in a film, as x264 finds it: where in the frames before and after it each block is predicted from."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stegnet.core.pixels import BLOCK
from stegnet.video.coding import Coding
from stegnet.video.films import decoded, open_film, picture_stream

# Each frame is predicted from at most one before and one after, in parts no smaller than a block, whatever it costs.
SEARCH = Coding(20, "veryfast", paced=True, params="ref=1:b-pyramid=none:weightp=0:mbtree=0:partitions=p8x8,b8x8")


@dataclass(frozen=True)
class Motion:
    """Motion of the blocks of a frame."""

    # before, after: offset (down, across) in pixels from each block to its prediction in the previous, or next, frame
    # that is not between others; (rows, cols, 2) float32, nan if it is not predicted from that frame
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def none(cls, shape: tuple[int, int]) -> "Motion":
        """Return the motion of rows and columns of blocks that stand still."""
        return cls(*np.zeros((2, *shape, 2), np.float32))

    def follow(self, before: np.ndarray, after: np.ndarray | None, share: float) -> np.ndarray:
        """Return values that move with a frame, (H, W) float32, from those of the frames before and after.

        Args:
            before: values of the frame before, (H, W).
            after: values of the frame after, (H, W); None if they are not known.
            share: weight of `before` where a block is predicted from both.
        """
        from_before = _moved(before, self.before)
        known = ~np.isnan(self.before[..., 0])
        if after is None:
            still: np.ndarray = from_before * _of_pixels(known) + np.float32(0)
            return still
        from_after = _moved(after, self.after)
        known_after = ~np.isnan(self.after[..., 0])
        weights = np.where(known & known_after, np.float32(share), known.astype(np.float32))
        from_after *= _of_pixels(np.where(known_after, 1 - weights, 0))
        followed: np.ndarray = from_before * _of_pixels(weights) + from_after
        return followed


def motion_of(film: Path) -> Generator[Motion, None, None]:
    """Yield the motion of each frame of a film that was written by `SEARCH`, in order."""
    with open_film(film) as source:
        stream = picture_stream(source, film)
        stream.codec_context.options = {"flags2": "+export_mvs"}
        shape = stream.height // BLOCK, stream.width // BLOCK
        for frame in decoded(source, stream, film):
            motion_vectors = frame.side_data.get("MOTION_VECTORS")
            vectors = np.empty(0, [("source", np.int32)]) if motion_vectors is None else motion_vectors.to_ndarray()
            yield Motion(*(_of_blocks(vectors[np.sign(vectors["source"]) == side], shape) for side in (-1, 1)))


def _of_blocks(vectors: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the motion of each block, (rows, cols, 2) float32, from the vectors of parts of a frame."""
    made = np.full((*shape, 2), np.nan, np.float32)
    for size in np.unique(vectors[["w", "h"]]) if vectors.size else ():
        of_size = vectors[vectors[["w", "h"]] == size]
        rows = (of_size["dst_y"] - int(size["h"]) // 2) // BLOCK
        cols = (of_size["dst_x"] - int(size["w"]) // 2) // BLOCK
        motion = np.stack([of_size["motion_y"], of_size["motion_x"]], 1) / of_size["motion_scale"][:, None]
        for down, across in np.ndindex(max(1, int(size["h"]) // BLOCK), max(1, int(size["w"]) // BLOCK)):
            inside = (rows + down < shape[0]) & (cols + across < shape[1])
            made[rows[inside] + down, cols[inside] + across] = motion[inside]
    return made


def _moved(values: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return values, (H, W), taken from where each block comes from, with bilinear interpolation between pixels."""
    rows, cols, _ = motion.shape
    corners = np.moveaxis(np.mgrid[:rows, :cols] * BLOCK, 0, -1) + np.nan_to_num(motion) + BLOCK
    limits = np.array(values.shape) + BLOCK - 1
    corners = np.clip(corners, 0, limits)
    whole = corners.astype(np.int32)
    down, across = np.moveaxis((corners - whole).astype(np.float32), -1, 0)[..., None, None]
    patches = sliding_window_view(np.pad(values, (BLOCK, 2 * BLOCK), "edge"), (BLOCK + 1, BLOCK + 1))
    patch = patches[whole[..., 0], whole[..., 1]]
    patch = patch[:, :, :-1] + down * (patch[:, :, 1:] - patch[:, :, :-1])
    patch = patch[..., :-1] + across * (patch[..., 1:] - patch[..., :-1])
    moved: np.ndarray = patch.swapaxes(1, 2).reshape(rows * BLOCK, cols * BLOCK)
    return moved


def _of_pixels(blocks: np.ndarray) -> np.ndarray:
    return blocks.astype(np.float32).repeat(BLOCK, 0).repeat(BLOCK, 1)
