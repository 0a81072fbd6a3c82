"""Copies that were cropped or cut are looked for where that is asked for; of a wrong key, the answer comes soon."""

from pathlib import Path

import numpy as np
import pytest

import stegnet
from stegnet import Identity, Key, Passphrase, RevealError

OTHER = Key(bytes(32))
TEXT = b"Meet me at eight."


@pytest.fixture(scope="module")
def key_file(tmp_path_factory) -> Path:
    stegnet.make_key_file(path := tmp_path_factory.mktemp("key") / "k")
    return path


@pytest.fixture(scope="module")
def key(key_file) -> Key:
    return stegnet.read_key(key_file)


@pytest.fixture(scope="module")
def sent(picture, key) -> np.ndarray:
    """A container that may be cropped."""
    return stegnet.hide(picture(160, 160, 3), TEXT, key=key, survive="jpeg:75+crop").container


def test_what_was_not_cropped_needs_no_search(sent, key):
    assert stegnet.reveal(sent, key=key).data == TEXT


def test_cropped_copies_are_found_by_a_search(sent, key):
    container = sent[3:, 5:-2]
    with pytest.raises(RevealError, match="nothing here opens") as caught:
        stegnet.reveal(container, key=key)
    assert caught.value.searchable
    assert "if it was cropped or resized since, search for it: about" in caught.value.hint
    assert stegnet.Session(search=True).reveal(container, key=key).data == TEXT


def test_a_search_that_failed_or_would_find_nothing_is_not_offered(sent):
    small = sent[:96, :96]
    for key, search in ((OTHER, True), (Identity(bytes(32)), False)):
        with pytest.raises(RevealError) as caught:
            stegnet.Session(search=search).reveal(small, key=key)
        assert not caught.value.searchable
        assert "search" not in caught.value.hint
    with pytest.raises(RevealError, match="nothing") as caught:
        stegnet.reveal(small, key=Passphrase("correct horse battery staple"))
    assert caught.value.searchable
