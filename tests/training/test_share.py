"""The shares of all processes are the batch: no pair is trained on twice, and none is left out."""

import pytest

from stegnet.training.share import Share


@pytest.mark.parametrize(("processes", "parts"), [(1, 1), (1, 4), (2, 1), (3, 2), (6, 2)])
def test_the_shares_of_all_processes_are_the_batch(make_config, monkeypatch, processes, parts):
    config = make_config(batch=12, accumulate=parts).train
    pairs, places = [], []
    for rank in range(processes):
        for name, value in {"LOCAL_RANK": rank, "RANK": rank, "WORLD_SIZE": processes}.items():
            monkeypatch.setenv(name, str(value))
        share = Share.mine(config)
        assert len(list(share.parts())) == parts
        for here, there in share.parts():
            pairs += share.pairs(5)[here]
            places += range(12)[there]
    assert pairs == list(range(60, 72))
    assert places == list(range(12))
