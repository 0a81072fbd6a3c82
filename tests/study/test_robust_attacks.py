"""The attacks on robust containers, against what is easily found and what is not."""

import numpy as np
import pytest

from stegnet.core.jpeg import through_jpeg
from stegnet.keys import Key
from stegnet.keys.keys import KEY_BYTES
from stegnet.methods.robust.reader import picture_reader
from stegnet.methods.robust_film.phases import GROUP, RUNGS
from stegnet.methods.robust_film.reading import read_film
from study.robust_attacks import jumps
from study.robust_hiders import (
    RobustFilmHider,
    RobustHider,
    Unhidden,
    encoded,
    moving_window,
)
from tests.support.modem import index_modem

KEY = Key(bytes(KEY_BYTES))
RUNG = RUNGS[0]
RUN = RUNG.run


def test_attacked_pictures_are_containers(cat: np.ndarray) -> None:
    modem = index_modem()
    hider = RobustHider(modem, modem.rungs[1])
    container = hider.picture(cat, cat, KEY, 5)
    assert picture_reader(modem, KEY)(container).rung == modem.rungs[1]
    assert picture_reader(modem, KEY)(hider.unhidden(cat)) is None
    assert np.array_equal(hider.unhidden(cat), through_jpeg(cat, 95))
    assert np.array_equal(Unhidden(hider).picture(cat, cat, KEY, 5), hider.unhidden(cat))


@pytest.mark.slow
def test_attacked_films_are_containers(cat: np.ndarray) -> None:
    hider = RobustFilmHider(RUNG)
    frames = moving_window(cat, 128, 0)
    assert len(frames) == GROUP
    film = encoded(hider.group(frames, KEY, 5))
    assert film.shape == (GROUP, 128, 128, 3)
    found = read_film(lambda: (frame for frame in film), list, KEY)
    assert found is not None
    assert found.message is not None
    assert jumps(film, RUN) > jumps(encoded(frames), RUN), "the low frequencies jump where a run begins"
