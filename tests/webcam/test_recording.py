"""Containers whose length is known only at their end."""

import zlib
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from stegnet.core.errors import MediaError, RevealError
from stegnet.keys import Key, Passphrase
from stegnet.keys.keys import SYSTEM, ContainerKeys, KeyRing
from stegnet.media import read_frames, scan
from stegnet.methods.network import reveal_film
from stegnet.methods.network.frame import hide_unsealed
from stegnet.record.reading import read_record
from stegnet.record.record import MAX_FRAMES, Record
from stegnet.webcam.recording import open_header, recorded

STAMPS = [0, 40, 90, 91, 500]


@pytest.fixture
def keys(key) -> ContainerKeys:
    return key.new_keys(SYSTEM)


def hidden(network, keys, picture):
    """Containers of `STAMPS`, of one film, and what they were before they were sealed."""
    header = open_header(network, 64, 96)
    for index, stamp in enumerate(STAMPS):
        record = Record(header, index, stamp)
        cover, secret = picture(64, 96, index), picture(64, 96, 50 + index)
        before = hide_unsealed(network, keys.film, cover, secret, record)
        yield before.sealed(keys, bytes([index]) * 32), before


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_a_recording_is_a_film_like_any_other(exact, key, keys, picture, five_levels, tmp_path, form):
    out = tmp_path / f"c.{form}"
    seen = []
    with recorded(out, form, keys, progress=lambda *step: seen.append(step)) as add:
        for container, before in hidden(exact, keys, picture):
            add(container, before)
        assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert seen == [(doing, done, 5) for doing in ("seal", "verify") for done in range(1, 6)]
    report = reveal_film(exact, out, tmp_path / "s.mkv", key, strict=True)
    assert (report.frames, report.trouble) == (5, ())
    for film in (out, tmp_path / "s.mkv"):
        assert [round(time * 1000) for time in scan(film).times] == STAMPS
    for index, frame in enumerate(read_frames(tmp_path / "s.mkv")):
        assert np.array_equal(frame, five_levels(picture(64, 96, 50 + index)))
    headers = {read_record(frame, KeyRing(key), first=False).record.header for frame in read_frames(out)}
    (header,) = headers
    assert (header.frames, header.secret.hidden, header.secret.rate) == (5, 5, Fraction(8))


def test_the_film_is_as_if_sealed_once(exact, key, keys, picture, tmp_path):
    """But for the rounding errors, of which five cases are kept."""
    frames = list(hidden(exact, keys, picture))
    seeds = iter([bytes([100 + index]) * 32 for index in range(6)])  # the last is of the file's identifiers
    with recorded(tmp_path / "c.mkv", "mkv", keys, lambda size: next(seeds)[:size]) as add:
        for container, before in frames:
            add(container, before)
    for index, (frame, (container, before)) in enumerate(zip(read_frames(tmp_path / "c.mkv"), frames, strict=True)):
        true = replace(before, record=read_record(frame, KeyRing(key), first=False).record)
        assert np.array_equal(frame, true.sealed(keys, bytes([100 + index]) * 32))
        assert not np.array_equal(frame, container)


def test_a_passphrase_opens_it(exact, picture, tmp_path):
    keys = Passphrase("zwei Käse").new_keys(SYSTEM)
    with recorded(tmp_path / "c.mkv", "mkv", keys) as add:
        for container, before in hidden(exact, keys, picture):
            add(container, before)
    again = Passphrase("zwei Käse")
    assert reveal_film(exact, tmp_path / "c.mkv", tmp_path / "s.mkv", again, strict=True).frames == 5
    with pytest.raises(RevealError):
        reveal_film(exact, tmp_path / "c.mkv", tmp_path / "s.mkv", Key(bytes(32)))


def test_a_single_frame(exact, key, keys, picture, tmp_path):
    with recorded(tmp_path / "c.mkv", "mkv", keys) as add:
        add(*next(hidden(exact, keys, picture)))
    assert reveal_film(exact, tmp_path / "c.mkv", tmp_path / "s.mkv", key, strict=True).frames == 1


def test_no_frame(keys, tmp_path):
    with (
        pytest.raises(MediaError, match=r"c\.mkv: not written: there was no frame"),
        recorded(tmp_path / "c.mkv", "mkv", keys),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_failed_recording_leaves_nothing(exact, keys, picture, tmp_path):
    with pytest.raises(ZeroDivisionError), recorded(tmp_path / "c.mkv", "mkv", keys) as add:
        add(*next(hidden(exact, keys, picture)))
        assert len(list(tmp_path.iterdir())) == 2
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("steps", [b"", b"\0\0\0\3abc", b"\0\0\0\x09" + zlib.compress(b"a")])
def test_steps_that_do_not_read_back(exact, keys, picture, tmp_path, monkeypatch, steps):
    monkeypatch.setattr("stegnet.webcam.recording._note_steps", lambda file, *frame: file.write(steps))
    with (
        pytest.raises(MediaError, match=r"c\.mkv: not written: its draft does not read back"),
        recorded(tmp_path / "c.mkv", "mkv", keys) as add,
    ):
        add(*next(hidden(exact, keys, picture)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["altered", "lost", "cut"])
def test_a_draft_that_does_not_read_back(exact, keys, picture, tmp_path, monkeypatch, fault):
    def faulty(path):
        frames = list(read_frames(path))
        if fault == "altered":
            frames[2][3, 3] ^= 8
        else:
            del frames[2 if fault == "lost" else -1]
        yield from frames

    monkeypatch.setattr("stegnet.webcam.recording.read_frames", faulty)
    with (
        pytest.raises(MediaError, match=r"c\.mkv: not written: its draft does not read back"),
        recorded(tmp_path / "c.mkv", "mkv", keys) as add,
    ):
        for container, before in hidden(exact, keys, picture):
            add(container, before)
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_is_open_says_the_most(exact):
    header = open_header(exact, 50, 40)
    assert (header.frames, header.secret.hidden) == (MAX_FRAMES, MAX_FRAMES)
    assert (header.secret.height, header.secret.width) == (50, 40)
    assert open_header(exact, 50, 40).film_id != header.film_id
    assert replace(header, film_id=b"") == replace(open_header(exact, 50, 40), film_id=b"")
