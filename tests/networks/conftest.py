"""A small pair of each family, and of each network of the zoo."""

from typing import Any

import torch

from stegnet.networks import Pair, build

SMALL: dict[str, dict[str, Any]] = {
    "baluja": {"width": 4},
    "costa": {"width": 6, "ends": 2, "backbone": "test_convnext"},
    "invertible": {"blocks": 1, "width": 6, "backbone": "test_convnext", "place": "ends+latent"},
    "modem": {"rungs": [{"bits": 2, "scale": 1.0}, {"bits": 3, "scale": 2.0}], "width": 6, "blocks": 2},
    "timm_unet": {"backbone": "test_resnet", "width": 4},
    "unet": {"width": 4},
    "study.zoo.hinet:DeepMIH": {"blocks": 2, "width": 4},
    "study.zoo.hinet:HiNet": {"blocks": 2, "width": 4},
    "study.zoo.stegformer:StegFormer": {"width": 1},
    "study.zoo.udh:UniversalDeepHiding": {"width": 4},
}


def perturbed(family: str, factor: float = 1, noise: float = 0.02, **options: Any) -> Pair:
    """A small pair whose weights are not those at the start, where layers may be zero."""
    torch.manual_seed(0)
    pair = build(family, **options or SMALL[family])
    for parameter in pair.parameters():
        parameter.data = factor * parameter.data + noise * torch.randn_like(parameter)
    return pair


def pictures(height: int = 24, width: int = 40, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Covers and secrets, (count, 3, height, width) in [0, 1]."""
    cover, secret = torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(1))
    return cover, secret
