"""A training on GPUs, as far as it goes without one: processes, devices, and where a step's tensors are made."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric.strategies import ddp
from torch.overrides import TorchFunctionMode

import stegnet
from stegnet import ConfigError
from stegnet.core.compute import has_bf16, pick_device, resolve, unused_gpus
from stegnet.core.parallel import AUTO
from stegnet.training import trainer as module
from stegnet.training.devices import BatchShare, loader_processes, open_fabric, process_count, training_setup
from stegnet.training.trainer import Trainer

META = torch.device("meta")
CUDA = torch.device("cuda", 0)
CODE = str(Path(stegnet.__file__).parent)


@pytest.fixture
def gpus(monkeypatch):
    """Pretends that there are this many GPUs, of a compute capability; returns the indices of those that are set."""
    chosen: list[int] = []

    def pretend(count: int, capability: tuple[int, int] = (9, 0)) -> list[int]:
        for name, answer in (
            ("is_available", True),
            ("device_count", count),
            ("get_device_capability", capability),
            ("get_device_name", "Card"),
        ):
            monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
        monkeypatch.setattr(torch._C, "_cuda_setDevice", chosen.append)
        monkeypatch.setattr(ddp, "_init_dist_connection", lambda *_, **__: None)
        return chosen

    return pretend


def as_process(monkeypatch, rank: int, count: int) -> None:
    environment = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    for name, value in (environment | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 1, "GROUP_RANK": 0}).items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize(
    ("cards", "shares"),
    [(1, [8]), (2, [4, 4]), (3, [2, 3, 3]), (6, [1, 1, 2, 1, 1, 2]), (8, [1] * 8), (16, [1] * 8)],
)
def test_every_gpu_computes_a_share_of_the_default_batch(make_config, gpus, monkeypatch, cards, shares):
    config, chosen = make_config(devices=AUTO, batch=8, precision=AUTO), gpus(cards)
    assert process_count(config) == len(shares)
    pairs = []
    for rank in range(len(shares)):
        if len(shares) > 1:
            as_process(monkeypatch, rank, len(shares))
        assert open_fabric(config).device == pick_device() == torch.device("cuda", rank)
        share = BatchShare.of_this_process(config.train)
        assert sum(1 / share.divisor(part) for part, _ in share.parts()) == pytest.approx(len(shares) * share.size / 8)
        pairs.append([*share.pairs(0)])
    assert [len(each) for each in pairs] == shares
    assert [pair for each in pairs for pair in each] == list(range(8))
    assert set(chosen) == set(range(len(shares)))
    assert training_setup(config)["device"] == f"cuda:{len(shares) - 1} (Card)"


def test_more_processes_than_gpus_are_refused(make_config, gpus, monkeypatch):
    gpus(1)
    as_process(monkeypatch, 0, 2)
    with pytest.raises(ConfigError, match="2 processes were started here, for 1 GPUs"):
        open_fabric(make_config(batch=8))


def test_bf16_is_for_cards_that_have_it(gpus):
    """Turing, 7.5, only emulates it."""
    for capability, has in (((7, 5), False), ((8, 0), True)):
        gpus(1, capability)
        assert (has_bf16(CUDA), resolve("auto", CUDA)) == (has, "bf16" if has else "fp32")
    gpus(1, (7, 5))
    with pytest.raises(ConfigError, match=r"bf16: cuda:0 \(Card\) does not have it"):
        resolve("bf16", CUDA)


def test_gpus_that_pytorch_can_t_use_are_named(monkeypatch):
    pynvml = pytest.importorskip("pynvml")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name, answer in (("Init", None), ("DeviceGetCount", 2), ("SystemGetDriverVersion", "470.1")):
        monkeypatch.setattr(pynvml, f"nvml{name}", lambda answer=answer: answer)
    assert unused_gpus().startswith("2 GPUs with NVIDIA's driver 470.1; PyTorch ")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unused_gpus() == ""


def test_a_gpu_is_fed_by_several_processes(make_config, monkeypatch):
    monkeypatch.setattr("stegnet.core.compute.physical_cores", lambda: 64)
    train = make_config(workers=AUTO).train
    assert [loader_processes(train, device) for device in (torch.device("cpu"), CUDA)] == [1, 8]


class MetaGenerator(torch.Generator):
    """Of random numbers on "meta"."""

    device = META

    def __new__(cls, _device):
        return super().__new__(cls)


class OnMeta:
    """Lightning's Fabric, as far as a trainer uses it, on a device that computes nothing and has no values to read."""

    device, global_rank, world_size, is_global_zero = META, 0, 1, True

    def setup(self, network, optimizer):
        optimizer.optimizer = optimizer
        return network, optimizer

    def no_backward_sync(self, _network):
        return nullcontext()

    def backward(self, loss):
        loss.backward()

    def clip_gradients(self, network, _optimizer, max_norm, error_if_nonfinite):
        return torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm, error_if_nonfinite=error_if_nonfinite)

    def all_reduce(self, tensor, reduce_op):
        return tensor


class RefusesCpuTensors(TorchFunctionMode):
    """Refuses tensors with values that stegnet makes on the CPU: each would be copied, and the GPU waited for."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        caller = sys._getframe(1).f_code
        tensors = [each for each in (result, *args) if isinstance(each, torch.Tensor) and each.dim()]
        refused = caller.co_filename.startswith(CODE) and any(each.device.type == "cpu" for each in tensors)
        assert not refused, f"{caller.co_qualname}: {function.__name__}"
        return result


@pytest.mark.parametrize("family", ["costa", "baluja", "invertible"])
def test_a_step_makes_nothing_on_the_cpu_and_waits_for_nothing(make_config, monkeypatch, family):
    """Reading a value of a tensor on "meta", or computing with one elsewhere, is an error of PyTorch's own."""
    monkeypatch.setattr(torch.optim, "AdamW", lambda weights, *_, **__: torch.optim.RMSprop(weights))  # not on meta
    monkeypatch.setattr(torch, "Generator", MetaGenerator)
    monkeypatch.setattr(module, "CURVE_POINTS", 1)
    model = replace(make_config().model, name=family, width=8, blocks=2)
    trainer = Trainer(make_config(model=model, noise=0.1, batch=4, accumulate=3), OnMeta(), "fp32")
    for mode in (nullcontext(), RefusesCpuTensors()):  # tables are copied in the first step
        with mode:
            assert trainer.step(torch.empty(4, 2, 3, 32, 32, dtype=torch.uint8, device=META)) is None
