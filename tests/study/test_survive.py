import math

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stegnet.core.errors import MediaError
from stegnet.data.shards import TEST, ShardWriter
from stegnet.evaluation.quality import PicturePairs, through_file
from study.survival import measure as survival
from study.survival.distortion import NONE, Distortion, crop
from study.survival.measure import Material, figure, film_pairs, measure, spread_pairs
from study.survival.method import Reading, Sent, by_network

SIZE = 64
CROP = Distortion(
    "crop", "cut off", "share", (0.125, 0.25), 0, lambda many, share, _: [crop(one, share) for one in many]
)
SWAPPED = Distortion("swapped", "in another order", "", (1,), None, lambda many, *_: many[1:] + many[:1])


@pytest.fixture
def pairs(picture):
    return [(picture(SIZE, SIZE, seed), picture(SIZE, SIZE, seed + 1)) for seed in range(3)]


def same(steps):
    return steps


def look(pairs, method, *distortions, name="pictures", workers=2):
    return measure(Material(name, pairs, distortions), {"it": method}, 0, workers, same)


def as_it_is(cover, secret, seed):
    """Sends the secret itself."""
    return Sent(secret, Reading)


def test_undistorted_is_what_a_file_gives(pairs, exact):
    row = figure(look(pairs, by_network(exact, False), NONE), "pictures", "none", 0, "it")
    containers = [through_file(exact.hide(cover, secret, None).container) for cover, secret in pairs]
    revealed = [exact.reveal(container, None, None) for container in containers]
    secrets = [peak_signal_noise_ratio(secret, back) for (_, secret), back in zip(pairs, revealed, strict=True)]
    covers = [peak_signal_noise_ratio(cover, other) for (cover, _), other in zip(pairs, containers, strict=True)]
    assert row["secret_psnr"] == pytest.approx(np.mean(secrets))
    assert row["container_psnr"] == pytest.approx(np.mean(covers))
    assert row["pairs"] == 3


def test_measured_is_what_comes_through(pairs):
    table = look(pairs, as_it_is, CROP)
    for share in CROP.strengths:
        row, cut = figure(table, "pictures", "crop", share, "it"), [crop(secret, share) for _, secret in pairs]
        whole = [secret for _, secret in pairs]
        psnr = [peak_signal_noise_ratio(*each) for each in zip(whole, cut, strict=True)]
        options = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = [structural_similarity(*each, data_range=255, **options) for each in zip(whole, cut, strict=True)]
        assert row["secret_psnr"] == pytest.approx(np.mean(psnr))
        assert row["secret_ssim"] == pytest.approx(np.mean(ssim))


def test_pictures_in_another_order_are_noticed(pairs):
    table = look(pairs, as_it_is, NONE, SWAPPED)
    assert figure(table, "pictures", "none", 0, "it")["secret_psnr"] == math.inf
    assert figure(table, "pictures", "swapped", 1, "it")["secret_psnr"] < 20


def test_each_pair_has_a_seed_of_its_own(pairs):
    seeds = []

    def method(cover, secret, seed):
        seeds.append(seed)
        return as_it_is(cover, secret, seed)

    measure(Material("pictures", pairs, [NONE]), {"it": method}, 40, 1, same)
    assert seeds == [40, 41, 42]


def test_files_are_counted(pairs):
    def method(cover, secret, seed):
        return Sent(cover, lambda container: Reading(opened=seed > 0))

    row = figure(look(pairs, method, NONE), "pictures", "none", 0, "it")
    assert row["opened"] == pytest.approx(2 / 3)
    assert math.isnan(row["secret_psnr"])


def test_the_number_of_threads_changes_nothing(pairs, exact):
    tables = [look(pairs, by_network(exact, True), NONE, CROP, SWAPPED, workers=workers) for workers in (1, 3)]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["kind"].tolist() == ["none", "crop", "crop", "swapped"]


def test_a_figure_that_is_not_there(pairs):
    with pytest.raises(ValueError, match="unpack"):
        figure(look(pairs, as_it_is, NONE), "film", "none", 0, "it")


@pytest.fixture
def shards(tmp_path):
    writer = ShardWriter(tmp_path, 20)
    counts = {"scenes": 4, "photographs": 9, "folder": 3}
    for place, (kind, count) in enumerate(counts.items()):
        for index in range(count):
            flat = np.full((SIZE, SIZE, 3), 50 * place + index, np.uint8)
            writer.add(flat, TEST, f"{kind} {index}", kind, SIZE, SIZE)
    writer.close()
    return PicturePairs(tmp_path, 1)


def test_pairs_are_spread_over_the_kinds_photographs_first(shards):
    values = [(int(cover[0, 0, 0]), int(secret[0, 0, 0])) for cover, secret in spread_pairs(shards, 7)]
    assert values == [(50, 51), (0, 1), (100, 101), (53, 54), (1, 2), (101, 102), (56, 57)]


def test_never_more_pairs_than_there_are(shards):
    covers = [int(cover[0, 0, 0]) for cover, _ in spread_pairs(shards, 100)]
    assert sorted(covers) == [0, 1, 2, 3, *range(50, 59), 100, 101, 102]


def test_the_middle_of_a_film(make_film, tmp_path, monkeypatch, picture):
    monkeypatch.setattr(survival, "SIDE", 48)
    paths = tmp_path / "a.mkv", tmp_path / "b.mkv"
    for path, frames, seed in zip(paths, (4, 3), (0, 9), strict=True):
        make_film(path, frames, 64, 96, seed=seed)
    for most, count in ((2, 2), (8, 3)):
        pairs = film_pairs(*paths, most)
        assert len(pairs) == count
        assert np.array_equal(pairs[1][0], picture(64, 96, 1)[8:56, 24:72])
        assert np.array_equal(pairs[1][1], picture(64, 96, 10)[8:56, 24:72])


def test_a_film_that_is_too_small(make_film, tmp_path):
    path = make_film(tmp_path / "a.mkv", 2, 64, 96)
    with pytest.raises(MediaError, match=r"a\.mkv: its frames are smaller than 256×256"):
        film_pairs(path, path, 2)
