"""A trial of a network before anything is prepared for its training: timm's backbones support what they support."""

from typing import Any

import torch

from stegnet.core.compute import pick_device
from stegnet.core.errors import ConfigError
from stegnet.models.pair import build_from

REFUSALS = (RuntimeError, TypeError, ValueError)  # raised by timm for what a backbone does not support


def check_network(section: Any, crop: int) -> None:
    """Builds the pair of the `model` section of params.yaml, and computes its gradients for two pairs of crops.

    Raises:
        ConfigError: it can't be built, or its backbone can't be trained.
        WeightsError: its pretrained weights can't be downloaded.
    """
    pair = build_from(section).to(pick_device()).train()
    if pair.bits:  # a modem hides bits, and has no backbone
        return
    cover, secret = torch.rand(2, 2, 3, crop, crop, device=pick_device())
    try:
        container = pair.hide(cover, pair.prepare(secret))
        (container + pair.restore(pair.reveal(container))).square().mean().backward()
    except REFUSALS as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"model.backbone: {section.backbone} can't be trained ({reason})", "resnet18 can") from error
