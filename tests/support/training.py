"""What tests share of the modules that train, whose package has no face."""

from pipeline.tensors import (
    SCALES,
    block_means,
    from_8_bits,
    ms_ssim,
    scales_of,
    seal_strength,
    ssim,
    through_8_bits,
    to_8_bits,
    with_sealed_bits,
)
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.hiding import HideRevealPass, HidingTask, Validation, draw_randomness
from pipeline.train.losses import FIGURES, PassResult, container_weight
from pipeline.train.run import fingerprint, prepare_run, training_precision, write_weights
from pipeline.train.train import Trainer, first_pair, learning_rate, train
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR
