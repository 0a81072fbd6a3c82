import pytest
import torch

from stegnet import ConfigError
from stegnet.core.compute import autocast, has_bf16, make_deterministic, pick_device, resolve

CPU = torch.device("cpu")


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast(name, dtype, monkeypatch):
    """By default, the precision that is fast: bfloat16 that is disabled, by ONEDNN_MAX_CPU_ISA say, is emulated."""
    with autocast(name, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert resolve("auto", CPU) == ("bf16" if has_bf16(CPU) else "fp32")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False, raising=False)
    assert resolve("auto", CPU) == "fp32"


def test_a_missing_device():
    assert pick_device("cpu") == CPU
    for name in ("cuda:99", "no such device"):
        with pytest.raises(ConfigError, match=f"{name}: this machine has no such device"):
            pick_device(name)


@pytest.mark.slow
def test_the_seed_determines_random_numbers():
    make_deterministic(4, 1)
    first = torch.rand(3)
    make_deterministic(4, 1)
    assert torch.equal(torch.rand(3), first)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
