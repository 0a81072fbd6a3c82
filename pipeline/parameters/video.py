"""Section video: the films of the demonstration."""

from dataclasses import dataclass

from pydantic import StrictStr

from pipeline.parameters.shared import MeasureParameters, Section

PUBLIC_KEY = "public"  # value of video.key: the key that everybody has


@dataclass(frozen=True)
class VideoConfig(Section):
    """Films of the demonstration, and the key by which one is hidden."""

    cover: StrictStr
    secret: StrictStr
    key: StrictStr


@dataclass(frozen=True)
class VideoParameters(MeasureParameters):
    """Parameters of stage video."""

    video: VideoConfig
