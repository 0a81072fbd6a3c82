"""The method "transparent": any file, byte for byte, in the visible pixels of a picture, which stays as transparent."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.names import PICTURE
from stegnet.core.text import Setting, Text
from stegnet.image.pictures import TRANSPARENT
from stegnet.keys import KeySource, Opener
from stegnet.media.claims import signs_colours
from stegnet.media.cover import Cover
from stegnet.media.evidence.copies import regular_areas
from stegnet.media.evidence.pictures import layers_evidence
from stegnet.media.picture_form import write_like
from stegnet.methods.hiding import SamplesContainer, found_file_by
from stegnet.methods.medium import Medium, MediumMethod, MediumOptions, SampleMedium, WrittenMedium
from stegnet.methods.method import Context, FoundSecret, MethodInfo
from stegnet.methods.pixel_medium import check_pixels, secure_in
from stegnet.record import Container
from stegnet.results import Changes
from stegnet.sealing import PIXELS, Costs, texture_costs


class TransparentMethod(MediumMethod[MediumOptions]):
    """Any file, byte for byte, in a picture that stays as transparent as it was."""

    info = MethodInfo(
        name="transparent",
        summary="any file, byte for byte, in a picture that stays transparent",
        description="""\
The method "transparent", used where COVER can be transparent and OUT is a PNG,
hides any file by changes of ±1 (up to 4.4 bits per pixel) to the
pixels that can be seen, encrypted. Opacity stays bit for bit, and so does the
colour of what can't be seen.

  $ stegnet hide logo.png letter.pdf --key-file k -o sent.png
""",
        covers=(PICTURE,),
        forms=MappingProxyType({PICTURE: (".png",)}),
        preference=4,
        options=MediumOptions,
        shared=("compress", "at_most_safe"),
        albums=True,
    )
    what = "any file (the PNG stays transparent)"

    def keeps_form_of(self, cover: Cover) -> bool:
        """Return True for a picture that can be transparent."""
        return cover.is_transparent

    def open(self, cover: Cover, options: MediumOptions, suffix: str, key: KeySource) -> Medium:
        """Return the samples of visible pixels. Raises CapacityError if the cover can't be transparent."""
        cover.once("pixels", check_pixels)
        if not cover.is_transparent:
            raise CapacityError(
                "can't be transparent", Text("use ", Setting("method", "auto"), ", which chooses"), subject=cover
            )
        return cover.once(self.info.name, OpacityMedium)

    def find(self, container: Container, context: Context) -> FoundSecret | None:
        """Find a file in the visible pixels of a transparent picture in which no other record opens."""
        if container.first.record is not None or not container.file.is_transparent:
            return None
        return found_file_by(_opened, container, context, self.info.name)


def _opened(file: Cover, key_source: Opener) -> Container:
    """Open the visible pixels of a picture."""
    medium = OpacityMedium(file)
    return SamplesContainer(file, key_source, medium.samples, medium.model)


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
        self.model = PIXELS if opacity.min() == 255 else replace(PIXELS, context=digest)
        self._regular = regular_areas(self._layers[..., :3])
        self.condition = cover.condition()
        signed = "a picture whose opacity has a signature of its colours" if signs_colours(opacity) else None
        evidence = layers_evidence(self._layers)
        self.history = cover.lossy_format or signed or evidence.proof or cover.unknown_png
        self.secure = secure_in(self._regular[self._visible], self.channels, evidence.changes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self._layers.shape[:2]
        return height, width

    def costs(self) -> Costs:
        """Return costs that are low in texture, and none in regular areas."""
        shape = self.samples.shape
        return Costs(
            *(each[self._visible].reshape(shape) for each in texture_costs(self._layers[..., :3], self._regular))
        )

    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        """Write the picture as PNG, in the form of the cover if that is one; its opacity stays."""
        layers = self._layers.copy()
        layers[self._visible, :3] = sealed.reshape(-1, 3)
        notes = write_like(self._cover, self._profile, part, layers)
        changes = Changes.of(self.samples, sealed)
        figures = {
            "cover_pixels": sealed[..., 0].size,
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
        }
        return WrittenMedium(tuple(line for line in notes if TRANSPARENT not in line), figures)
