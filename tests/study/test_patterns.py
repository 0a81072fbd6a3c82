import numpy as np
import pytest

from study.patterns import PLAIN, contents


@pytest.fixture(scope="module")
def made(cat) -> dict[str, np.ndarray]:
    return contents(cat, 0)


def test_all_are_pictures_of_the_photographs_size(made, cat):
    assert next(iter(made)) == PLAIN
    assert np.array_equal(made[PLAIN], cat)
    assert len(made) == 15
    for picture in made.values():
        assert (picture.shape, picture.dtype) == (cat.shape, np.uint8)
        assert picture.flags.writeable


def test_each_is_what_its_name_says(made, cat):
    assert made["dark"].max() <= 25
    assert made["bright"].min() >= 230
    assert (made["overexposed"] == 255).mean() > (cat == 255).mean() + 0.1
    assert [np.unique(made[name]).tolist() for name in ("grey", "black", "white")] == [[128], [0], [255]]
    assert (np.diff(made["gradient"].astype(int), axis=1) >= 0).all()
    assert np.ptp(made["gradient"]) == 255
    for name in ("text", "line art"):
        assert 0.03 < (made[name] < 128).mean() < 0.4
        assert (made[name] == 255).mean() > 0.5
    assert made["noise"].mean() == pytest.approx(127.5, abs=1)
    assert made["noise"].std() == pytest.approx(256 / np.sqrt(12), abs=0.5)
    changed = (made["salt and pepper"] != cat).any(-1)
    assert changed.mean() == pytest.approx(0.2, abs=0.01)
    assert np.isin(made["salt and pepper"][changed], (0, 255)).all()
    for name, side in (("fine checkerboard", 1), ("checkerboard", 16)):
        assert (made[name][side:] == 255 - made[name][:-side]).all()
        assert (made[name][:side, :side] == 0).all()
    saturated = made["saturated"]
    assert (saturated.max(-1) == 255).all()
    assert (saturated.min(-1) == 0).all()
