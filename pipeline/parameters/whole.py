"""All of params.yaml, as stage check asks for it."""

from dataclasses import dataclass

from pipeline.parameters.data import DataConfig
from pipeline.parameters.detect import DetectParameters
from pipeline.parameters.shared import Section
from pipeline.parameters.training import TrainParameters
from pipeline.parameters.video import VideoParameters


@dataclass(frozen=True)
class Config(Section, TrainParameters, DetectParameters, VideoParameters):
    """All sections; an unknown one is refused."""

    data: DataConfig
