"""What tests share of the modules that train, whose package has no face."""

from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION
from stegnet.models.similarity import SCALES, ms_ssim, scales_of, ssim
from stegnet.models.tensors import (
    block_means,
    from_8_bits,
    seal_strength,
    through_8_bits,
    to_8_bits,
    with_sealed_bits,
)
from stegnet.training.batch_pass import HideRevealPass, PassResult, draw_randomness
from stegnet.training.checkpoint import Checkpoint, checkpoint_of, fingerprint
from stegnet.training.modem_pass import ModemPass, ModemResult, randomness_of, through_channel, with_halved_chroma
from stegnet.training.objectives import ModemObjective, container_weight, lost_bits, objective_of
from stegnet.training.train import train
from stegnet.training.trainer import Trainer, first_pair, learning_rate
from stegnet.training.validation import FIGURES, Validation

__all__ = [
    "CONTAINER_PSNR",
    "FIGURES",
    "INFORMATION",
    "SCALES",
    "Checkpoint",
    "HideRevealPass",
    "ModemObjective",
    "ModemPass",
    "ModemResult",
    "PassResult",
    "Trainer",
    "Validation",
    "block_means",
    "checkpoint_of",
    "container_weight",
    "draw_randomness",
    "fingerprint",
    "first_pair",
    "from_8_bits",
    "learning_rate",
    "lost_bits",
    "make_deterministic",
    "ms_ssim",
    "objective_of",
    "randomness_of",
    "scales_of",
    "seal_strength",
    "ssim",
    "through_8_bits",
    "through_channel",
    "to_8_bits",
    "train",
    "with_halved_chroma",
    "with_sealed_bits",
]
