"""The number of training processes, the threads of each, and its share of every batch."""

from dataclasses import replace

import pytest
import torch

from stegnet import ConfigError
from stegnet.core import compute
from stegnet.core.compute import cpu_threads
from stegnet.core.parallel import AUTO
from stegnet.training import devices
from stegnet.training.devices import BatchShare, process_count


@pytest.fixture
def cores(monkeypatch):
    """Pretends that there are this many physical cores, and no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def pretend(count: int) -> None:
        for module in (devices, compute):
            monkeypatch.setattr(module, "physical_cores", lambda: count)

    return pretend


def test_one_process_per_core_if_shares_are_even(make_config, cores):
    for count, started in ((1, 1), (2, 2), (3, 2), (4, 4), (6, 4), (12, 8)):
        cores(count)
        assert process_count(make_config(devices=AUTO, batch=8)) == started
    cores(8)
    assert process_count(make_config(devices=AUTO, batch=8, accumulate=4)) == 2
    with pytest.raises(ConfigError, match=r"train\.batch: 8 pairs can't be divided among 9 processes"):
        process_count(make_config(devices=9, batch=8))
    unet = replace(make_config().model, name="unet", width="auto", blocks="auto", ends="auto", backbone="auto")
    assert process_count(make_config(devices=AUTO, batch=8, model=unet)) == 1  # since it has batch norms,
    assert process_count(make_config(devices=2, batch=8, model=unet)) == 2  # unless more are asked for


def test_the_machines_of_a_cluster_count_together(make_config, cores):
    cores(2)
    assert process_count(make_config(devices=AUTO, batch=8), gpus=0, cores=9) == 8
    assert process_count(make_config(devices=AUTO, batch=8), gpus=4, cores=9) == 4
    with pytest.raises(ConfigError, match=r"train\.devices: there are 4 GPUs, not 8"):
        process_count(make_config(devices=8, batch=8), gpus=4, cores=9)


def test_threads_are_divided_among_processes(cores, monkeypatch):
    cores(8)
    assert (cpu_threads(AUTO), cpu_threads(3)) == (8, 3)
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert (cpu_threads(AUTO), cpu_threads(3)) == (2, 3)
    cores(2)
    assert cpu_threads(AUTO) == 1


@pytest.mark.parametrize(("processes", "parts"), [(1, 1), (1, 4), (2, 1), (3, 2), (6, 2), (1, 5), (5, 2)])
def test_the_shares_of_all_processes_make_up_the_batch(make_config, monkeypatch, processes, parts):
    config = make_config(batch=12, accumulate=parts).train
    pairs, places = [], []
    for rank in range(processes):
        for name, value in {"LOCAL_RANK": rank, "RANK": rank, "WORLD_SIZE": processes}.items():
            monkeypatch.setenv(name, str(value))
        share = BatchShare.of_this_process(config)
        assert len(list(share.parts())) == parts
        for here, there in share.parts():
            pairs += share.pairs(5)[here]
            places += range(12)[there]
    assert pairs == list(range(60, 72))
    assert places == list(range(12))
