"""A method of hiding in one file, which shows what another one needs: a medium, and the way to open it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stegnet.core.names import PICTURE
from stegnet.hiding import MethodOptions, option
from stegnet.hiding.found_file import SamplesContainer
from stegnet.hiding.medium import Medium, MediumMethod, SampleMedium, WrittenMedium
from stegnet.hiding.method import MethodInfo
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.png.writing import write_like
from stegnet.record import Container
from stegnet.results import SecurePayload
from stegnet.sealing import PIXELS, Costs


@dataclass(frozen=True)
class ToyOptions(MethodOptions):
    """Options of the method "toy"."""

    top: int = option(0, "rows at the top that stay as they are", "ROWS", (0, 1000))


class Toy(MediumMethod[ToyOptions]):
    """Any file in the green of a picture."""

    info = MethodInfo("toy", "any file, in the green of a picture", ToyOptions, covers=(PICTURE,))

    def open(self, cover: Cover, options: ToyOptions, suffix: str, key: KeySource) -> Medium:
        return Green(cover, options.top)

    def container_in(self, container: Container) -> Container:
        return SamplesContainer(container.file, container.key_source, Green(container.file).samples, Green.rules)


class Green(SampleMedium):
    """Green samples of a picture, all equally costly."""

    rules = replace(PIXELS, context=b"toy")
    secure = SecurePayload(samples=0, rate=0, measured=1)
    history = None

    def __init__(self, cover: Cover, top: int = 0) -> None:
        self._cover = cover
        self.condition = cover.condition()
        self.samples = cover.pixels[..., 1:2]
        self.fixed = np.indices(self.samples.shape)[0] < top

    def costs(self) -> Costs:
        return Costs(np.ones_like(self.samples), np.ones_like(self.samples))

    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        pixels = np.dstack([self._cover.pixels[..., 0], sealed, self._cover.pixels[..., 2]])
        return WrittenMedium(write_like(self._cover, None, part, pixels), {})
