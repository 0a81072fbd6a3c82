import numpy as np
import pytest

from stegnet.data.fit import ZOOM, cut, fit


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 200), (200, 65), (80, 80), (81, 300), (1000, 700)])
def test_a_square_of_the_size(picture, height, width):
    square = fit(picture(height, width), 64)
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.uint8
    assert square.flags.c_contiguous


@pytest.mark.parametrize(("height", "width"), [(63, 64), (64, 63), (10, 1000)])
def test_a_picture_that_is_too_small(picture, height, width):
    assert fit(picture(height, width), 64) is None


def test_a_picture_of_about_the_size_is_only_cropped(picture):
    pixels = picture(int(ZOOM * 64), 100)
    assert np.array_equal(fit(pixels, 64), pixels[8:72, 18:82])


def test_a_big_picture_is_averaged_down():
    rows, cols = np.mgrid[:160, :320]
    checks = ((rows + cols) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)  # 160 to 80: means of 2×2 pixels
    square = fit(checks, 64)
    assert np.all(np.abs(square.astype(int) - 127.5) < 1)


def test_the_middle_is_kept():
    pixels = np.zeros((640, 1280, 3), np.uint8)
    pixels[310:330, 630:650] = 255  # scaled by 1/8: 2.5 pixels about the centre
    rows, cols, _ = np.nonzero(fit(pixels, 64))
    assert (rows.min() + rows.max(), cols.min() + cols.max()) == (63, 63)


def test_cut_gives_squares_side_by_side_out_of_the_middle(picture):
    pixels = picture(70, 137)
    left, right = cut(pixels, 64, 4)
    assert np.array_equal(left, pixels[3:67, 4:68])
    assert np.array_equal(right, pixels[3:67, 68:132])


def test_cut_gives_no_more_than_wanted(picture):
    assert len(cut(picture(64, 640), 64, 4)) == 4
    assert cut(picture(63, 640), 64, 4) == []
