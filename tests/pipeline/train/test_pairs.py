import multiprocessing
import os
import signal
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.lab import (
    PARAMS,
    TRAIN,
    WITH_BASES,
    Augment,
    AugmentConfig,
    DataError,
    Pairs,
    Shards,
    load,
    load_batches,
)
from tests.support.shards import write_shards

CHANGES = [field.name for field in fields(AugmentConfig) if field.name != "own"]


def each(share: float) -> AugmentConfig:
    return AugmentConfig(**dict.fromkeys(CHANGES, share), own="none")


NEVER = each(0.0)


@pytest.fixture
def shards(tmp_path) -> Path:
    return write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 7, 3)


@pytest.fixture(scope="module")
def augment_config() -> AugmentConfig:
    return load(PARAMS).train.augment


def test_secrets_with_bases_are_turned_and_flipped_and_nothing_else(shards):
    pairs = Pairs(shards, 64, each(1.0), 0, WITH_BASES)
    whole = {np.sort(Shards(shards, TRAIN)[index], axis=None).tobytes() for index in range(7)}
    drawn = [pairs[index].numpy() for index in range(20)]
    assert all(np.sort(secret, axis=None).tobytes() in whole for _, secret, _ in drawn)
    np.testing.assert_array_equal(drawn[0][2], drawn[0][1] - drawn[0][1] // 16)  # the same part of the stored base
    assert not any(np.sort(cover, axis=None).tobytes() in whole for cover, *_ in drawn)


def test_a_pair_depends_on_seed_and_index_only(shards, augment_config):
    forwards, backwards, other = (Pairs(shards, 32, augment_config, seed) for seed in (5, 5, 6))
    expected = [forwards[index] for index in range(10)]
    assert {(pair.shape, pair.dtype) for pair in expected} == {((2, 3, 32, 32), torch.uint8)}
    assert not any(torch.equal(*pair) for pair in expected)
    np.random.seed(1)
    again = [backwards[index] for index in reversed(range(10))][::-1]
    assert all(torch.equal(*pairs) for pairs in zip(expected, again, strict=True))
    assert not any(torch.equal(pair, other[index]) for index, pair in enumerate(expected))
    assert len({pair.numpy().tobytes() for pair in expected}) == 10


def test_both_halves_of_a_pair_are_cropped_and_augmented_on_their_own(tmp_path, augment_config):
    one = write_shards(tmp_path / "one", [(TRAIN, "folder")], 3)
    pairs = Pairs(one, 32, augment_config, 5)
    assert sum(torch.equal(*pairs[index]) for index in range(20)) < 3  # two crops may fall on the same place


def test_the_number_of_workers_changes_nothing(shards, augment_config):
    pairs = Pairs(shards, 32, augment_config, 1)
    alone, helped = (list(load_batches(pairs, [range(2), range(2, 4)], workers)) for workers in (0, 1))
    assert [batch.shape for batch in alone] == [(2, 2, 3, 32, 32)] * 2
    assert torch.equal(torch.stack(alone), torch.stack(helped))


def kill(_picture: np.ndarray, _seed: int) -> np.ndarray:
    assert multiprocessing.parent_process()  # not the process of the tests
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nothing follows SIGKILL")


def fill(_picture: np.ndarray, _seed: int) -> np.ndarray:  # as PyTorch says it where /dev/shm is full
    raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")


@pytest.mark.parametrize(
    ("end", "problem", "hint"), [(kill, "killed", "train.workers"), (fill, "/dev/shm is too small", "--shm-size")]
)
def test_a_worker_that_ends_is_explained(shards, augment_config, monkeypatch, end, problem, hint):
    pairs = Pairs(shards, 32, augment_config, 1)
    monkeypatch.setattr(pairs, "_augment", end)
    with pytest.raises(DataError, match=problem) as caught:
        list(load_batches(pairs, [range(1)], 1))
    assert hint in caught.value.hint


def test_names_of_a_pairs_pictures(shards, picture):
    with open(shards / "manifest.csv", "a", encoding="utf-8") as file:
        file.write(f"tested,folder,{'0' * 64},1,1,test\n")
    pairs = Pairs(shards, 64, NEVER, 3)
    known = {picture(64, 64, seed).tobytes(): str(seed) for seed in range(7)}
    seen = [tuple(known[side.movedim(0, -1).numpy().tobytes()] for side in pairs[index]) for index in range(9)]
    assert pairs.names(range(9)) == seen


# Augmentation


def places(pixels: np.ndarray, crop: np.ndarray) -> list[tuple[int, int]]:
    """Positions of a crop in the picture."""
    windows = np.lib.stride_tricks.sliding_window_view(pixels, crop.shape)[:, :, 0]
    return [tuple(place) for place in np.argwhere((windows == crop).all((2, 3, 4)))]


def test_without_changes_it_only_crops(picture):
    pixels = picture(64, 64)
    augment = Augment(32, NEVER)
    found = [places(pixels, augment(pixels, seed)) for seed in range(12)]
    assert all(len(at) == 1 for at in found)
    assert len({at[0] for at in found}) > 6


def test_a_change_of_probability_1_is_always_applied(picture):
    pixels = picture(64, 64)
    for name in CHANGES:
        always = Augment(32, replace(NEVER, **{name: 1.0}))
        crops = [always(pixels, seed) for seed in range(8)]
        assert all(crop.shape == (32, 32, 3) and crop.dtype == np.uint8 for crop in crops)
        assert sum(not places(pixels, crop) for crop in crops) >= 4, name  # a rotation may be by 0°
