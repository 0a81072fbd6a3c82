"""What tests share of the modules that train, whose package has no face."""

from pipeline.similarity import SCALES, ms_ssim, scales_of, ssim
from pipeline.tensors import (
    block_means,
    from_8_bits,
    seal_strength,
    through_8_bits,
    to_8_bits,
    with_sealed_bits,
)
from pipeline.train.checkpoint import Checkpoint, checkpoint_of, fingerprint, with_defaults
from pipeline.train.hiding import HideRevealPass, PassResult, Validation, draw_randomness
from pipeline.train.losses import container_weight
from pipeline.train.modem import (
    ModemObjective,
    ModemPass,
    ModemResult,
    lost_bits,
    randomness_of,
    through_channel,
    with_halved_chroma,
)
from pipeline.train.train import train
from pipeline.train.trainer import Trainer, first_pair, learning_rate, objective_of
from pipeline.train.validation import FIGURES
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION
