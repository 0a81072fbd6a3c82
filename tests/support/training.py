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
from pipeline.train.hiding_task import HideRevealPass, HidingTask, PassResult, Validation, draw_randomness
from pipeline.train.losses import FIGURES, container_weight
from pipeline.train.machine import training_precision
from pipeline.train.run import fingerprint, prepare_run
from pipeline.train.task import TrainingTask
from pipeline.train.train import first_pair, open_trainer, train
from pipeline.train.trainer import Trainer, learning_rate
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR
