"""What tests share of the modules for parameters and data, whose packages have no face."""

from pathlib import Path
from typing import Any

from pipeline.config import changed, check as check_as, flatten, parse, read
from pipeline.parameters.data import DataConfig
from pipeline.parameters.training import AugmentConfig, LossConfig, ModelConfig, ScrambleConfig
from pipeline.parameters.whole import Config
from pipeline.prepare.downloads import CatalogueEntry, Listed, read_catalogue, read_listing, read_photographs
from pipeline.prepare.prepare import prepare
from pipeline.prepare.scenes import render_scene
from pipeline.shards import SPLITS, TEST, TRAIN, VALIDATION, Shards, data_hash, read_manifest
from pipeline.train.pairs import WITH_BASES, Augment, Pairs, load_batches
from stegnet.core.errors import ClusterError, DataError, TrackingError, TrainingError

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"
CATALOGUE = ROOT / "assets" / "sources.yaml"
MEANS, CODED = ScrambleConfig(base="means", quality=85, block=8), ScrambleConfig(base="coded", quality=80, block=8)


def load(path: Path) -> Config:
    """All parameters in a file."""
    return check_as(read(path), Config)


def check(values: Any) -> Config:
    """All parameters, from nested mappings."""
    return check_as(values, Config)
