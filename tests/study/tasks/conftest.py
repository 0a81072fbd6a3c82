from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
import torch

from stegnet.networks import Pair, build_from
from study.tasks.modem_config import ModemConfig, ModemModel, RungConfig
from tests.pipeline.train.conftest import make_config, on_the_cpu, run, shards  # noqa: F401  # fixtures
from tests.support.lab import PARAMS, ROOT, Config, changed, check_as, flatten, read

RUNGS = [RungConfig("low", 3, 2.0, 38.0, 50, 60), RungConfig("high", 5, 0.6, 40.0, 90, 95)]


@pytest.fixture
def modem_config(make_config: Callable[..., Config]) -> ModemConfig:  # noqa: F811
    """A training of a modem of two rungs."""
    config = make_config(lr=0.001, clip=0.5, validate=5)
    whole = check_as(changed(read(PARAMS), flatten(read(ROOT / "study" / "modem.yaml"))), ModemConfig)
    channel = replace(whole.channel, ramp=0.5, start_psnr=30.0, steer=0.1)
    model = ModemModel(**asdict(config.model) | {"name": "modem", "blocks": 2, "width": 8}, rungs=RUNGS)
    return replace(whole, seed=config.seed, scramble=config.scramble, train=config.train, channel=channel, model=model)


@pytest.fixture
def modem(modem_config: ModemConfig) -> Pair:
    torch.manual_seed(0)
    return build_from(modem_config.model)
