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
from pipeline.train.bits import BitsPass, BitsRandomness, BitsResult, BitsTask, reed_solomon_bits
from pipeline.train.bits import loss_terms as bits_terms
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.hiding import HideRevealPass, HidingTask, PassResult, Validation, draw_randomness
from pipeline.train.losses import FIGURES, container_weight
from pipeline.train.modem import (
    ModemPass,
    ModemResult,
    ModemTask,
    lost_bits,
    randomness_of,
    through_channel,
    with_halved_chroma,
)
from pipeline.train.prediction import GridChoice, PredictionTask, grid_bits, picture_bits, to_levels
from pipeline.train.run import fingerprint, prepare_run, training_precision, with_defaults
from pipeline.train.train import first_pair, open_trainer, train
from pipeline.train.trainer import Trainer, learning_rate
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import BITS_PER_PIXEL, CONTAINER_PSNR, INFORMATION
