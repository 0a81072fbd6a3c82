import pytest
import torch

from stegnet.training import precision
from stegnet.training.precision import autocast, make_deterministic, resolve

CPU = torch.device("cpu")


@pytest.mark.parametrize(("fast", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_device_does_well(monkeypatch, fast, expected):
    monkeypatch.setattr(precision, "has_bf16", lambda device: fast)
    assert resolve("auto", CPU) == expected


@pytest.mark.parametrize("wanted", ["bf16", "fp32"])
def test_what_is_asked_for_stays(monkeypatch, wanted):
    monkeypatch.setattr(precision, "has_bf16", lambda device: wanted == "fp32")
    assert resolve(wanted, CPU) == wanted


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast_computes_at_that_precision(name, dtype):
    with autocast(name, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_the_seed_decides():
    make_deterministic(4, 1)
    first = torch.rand(3)
    make_deterministic(4, 1)
    assert torch.equal(torch.rand(3), first)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
