import pytest
import torch

from stegnet.core import compute
from stegnet.core.compute import autocast, make_deterministic, pick_device, resolve
from stegnet.core.errors import ConfigError

CPU = torch.device("cpu")


@pytest.mark.parametrize(("fast", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_the_fast_precision(monkeypatch, fast, expected):
    monkeypatch.setattr(compute, "has_bf16", lambda device: fast)
    assert resolve("auto", CPU) == expected


@pytest.mark.parametrize("allowed", [True, False])
def test_bfloat16_disabled_in_onednn_is_not_fast(monkeypatch, allowed):
    """For instance by ONEDNN_MAX_CPU_ISA; bfloat16 is then emulated, which is slow."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: allowed, raising=False)
    assert compute.has_bf16(CPU) == allowed


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast(name, dtype):
    with autocast(name, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_a_missing_device():
    assert pick_device("cpu") == CPU
    for name in ("cuda:99", "no such device"):
        with pytest.raises(ConfigError, match=f"{name}: this machine has no such device"):
            pick_device(name)


def test_the_seed_determines_random_numbers():
    make_deterministic(4, 1)
    first = torch.rand(3)
    make_deterministic(4, 1)
    assert torch.equal(torch.rand(3), first)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
