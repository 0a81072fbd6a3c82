"""What tests share of the modules for parameters and data, whose packages have no face."""

from pathlib import Path

from pipeline.config import (
    AugmentConfig,
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    ScrambleConfig,
    changed,
    check,
    check_as,
    flatten,
    load,
    parse,
    read,
    with_recipe,
)
from pipeline.prepare.downloads import CatalogueEntry, Listed, read_catalogue, read_listing, read_photographs
from pipeline.prepare.prepare import prepare
from pipeline.prepare.scenes import render_scene
from pipeline.shards import SPLITS, TEST, TRAIN, VALIDATION, Shards, data_hash, read_manifest
from pipeline.train.pairs import WITH_BASES, Augment, Pairs, load_batches
from stegnet.core.errors import ClusterError, DataError, TrackingError, TrainingError

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"
CATALOGUE = ROOT / "assets" / "sources.yaml"
MEANS, CODED = ScrambleConfig("means", 85, 8), ScrambleConfig("coded", 80, 8)
