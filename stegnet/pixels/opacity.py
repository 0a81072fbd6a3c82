"""The visible pixels of a picture with opacity as a medium."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from stegnet.hiding.medium import SampleMedium, WrittenMedium
from stegnet.image.pictures import TRANSPARENT
from stegnet.media.claims import signs_colours
from stegnet.media.cover import Cover
from stegnet.media.evidence.copies import regular_areas
from stegnet.media.evidence.pictures import layers_evidence
from stegnet.pixels.forms import write_picture
from stegnet.pixels.medium import secure_in
from stegnet.results import Changes
from stegnet.sealing import PIXELS, Costs, texture_costs


class OpacityMedium(SampleMedium):
    """Red, green and blue of pixels that aren't fully transparent, (1, n, 3) uint8; (H, W, 3) if all are visible."""

    def __init__(self, cover: Cover) -> None:
        self._cover = cover
        self._layers, self._profile = cover.layers
        opacity = self._layers[..., 3]
        self._visible = opacity > 0
        seen = self._layers[self._visible, :3]
        self.samples = seen.reshape(*self.size, 3) if self._visible.all() else seen[None]
        size = np.array(opacity.shape, ">u4").tobytes()
        digest = sha256(b"stegnet/1/transparent" + size + opacity.tobytes()).digest()
        self.rules = PIXELS if opacity.min() == 255 else replace(PIXELS, context=digest)
        self._regular = regular_areas(self._layers[..., :3])
        self.condition = cover.condition()
        signed = "a picture whose opacity has a signature of its colours" if signs_colours(opacity) else None
        evidence = layers_evidence(self._layers)
        self.history = cover.lossy_format or signed or evidence.proof or cover.unknown_png
        self.secure = secure_in(self._regular[self._visible], self.channels, evidence.changes)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self._layers.shape[:2]
        return height, width

    def costs(self) -> Costs:
        shape = self.samples.shape
        return Costs(
            *(each[self._visible].reshape(shape) for each in texture_costs(self._layers[..., :3], self._regular))
        )

    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        """Write the picture as PNG, in the form of the cover if that is one; its opacity stays."""
        layers = self._layers.copy()
        layers[self._visible, :3] = sealed.reshape(-1, 3)
        notes = write_picture("", self._cover, self._profile, part, layers)
        changes = Changes.of(self.samples, sealed)
        figures = {
            "cover_pixels": sealed[..., 0].size,
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
        }
        return WrittenMedium(tuple(line for line in notes if TRANSPARENT not in line), figures)
