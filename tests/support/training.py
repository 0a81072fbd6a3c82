"""What tests share of the modules that train, whose package has no face."""

from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION
from stegnet.models.tensors import from_8_bits, seal_strength, to_8_bits
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
    "Checkpoint",
    "ModemObjective",
    "ModemPass",
    "ModemResult",
    "Trainer",
    "Validation",
    "checkpoint_of",
    "container_weight",
    "fingerprint",
    "first_pair",
    "from_8_bits",
    "learning_rate",
    "lost_bits",
    "make_deterministic",
    "objective_of",
    "randomness_of",
    "seal_strength",
    "through_channel",
    "to_8_bits",
    "train",
    "with_halved_chroma",
]
