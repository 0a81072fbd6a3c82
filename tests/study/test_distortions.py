import cv2
import numpy as np
import pytest

from study.distortions import (
    FILM_DISTORTIONS,
    GREY,
    PICTURE_DISTORTIONS,
    blur,
    brightness,
    crop,
    gamma,
    jpeg,
    noise,
)

ALL = dict.fromkeys((*PICTURE_DISTORTIONS, *FILM_DISTORTIONS))
# Whose strengths lead from little to much.
FALLING = [one for one in ALL if one.kind.startswith(("jpeg", "webp", "h26", "noise", "blur", "crop"))]


def names(value):
    return getattr(value, "kind", None)


@pytest.fixture
def pictures(picture):
    return [picture(64, 96, seed) for seed in range(3)]


@pytest.mark.parametrize("distortion", ALL, ids=names)
def test_pictures_keep_their_shape_and_change_but_by_the_neutral_strength_and_alike_each_time(distortion, pictures):
    fine = [np.random.default_rng(seed).integers(0, 256, (64, 96, 3), np.uint8) for seed in range(2)]
    strengths = {*distortion.strengths, distortion.neutral} - {None}
    for strength in strengths:
        first, second = (distortion.apply(pictures, strength, 5) for _ in range(2))
        assert [(one.shape, one.dtype) for one in first] == [((64, 96, 3), np.uint8)] * 3
        assert all(np.array_equal(*each) for each in zip(first, second, strict=True))
        after = distortion.apply(fine, strength, 0)
        assert np.array_equal(after, fine) == (strength == distortion.neutral)


@pytest.mark.parametrize("distortion", FALLING, ids=names)
def test_stronger_distortions_lose_more(distortion, pictures):
    after = [distortion.apply(pictures, strength, 0) for strength in distortion.strengths]
    losses = [np.square(np.subtract(pictures, one, dtype=float)).mean() for one in after]
    assert losses == sorted(losses)


def test_jpeg_is_another_librarys(picture):
    original = picture(64, 96)
    _, coded = cv2.imencode(".jpg", original[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    theirs = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
    apart = {quality: np.abs(jpeg(original, quality, "4:2:0").astype(int) - theirs).mean() for quality in (80, 90)}
    assert apart[90] < 0.1
    assert apart[80] > 0.5


@pytest.mark.parametrize("sigma", [0.5, 1, 2, 4, 8])
def test_noise_has_the_given_strength(sigma):
    grey = np.full((256, 256, 3), 128, np.uint8)
    change = noise([grey], sigma, 0)[0].astype(float) - 128
    assert change.mean() == pytest.approx(0, abs=0.05 * sigma)
    assert change.std() == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.02)  # and that of rounding


@pytest.mark.parametrize("sigma", [0.5, 1, 2])
def test_blur_is_opencvs(picture, sigma):
    size = 2 * round(4 * sigma) + 1
    theirs = cv2.GaussianBlur(picture(64, 96), (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(blur(picture(64, 96), sigma).astype(int) - theirs).max() <= 1


def test_cropped_on_all_sides_and_padded_with_grey(picture):
    original = picture(64, 96)
    left = crop(original, 0.25)
    assert np.array_equal(left[16:48, 24:72], original[16:48, 24:72])
    outside = np.ones((64, 96), bool)
    outside[16:48, 24:72] = False
    assert (left[outside] == GREY).all()


def test_brightness_is_cut_at_black_and_white():
    levels = np.array([[[0, 3, 250]]], np.uint8)
    assert brightness(levels, 8).tolist() == [[[8, 11, 255]]]
    assert brightness(levels, -8).tolist() == [[[0, 0, 242]]]


def test_gamma_by_hand():
    levels = np.array([[[0, 51, 255]]], np.uint8)  # 51 is a fifth of 255
    assert gamma(levels, 2).tolist() == [[[0, 10, 255]]]  # a twenty-fifth: 10.2
    assert gamma(levels, 0.5).tolist() == [[[0, 114, 255]]]  # 255 / √5 = 114.04
