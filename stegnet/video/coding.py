"""Settings of x264, which writes lossy films."""

from dataclasses import dataclass
from enum import IntEnum

ENCODER = "libx264"
PACE = 4  # frames
_KEY_EVERY = 240  # frames; x264 itself would set a key frame after 250


class PictureType(IntEnum):
    """Types of coded frames, as FFmpeg numbers them (AVPictureType)."""

    NONE = 0  # the encoder chooses
    I = 1  # noqa: E741  # the field's name
    P = 2
    B = 3


@dataclass(frozen=True)
class Coding:
    """Settings of x264."""

    crf: int  # constant rate factor
    preset: str = "fast"  # its speed
    # x264 predicts every PACE-th frame from earlier ones, and those between from both sides
    paced: bool = False
    params: str = ""  # further parameters of x264

    @property
    def options(self) -> dict[str, str]:
        """Options of the encoder."""
        options = {"crf": str(self.crf), "preset": self.preset}
        if self.paced:
            options["forced-idr"] = "1"
        if self.x264_params:
            options["x264-params"] = self.x264_params
        return options

    @property
    def x264_params(self) -> str:
        """Settings in x264's own notation."""
        # x264 writes its settings into the film. These say how frames are paced, as they would for anyone who sets it
        # in ffmpeg.
        paced = f"bframes={PACE - 1}:b-adapt=0:scenecut=0:keyint={_KEY_EVERY}"
        return ":".join(filter(None, (paced if self.paced else "", self.params)))

    def kind_of(self, index: int, count: int) -> PictureType:
        """Return the type that frame `index` of `count` should have."""
        if not self.paced:
            return PictureType.NONE
        if index % _KEY_EVERY == 0:
            return PictureType.I
        return PictureType.P if index % PACE == 0 or index == count - 1 else PictureType.B
