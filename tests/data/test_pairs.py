import os
import signal
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stegnet.core.errors import DataError
from stegnet.data.pairs import Pairs, load_batches
from stegnet.data.shards import TRAIN, ShardWriter
from tests.support.shards import write_shards


@pytest.fixture
def shards(tmp_path) -> Path:
    return write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 7, 3)


def test_a_pair_is_two_crops(shards, augment_config):
    pair = Pairs(shards, 32, augment_config, 0)[0]
    assert (pair.shape, pair.dtype) == ((2, 3, 32, 32), torch.uint8)
    assert not torch.equal(pair[0], pair[1])


def test_a_pair_depends_on_seed_and_index_alone(shards, augment_config):
    forwards, backwards, other = (Pairs(shards, 32, augment_config, seed) for seed in (5, 5, 6))
    expected = [forwards[index] for index in range(10)]
    again = [backwards[index] for index in reversed(range(10))][::-1]
    assert all(torch.equal(*pairs) for pairs in zip(expected, again, strict=True))
    assert not any(torch.equal(pair, other[index]) for index, pair in enumerate(expected))
    assert len({pair.numpy().tobytes() for pair in expected}) == 10


def test_colours_stay_in_their_channels(tmp_path, augment_config):
    writer = ShardWriter(tmp_path, 3)
    writer.add(np.full((64, 64, 3), (200, 100, 0), np.uint8), TRAIN, "orange", "folder", 64, 64)
    writer.close()
    never = replace(augment_config, colour=0.0, noise=0.0, compression=0.0)
    pair = Pairs(tmp_path, 32, never, 0)[0]
    assert pair.flatten(2).unique(dim=2)[:, :, 0].tolist() == [[200, 100, 0]] * 2


def test_every_picture_is_cover_and_secret(shards, augment_config):
    drawn = []
    pairs = Pairs(shards, 32, augment_config, 0)
    pairs._augment = lambda picture, seed: drawn.append(picture.tobytes()) or picture[:32, :32]
    for index in range(60):
        pairs[index]
    assert len(set(drawn[::2])) == len(set(drawn[1::2])) == 7


def test_the_number_of_workers_changes_nothing(shards, augment_config):
    pairs = Pairs(shards, 32, augment_config, 1)
    alone, helped = (list(load_batches(pairs, [range(2), range(2, 4)], workers)) for workers in (0, 1))
    assert [batch.shape for batch in alone] == [(2, 2, 3, 32, 32)] * 2
    assert torch.equal(torch.stack(alone), torch.stack(helped))


def test_batches_hold_the_pairs_that_are_asked_for(shards, augment_config):
    pairs = Pairs(shards, 32, augment_config, 1)
    batches = list(load_batches(pairs, iter([range(6, 8), (2, 11, 0)]), 0))
    for batch, indices in zip(batches, ((6, 7), (2, 11, 0)), strict=True):
        assert torch.equal(batch, torch.stack([pairs[index] for index in indices]))
    assert list(load_batches(pairs, [], 0)) == []


def test_who_loads_is_spared_the_signals_of_who_trains(shards, augment_config):
    """Ctrl-C goes to the whole group of processes."""
    pairs = Pairs(shards, 32, augment_config, 1)
    pairs._augment = lambda picture, seed: np.full((32, 32, 3), os.getpgid(0) != group, np.uint8)
    group = os.getpgid(0)
    assert [next(load_batches(pairs, [range(1)], workers)).max() for workers in (0, 1)] == [0, 1]


def test_a_loader_that_is_killed_is_said(shards, augment_config):
    pairs = Pairs(shards, 32, augment_config, 1)
    parent = os.getpid()

    def killed(picture: np.ndarray, seed: int) -> np.ndarray:
        assert os.getpid() != parent
        os.kill(os.getpid(), signal.SIGKILL)
        return picture

    pairs._augment = killed
    with pytest.raises(DataError, match="killed"):
        list(load_batches(pairs, [range(1)], 1))


def test_a_pairs_pictures_have_names(shards, augment_config, picture):
    with open(shards / "manifest.csv", "a", encoding="utf-8") as file:
        file.write(f"tested,folder,{'0' * 64},1,1,test\n")
    pairs = Pairs(shards, 64, replace(augment_config, **dict.fromkeys(asdict(augment_config), 0.0)), 3)
    known = {picture(64, 64, seed).tobytes(): str(seed) for seed in range(7)}
    seen = [tuple(known[side.movedim(0, -1).numpy().tobytes()] for side in pairs[index]) for index in range(9)]
    assert pairs.names(range(9)) == seen
