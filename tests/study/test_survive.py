import cv2
import numpy as np
import pytest

from study.survive import BASE, DEFAULT, DISTORTIONS, blur, brightness, crop, gamma, measure, noise
from tests.support.quality import psnr

NAMED = {distortion.kind: distortion for distortion in DISTORTIONS}
FALLING = ["jpeg", "jpeg_444", "webp", "noise", "blur", "crop"]  # whose strengths lead from little to much


@pytest.mark.parametrize("kind", FALLING)
def test_stronger_distortions_lose_more(kind, picture):
    original = picture(64, 96)
    after = [NAMED[kind].apply(original, strength, 0) for strength in NAMED[kind].strengths]
    losses = [np.square(np.subtract(original, one, dtype=float)).mean() for one in after]
    assert losses == sorted(losses) and losses[0] < losses[-1]
    assert {(one.shape, one.dtype.name) for one in after} == {((64, 96, 3), "uint8")}


@pytest.mark.parametrize("kind", ["resize", "screenshot"])
def test_a_resized_copy_is_smoother_than_the_picture(kind):
    fine = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    for scale in NAMED[kind].strengths:
        after = NAMED[kind].apply(fine, scale, 0)
        assert after.shape == fine.shape and (after != fine).any()
    assert (NAMED[kind].apply(fine, 1, 0) == fine).all()


@pytest.mark.parametrize("sigma", [0.5, 2, 8])
def test_noise_has_the_given_strength(sigma):
    change = noise(np.full((256, 256, 3), 128, np.uint8), sigma, 0).astype(float) - 128
    assert change.std() == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.02)  # and that of rounding


@pytest.mark.parametrize("sigma", [0.5, 1, 2])
def test_blur_is_opencvs(picture, sigma):
    size = 2 * round(4 * sigma) + 1
    theirs = cv2.GaussianBlur(picture(64, 96), (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(blur(picture(64, 96), sigma, 0).astype(int) - theirs).max() <= 1


def test_cut_off_brighter_and_with_another_gamma_by_hand(picture):
    original = picture(64, 96)
    left = crop(original, 0.25, 0)
    assert np.array_equal(left[16:48, 24:72], original[16:48, 24:72]) and (left[:16] == 128).all()
    levels = np.array([[[0, 51, 250]]], np.uint8)  # 51 is a fifth of 255
    assert brightness(levels, 8, 0).tolist() == [[[8, 59, 255]]]
    assert gamma(levels, 2, 0)[0, 0, :2].tolist() == [0, 10]


def test_what_arrives_as_it_was_sent_is_revealed_and_noise_destroys_it(exact, picture, five_levels):
    cover, secret = picture(64, 64, 1), picture(64, 64, 2)
    rows = list(measure(exact, [(cover, secret)], 0, 0))
    found = {(row["kind"], row["strength"], row["method"]): row["secret_psnr"] for row in rows}
    assert found["none", 0, DEFAULT] == pytest.approx(psnr(secret, five_levels(secret)), abs=0.01)
    assert found["none", 0, BASE] == pytest.approx(psnr(secret, np.full_like(secret, 128)), abs=0.01)
    assert found["noise", 8, DEFAULT] < found["none", 0, DEFAULT] - 3
