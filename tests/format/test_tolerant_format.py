"""Tolerant JPEG containers, as docs/format.md says: the test vectors, and what stegnet writes."""

import json

import numpy as np
import pytest

from stegnet.image.jpeg_coefficients import read_jpeg
from stegnet.keys import Key, Passphrase, seeded
from stegnet.sealing.jpeg_samples import coefficient_costs, fixed_samples, with_samples
from stegnet.sealing.tolerant import (
    FORMAT,
    CodeRates,
    SaltedKey,
    StepLimits,
    content_salts,
    seal_tolerant,
    stable_samples,
    unseal_tolerant,
)
from tests.format import tolerant_by_the_book as book
from tests.format.make_tolerant_vectors import ANSWERS, FOLDER, PASSPHRASE, RECORD, SECRET

VECTORS = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))


def test_each_vector_has_an_answer():
    assert {path.name for path in FOLDER.iterdir()} == {*VECTORS, ANSWERS}


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name):
    vector = VECTORS[name]
    key = Passphrase(PASSPHRASE) if vector["key"] == PASSPHRASE else Key(bytes.fromhex(vector["key"]))
    found = unseal_tolerant(read_jpeg(FOLDER / name), key)
    assert (found and found.record.hex()) == vector["answer"]


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
