"""Copies that were cropped or cut are looked for where that is asked for; of a wrong key, the answer comes soon."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet import Identity, Key, Passphrase, RevealError
from stegnet.cli import main

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
def sent(picture, key) -> dict[str, np.ndarray]:
    """Containers that may be cropped, by their channels."""
    sides = {"jpeg:75+crop": 160, "jpeg:75+crop:0.7": 400}
    return {
        channel: stegnet.hide(picture(side, side, 3), TEXT, key=key, survive=channel).container
        for channel, side in sides.items()
    }


def test_what_was_not_cropped_needs_no_search(sent, key):
    for container in sent.values():
        assert stegnet.reveal(container, key=key).data == TEXT


def test_cropped_copies_are_found_by_a_search(sent, key):
    for container in (sent["jpeg:75+crop"][3:, 5:-2], sent["jpeg:75+crop:0.7"][101:381, 77:357]):
        with pytest.raises(RevealError, match="nothing here opens") as caught:
            stegnet.reveal(container, key=key)
        assert caught.value.searchable
        assert "if it was cropped or resized since, search for it: about" in caught.value.hint
        assert stegnet.Session(search=True).reveal(container, key=key).data == TEXT


def test_a_search_that_failed_or_would_find_nothing_is_not_offered(sent):
    small = sent["jpeg:75+crop"][:96, :96]
    for key, search in ((OTHER, True), (Identity(bytes(32)), False)):
        with pytest.raises(RevealError) as caught:
            stegnet.Session(search=search).reveal(small, key=key)
        assert not caught.value.searchable
        assert "search" not in caught.value.hint
    with pytest.raises(RevealError, match="nothing") as caught:
        stegnet.reveal(small, key=Passphrase("correct horse battery staple"))
    assert caught.value.searchable


def test_the_command_line_names_the_option(tmp_path, capsys, sent, key_file):
    cropped, found = tmp_path / "cropped.png", tmp_path / "note.txt"
    Image.fromarray(sent["jpeg:75+crop"][4:, 4:]).save(cropped)
    asked = ["reveal", str(cropped), "--key-file", str(key_file), "-o", str(found)]
    assert main(asked) == 1
    assert "or resized since, try `--search`: about" in capsys.readouterr().err
    assert not found.exists()
    assert main([*asked, "--search"]) == 0
    assert found.read_bytes() == TEXT
    assert main(["info", str(cropped), "--key-file", str(key_file), "--search"]) == 0
