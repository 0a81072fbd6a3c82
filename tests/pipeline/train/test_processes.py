"""The number of training processes, the threads of each, its share of every batch, and training on GPUs without one."""

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest
import torch
from torch.overrides import TorchFunctionMode

import stegnet
from pipeline.train.processes import process_count, unused_gpus
from pipeline.train.run import TrainingRun, loader_processes
from stegnet import ConfigError
from stegnet.core import compute
from tests.support.training import HidingTask, Trainer, training_precision

CUDA, META = torch.device("cuda", 0), torch.device("meta")
CODE = str(Path(stegnet.__file__).parent)


def as_process(monkeypatch, rank: int, count: int) -> None:
    for name, value in {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}.items():
        monkeypatch.setenv(name, str(value))


def test_one_process_per_core_if_shares_are_even(make_config):
    for count, started in ((1, 1), (2, 2), (3, 2), (4, 4), (6, 4), (12, 8)):
        assert process_count(make_config(devices="auto", batch=8), 0, count) == started
    assert process_count(make_config(devices="auto", batch=8, accumulate=4), 0, 8) == 2
    with pytest.raises(ConfigError, match=r"train\.batch: 8 pairs can't be divided evenly among 9 processes"):
        process_count(make_config(devices=9, batch=8), 0, 8)
    unet = replace(make_config().model, name="unet", width="auto", blocks="auto", ends="auto", backbone="auto")
    assert process_count(make_config(devices="auto", batch=8, model=unet), 0, 8) == 1  # since it has batch norms,
    assert process_count(make_config(devices=2, batch=8, model=unet), 0, 8) == 2  # unless more are asked for


def test_one_process_per_gpu_as_far_as_there_are_pairs(make_config, monkeypatch, caplog):
    for gpus, started in ((1, 1), (3, 2), (8, 8), (16, 8)):
        assert process_count(make_config(devices="auto", batch=8), gpus, 9) == started
    assert [line.partition("busy")[0] for line in caplog.messages] == [
        "train.batch: 8 pairs in 1 parts keep 2 of 3 GPUs ",
        "train.batch: 8 pairs in 1 parts keep 8 of 16 GPUs ",
    ]
    with pytest.raises(ConfigError, match=r"train\.devices: there are 4 GPUs, not 8"):
        process_count(make_config(devices=8, batch=8), 4, 9)
    as_process(monkeypatch, 0, 2)
    with pytest.raises(ConfigError, match="2 processes were started here, for 1 GPUs"):
        process_count(make_config(batch=8), 1)


def test_gpus_that_pytorch_can_t_use_are_named(monkeypatch):
    """With a driver that is too old, PyTorch sees none: the CPU would train without a word."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name, answer in (("Init", None), ("DeviceGetCount", 2), ("SystemGetDriverVersion", "470.1")):
        monkeypatch.setattr(pynvml, f"nvml{name}", lambda answer=answer: answer)
    found = unused_gpus()
    assert torch.cuda.is_available() or found.startswith("2 GPUs with NVIDIA's driver 470.1; PyTorch ")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unused_gpus() == ""


def test_threads_are_divided_among_processes(monkeypatch):
    cores = compute.physical_cores()
    assert (compute.cpu_threads("auto"), compute.cpu_threads(3)) == (cores, 3)
    as_process(monkeypatch, 0, cores)
    assert (compute.cpu_threads("auto"), compute.cpu_threads(3)) == (1, 3)


@pytest.mark.parametrize(("processes", "parts"), [(1, 4), (3, 2), (12, 1)])
def test_the_shares_of_all_processes_make_up_the_batch(make_config, monkeypatch, processes, parts):
    pairs = []
    for rank in range(processes):
        as_process(monkeypatch, rank, processes)
        config = make_config(batch=12, accumulate=parts)
        pairs += Trainer(TrainingRun(config, Path(), torch.device("cpu"), "fp32", 1, 0, "", HidingTask)).pairs_of(5)
    assert pairs == list(range(60, 72))


def test_a_gpu_is_fed_by_several_processes(make_config):
    train, cores = make_config(workers="auto").train, compute.physical_cores()
    assert [loader_processes(train, device) for device in (torch.device("cpu"), CUDA)] == [1, min(8, cores)]


@pytest.mark.parametrize(
    ("capability", "hiding", "training"),
    [((9, 0), "bf16", "bf16"), ((8, 0), "bf16", "bf16"), ((7, 5), "fp32", "fp16"), ((6, 0), "fp32", "fp16"),
     ((6, 1), "fp32", "fp32")],
)  # fmt: skip
def test_auto_is_the_fast_precision_of_a_gpu(capability, hiding, training, monkeypatch):
    """Turing, 7.5, only emulates bf16."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Card")
    assert (compute.resolve("auto", CUDA), training_precision("auto", CUDA)) == (hiding, training)
    if hiding == "fp32":
        with pytest.raises(ConfigError, match=r"bf16: cuda:0 \(Card\) does not have it"):
            compute.resolve("bf16", CUDA)
    assert training_precision("fp16", torch.device("cpu")) == "fp16"


class MetaGenerator(torch.Generator):
    """Of random numbers on "meta"."""

    device = META

    def __new__(cls, _device):
        return super().__new__(cls)


class RefusesCpuTensors(TorchFunctionMode):
    """Refuses tensors with values that stegnet makes on the CPU: each would be copied, and the GPU waited for."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        caller = sys._getframe(1).f_code
        tensors = [each for each in (result, *args) if isinstance(each, torch.Tensor) and each.dim()]
        refused = caller.co_filename.startswith(CODE) and any(each.device.type == "cpu" for each in tensors)
        assert not refused, f"{caller.co_qualname}: {function.__name__}"
        return result


@pytest.mark.parametrize("family", ["costa", "invertible"])
def test_a_step_makes_nothing_on_the_cpu_and_waits_for_nothing(make_config, monkeypatch, family):
    """Reading a value of a tensor on "meta", or computing with one elsewhere, is an error of PyTorch's own."""
    there = {"optim.AdamW": lambda weights, *_, **__: torch.optim.RMSprop(weights), "Generator": MetaGenerator}
    for name, replacement in there.items():  # neither is on meta
        monkeypatch.setattr(f"torch.{name}", replacement)
    model = replace(make_config().model, name=family, width=8, blocks=2)
    config = make_config(model=model, noise=0.1, batch=4, accumulate=2, pairs=4 * 5000)
    trainer = Trainer(TrainingRun(config, Path(), META, "fp32", 1, 0, "", HidingTask))
    for mode in (nullcontext(), RefusesCpuTensors()):  # tables are copied in the first step
        with mode:
            assert trainer.step(torch.empty(4, 2, 3, 32, 32, dtype=torch.uint8, device=META)) is None


def test_a_training_has_threads_that_sleep_soon_and_imports_no_package_that_it_does_not_need():
    code = "import sys, pipeline.train.__main__; print(*sys.modules)"
    unset = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"OMP_DISPLAY_ENV": "verbose", "PYTHONPATH": str(Path(CODE).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert not {"torchvision", "mlflow"} & set(done.stdout.split())
    assert "GOMP_SPINCOUNT = '10000'" in done.stderr  # said by the library when it was loaded
