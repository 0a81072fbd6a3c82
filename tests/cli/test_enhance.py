"""Output of `stegnet enhance`."""

from pathlib import Path

import numpy as np

from stegnet.media import read_picture


def test_pictures_and_films(stegnet):
    assert stegnet("enhance secret.jpg -o e.png") == (0, "wrote e.png: 40x50, SIZE\n", "")
    before, after = read_picture(Path("secret.jpg")), read_picture(Path("e.png"))
    assert before.shape == after.shape
    assert 0 < np.abs(before.astype(int) - after).mean() < 3
    assert stegnet("enhance cover.mkv -o e.mp4") == (0, "wrote e.mp4: 96x64, SIZE, 6 frames\n", "")


def test_strength(stegnet):
    assert stegnet("enhance cover.png -o nothing.png --strength 0")[0] == 0
    assert stegnet("enhance cover.png -o much.png --strength 5")[0] == 0
    cover, nothing, much = (read_picture(Path(f"{name}.png")).astype(int) for name in ("cover", "nothing", "much"))
    assert np.array_equal(cover, nothing)
    assert np.abs(much - cover).mean() > 1
