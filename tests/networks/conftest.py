"""A small pair of each family, of each network of the zoo, and of those of a user's own."""

import os
import sys
from types import ModuleType
from typing import Any

import torch

from stegnet.networks import Pair, build, family_names
from stegnet.networks.pair import find_family
from tests.support.lab import ROOT, read

OWN = "printed_network:Plain"  # the example of docs/networks.md, under another name than other tests' own modules


def _printed_module() -> ModuleType:
    """The file of that example, as if it lay in the current folder."""
    text = (ROOT / "docs/networks.md").read_text(encoding="utf-8").partition("## A network of your own")[2]
    module = ModuleType("printed_network")
    exec(text.split("```")[1].partition("\n")[2], module.__dict__)
    return module


sys.modules["printed_network"] = _printed_module()
ASKED = os.environ.get("STEGNET_NETWORK", "")  # one that a user asks about
ZOO = {read(profile)["model.name"] for profile in (ROOT / "study/zoo").glob("*.yaml")}
NAMES = sorted({*family_names(), *ZOO, OWN, ASKED} - {""})


def perturbed(family: str, factor: float = 1, noise: float = 0.02, **options: Any) -> Pair:
    """A small pair whose weights are not those at the start, where layers may be zero."""
    torch.manual_seed(0)
    pair = build(family, **options or find_family(family).small)
    for parameter in pair.parameters():
        parameter.data = factor * parameter.data + noise * torch.randn_like(parameter)
    return pair


def pictures(height: int = 24, width: int = 40, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Covers and secrets, (count, 3, height, width) in [0, 1]."""
    cover, secret = torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(1))
    return cover, secret
