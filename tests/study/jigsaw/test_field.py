import numpy as np
import pytest

from study.jigsaw.borders import strips
from study.jigsaw.field import facing, fit, variogram
from study.keyless import cut_blocks

SIZE, BLOCK, DEPTH = 768, 8, 2


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """A stationary picture, made by its spectrum: channels of one Matérn kernel each, mixed."""
    noise = np.random.default_rng(0).normal(0, 1, (3, SIZE, SIZE))
    y, x = np.indices((SIZE, SIZE))
    distance = np.hypot(np.minimum(y, SIZE - y), np.minimum(x, SIZE - x))
    kernels = np.stack([(1 + distance / scale) * np.exp(-distance / scale) for scale in (2, 4, 6)])
    fields = np.fft.ifft2(np.fft.fft2(noise) * np.sqrt(np.fft.fft2(kernels).real)).real
    return (np.moveaxis(fields, 0, -1) @ np.array([[1, 1, 1], [0, 1, -1], [0.5, 0, -1]])).astype(np.float32)


def test_the_variogram_of_white_noise_is_its_variance():
    noise = np.random.default_rng(0).normal(0, 3, (2000, 8, 8, 3))
    table = variogram(noise, 8)
    assert not table[0, 0].any()
    assert table[3, 4] == pytest.approx(9 * np.eye(3), abs=0.2)


def test_offset_and_sign_of_a_cell_do_not_matter():
    random = np.random.default_rng(0)
    cells = random.normal(0, 1, (50, 8, 8, 3))
    other = (cells + random.normal(0, 9, (50, 1, 1, 3))) * random.choice([-1, 1], (50, 1, 1, 1))
    assert variogram(other, 8) == pytest.approx(variogram(cells, 8))


@pytest.mark.parametrize(("cell", "tolerance"), [(None, 0.3), (BLOCK, 0.1)])
def test_shuffled_blocks_give_the_covariance_of_neighbours(smooth, cell, tolerance):
    """Against the covariance counted on the picture that lies in order."""
    blocks = cut_blocks(smooth, BLOCK)
    if cell:
        blocks = blocks - blocks.mean((1, 2), keepdims=True)
    field = fit(blocks, BLOCK)
    borders = strips(blocks, DEPTH) @ field.mixing.astype(np.float32)
    cols = SIZE // BLOCK
    upper, lower = np.arange(len(blocks) - cols), np.arange(cols, len(blocks))
    pairs = np.concatenate([borders[4 * lower], borders[4 * upper + 2][:, :, ::-1]], 1)
    for channel, covariance in enumerate(facing(field, BLOCK, DEPTH, cell)):
        values = pairs[..., channel].reshape(len(pairs), -1)
        counted = values.T @ values / len(values)
        assert np.linalg.norm(covariance - counted) < tolerance * np.linalg.norm(counted)
