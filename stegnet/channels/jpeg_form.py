"""The form in which a program writes JPEGs: quantisation tables and chroma sampling, and pictures saved with them."""

import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.pixels import LUMA_QUANTA, ZIGZAG
from stegnet.formats.opened_file import FileInMemory, OpenedFile
from stegnet.jpeg.coefficients import JpegPicture, read_jpeg

Sampling = tuple[int, int]

SAMPLINGS: dict[Sampling, str] = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}

MOST_STEP = 255  # of the tables of a baseline JPEG; others have up to 65,535


@dataclass(frozen=True)
class JpegForm:
    """Tables and sampling of JPEGs that a program writes.

    Attributes:
        steps: the quantisation table of each component, (64,) in zigzag order: one of a grey picture, else three.
        factors: the sampling factors of each component, across and down.
    """

    steps: tuple[tuple[int, ...], ...]
    factors: tuple[Sampling, ...]

    @classmethod
    def of(cls, jpeg: JpegPicture) -> "JpegForm":
        """Return the form of a JPEG; `check` refuses one that can't be saved again."""
        return cls(
            tuple(tuple(jpeg.quanta(number).tolist()) for number in range(len(jpeg.planes))),
            tuple((component.across, component.down) for component in jpeg.file.components),
        )

    def check(self, subject: object) -> None:
        """Raise MediaError, with a subject, unless it is grey, 4:4:4, 4:2:2 or 4:2:0, of steps 1 to MOST_STEP."""
        if not self.is_supported:
            hint = f"only {', '.join(SAMPLINGS.values())} and grey are supported"
            raise MediaError("its chroma sampling is a rare one", hint, subject)
        if min(map(min, self.steps)) < 1:
            raise MediaError("a quantisation table of it has a step of 0, and is damaged", subject=subject)
        if max(map(max, self.steps)) > MOST_STEP:
            hint = f"only steps up to {MOST_STEP} are supported"
            raise MediaError("its quantisation tables are of 16 bits", hint, subject)

    @property
    def is_supported(self) -> bool:
        """True if it is grey, or both chroma components are sampled in the same, usual way."""
        (across, down), *chroma = self.factors
        if not chroma:
            return True
        one, other = chroma
        return one == other and not (across % one[0] or down % one[1]) and self.sampling in SAMPLINGS

    @property
    def sampling(self) -> Sampling:
        """Luma samples for each chroma sample, across and down; (1, 1) for a grey picture."""
        across, down = self.factors[-1]
        return self.factors[0][0] // across, self.factors[0][1] // down

    @property
    def is_grey(self) -> bool:
        """True if the JPEGs have luma only."""
        return len(self.steps) == 1

    @property
    def quality(self) -> int | None:
        """The quality by which libjpeg scales its tables to these; None if it does not."""
        usual = np.array(LUMA_QUANTA)[ZIGZAG]
        for quality in range(1, 101):
            scale = 5000 // quality if quality < 50 else 200 - 2 * quality  # jpeg_quality_scaling of libjpeg
            if np.array_equal(((usual * scale + 50) // 100).clip(1, 255), self.steps[0]):
                return quality
        return None

    def stored(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels that are saved: (H, W) luma of (H, W, 3) if the form is grey, else as they are."""
        return np.asarray(Image.fromarray(pixels).convert("L")) if self.is_grey and pixels.ndim == 3 else pixels

    def saved(self, pixels: NDArray[np.uint8]) -> bytes:
        """Return (H, W, 3) uint8, or (H, W) grey, as libjpeg saves it in this form, by its integer DCT ("islow")."""
        natural = np.empty((len(self.steps), 64), np.int64)
        natural[:, ZIGZAG] = self.steps
        tables = natural[: 1 if self.is_grey else 2 if self.steps[1] == self.steps[2] else 3].tolist()
        file = io.BytesIO()
        chroma = {} if self.is_grey else {"subsampling": SAMPLINGS[self.sampling]}
        Image.fromarray(self.stored(pixels)).save(file, "JPEG", qtables=tables, **chroma)
        return file.getvalue()


def jpeg_of(data: bytes, name: str) -> JpegPicture:
    """Read the coefficients of a JPEG in memory, which errors call by a name; they are those of `read_jpeg`."""
    with OpenedFile(FileInMemory(name, data), quiet=True) as file:
        return read_jpeg(file)


def in_form(form: JpegForm, jpeg: JpegPicture) -> JpegPicture:
    """Return a JPEG with the sampling factors of a form; they differ from its own by a common factor, if at all."""
    components = tuple(
        replace(component, across=across, down=down)
        for component, (across, down) in zip(jpeg.file.components, form.factors, strict=True)
    )
    return replace(jpeg, file=replace(jpeg.file, components=components))
