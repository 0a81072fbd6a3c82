import numpy as np
import pytest

from study.survive import BASE, CODECS, DEFAULT, NONE, measure
from tests.support.quality import psnr


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != NONE])
def test_lower_qualities_lose_more(codec, picture):
    original = picture(64, 96)
    qualities, save = CODECS[codec]
    losses = [np.square(np.subtract(original, save(original, quality), dtype=float)).mean() for quality in qualities]
    assert losses == sorted(losses) and losses[0] < losses[-1]


def test_what_arrives_as_it_was_sent_is_revealed_and_a_codec_destroys_it(exact, picture, five_levels):
    cover, secret = picture(64, 64, 1), picture(64, 64, 2)
    rows = list(measure(exact, [(cover, secret)], 0, 0))
    found = {(row["kind"], row["strength"], row["method"]): row["secret_psnr"] for row in rows}
    assert found[NONE, 0, DEFAULT] == pytest.approx(psnr(secret, five_levels(secret)), abs=0.01)
    assert found[NONE, 0, BASE] == pytest.approx(psnr(secret, np.full_like(secret, 128)), abs=0.01)
    assert found["jpeg", 50, DEFAULT] < found[NONE, 0, DEFAULT] - 3
