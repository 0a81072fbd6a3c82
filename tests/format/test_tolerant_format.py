"""Tolerant JPEG containers, as docs/format.md says: what stegnet writes, read by the book."""

from pathlib import Path

import numpy as np
import pytest

from stegnet.image.jpeg_coefficients import read_jpeg
from stegnet.keys import Key, seeded
from stegnet.sealing.jpeg_samples import coefficient_costs, fixed_samples, with_samples
from stegnet.sealing.tolerant import (
    FORMAT,
    CodeRates,
    SaltedKey,
    StepLimits,
    content_salts,
    seal_tolerant,
    stable_samples,
)
from tests.format import tolerant_by_the_book as book

FOLDER, SECRET, RECORD = Path(__file__).parent / "tolerant_vectors", bytes(range(32)), bytes(range(44))


@pytest.mark.parametrize("name", ["good.jpg", "moved.jpg", "over_an_edge.jpg"])
def test_salts_and_samples(name):
    jpeg = read_jpeg(FOLDER / name)
    salts = list(book.salts(jpeg.planes[0], jpeg.steps(0)))
    assert content_salts(jpeg) == salts
    assert len(salts) > 1 or name != "over_an_edge.jpg"
    assert np.array_equal(stable_samples(jpeg), book.samples(jpeg.planes[0], jpeg.steps(0)))
    assert (book.rooms(jpeg.planes[0], jpeg.steps(0)) <= 8).any()


@pytest.mark.parametrize("codes", [(32, 2, 3), (58, 5, 6), (20, 4, 1), (8, 1, 0)], ids=str)
def test_book_reads_what_stegnet_writes(codes):
    jpeg = read_jpeg(FOLDER / "cover.jpg")
    rate, height, width = codes
    keys = SaltedKey(Key(SECRET), content_salts(jpeg)[0])
    limits = StepLimits(coefficient_costs(jpeg), fixed_samples(jpeg))
    rates = CodeRates(rate, height, FORMAT.widths[width])
    luma = with_samples(jpeg, seal_tolerant(jpeg, RECORD, keys, rates, limits, seeded(2)))[0]
    assert book.read(luma, jpeg.steps(0), SECRET, keys.salt) == RECORD
    assert book.read(luma, jpeg.steps(0), bytes(32), keys.salt) is None
