"""The JPEG that a robust container is written as, which keeps its cover's coefficients where nothing is hidden."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from stegnet.core.disk import temporary_folder
from stegnet.core.pixels import BLOCK, DCT_BASIS, coefficients, strips
from stegnet.formats.opened_file import OpenedFile
from stegnet.image.pictures import exif_orientation, ignoring_warnings, read_cover
from stegnet.jpeg.cover import JpegCover
from stegnet.jpeg.samples import edge_blocks
from stegnet.methods.robust.grid import LUMA_SHARES

_TURN = Image.Transpose
_AS_STORED = {  # by EXIF orientation: turns upright pixels back as they are stored
    2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM, 5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_90,
    7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_270,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class JpegContainer:
    """The JPEG that a container is written as: the cover or one made of it, with its luma changed where bits are."""

    cover: JpegCover

    @property
    def coarse(self) -> bool:
        """True if it keeps the cover's own quantisation steps, which may be as coarse as the channel's."""
        return self.cover.errors is None

    def planes(self, container: np.ndarray) -> list[np.ndarray]:
        """Return the planes of a container, (H, W, 3) uint8."""
        height, width = container.shape[:2]
        change = np.empty((height, width), np.float32)  # of luma, first upright, then as it is stored
        for rows in strips(height, width):
            change[rows] = (container[rows].astype(np.float32) - self.cover.file.pixels[rows]) @ LUMA_SHARES
        with ignoring_warnings, Image.open(BytesIO(self.cover.picture.file.data)) as image:
            turn = _AS_STORED.get(exif_orientation(image))
        if turn is not None:
            change = np.asarray(Image.fromarray(change).transpose(turn))

        luma, *chroma = self.cover.picture.planes
        rows_of_blocks, cols_of_blocks = luma.shape[:2]
        padded = np.zeros((BLOCK * rows_of_blocks, BLOCK * cols_of_blocks), np.float32)
        padded[: len(change), : change.shape[1]] = change
        exact = coefficients(padded) / self.cover.picture.quanta(0).astype(np.float32)
        changed_blocks = (exact != 0).any(2) & ~edge_blocks(self.cover.picture)
        exact = exact[changed_blocks] + (0 if self.cover.errors is None else self.cover.errors[changed_blocks])
        largest = np.array([2047, *[1023] * 63])  # coefficients that an 8-bit JPEG can code
        luma = luma.copy()
        luma[changed_blocks] = np.clip(luma[changed_blocks] + np.rint(exact), -largest, largest)
        return [luma, *chroma]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Return the pixels that viewers show of a container, (H, W, 3) uint8.

        A picture of another shape, such as sample squares of the container, must be of whole blocks: its luma is
        rounded by the cover's quantisation table.
        """
        if picture.shape != self.cover.file.pixels.shape:
            middle = 128
            steps = self.cover.picture.quanta(0).astype(np.float32)
            luma = picture @ LUMA_SHARES - middle
            rounded = np.rint(coefficients(luma) / steps) * steps @ DCT_BASIS.astype(np.float32)
            rows, cols = (side // BLOCK for side in luma.shape)
            shown = rounded.reshape(rows, cols, BLOCK, BLOCK).swapaxes(1, 2).reshape(luma.shape)
            levels: np.ndarray = np.rint((picture + (shown - luma)[..., None]).clip(0, 255)).astype(np.uint8)
            return levels
        with temporary_folder() as folder:
            path = folder / "container.jpg"
            path.write_bytes(self.cover.picture.with_planes(self.planes(picture)))
            with OpenedFile(path, quiet=True) as file:
                return read_cover(file)[0]
