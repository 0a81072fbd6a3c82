"""A container is opened once, however much is read from it."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError, RevealError
from stegnet.files import reveal_file
from stegnet.keys import Key
from stegnet.media import FILM, PICTURE, FilmWriter, read_cover, read_frames, write_png
from stegnet.methods import METHODS, Run
from stegnet.methods.network import NetworkOptions, run_of
from stegnet.record import Container, reading
from stegnet.record import container as container_module
from stegnet.results import OutputTarget

FRAMES = 6
KEY = Key(bytes(range(32)))
each_kind = pytest.mark.parametrize("name", ["c.png", "c.mkv"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, picture, make_film) -> Path:
    """A folder with a container of each kind, and what they are made of."""
    from tests.support.pairs import FiveLevels, network_of

    folder, run = tmp_path_factory.mktemp("containers"), run_of(network_of(FiveLevels(), quality=0))
    write_png(folder / "cover.png", picture(64, 96, 1))
    write_png(folder / "secret.png", picture(40, 50, 2))
    make_film(folder / "cover.mkv", FRAMES)
    make_film(folder / "secret.mkv", 4, 40, 48, seed=9)
    for suffix in (".png", ".mkv"):
        cover, secret, out = (folder / f"{name}{suffix}" for name in ("cover", "secret", "c"))
        METHODS["network"].hide(cover, secret, OutputTarget(out), KEY, NetworkOptions(), run)
    Image.fromarray(picture(64, 96)).save(folder / "a.jpg")
    return folder


@pytest.fixture
def run(exact) -> Run:
    return run_of(exact)


@pytest.fixture
def counts(monkeypatch) -> Counter[str]:
    """Numbers of decoders opened and ended, frames decoded, and pictures unsealed."""
    found, unseal = Counter(), reading.unseal

    def frames(path, *args, **how):
        found["opened"] += 1
        try:
            for frame in read_frames(path, *args, **how):
                found["decoded"] += 1
                yield frame
        finally:
            found["ended"] += 1

    def cover(path):
        found.update(["opened", "decoded", "ended"])
        return read_cover(path)

    def counted(*args, **how):
        found["unsealed"] += 1
        return unseal(*args, **how)

    monkeypatch.setattr(container_module, "read_frames", frames)
    monkeypatch.setattr(container_module, "read_cover", cover)
    monkeypatch.setattr(reading, "unseal", counted)
    return found


@each_kind
def test_revealing_decodes_and_unseals_each_frame_once(tmp_path, folder, run, counts, name):
    count = 1 if name == "c.png" else FRAMES
    assert reveal_file(folder / name, OutputTarget(tmp_path / name), KEY, run=run).trouble == ()
    assert counts == {"opened": 1, "decoded": count, "unsealed": count, "ended": 1}


def test_disorder_costs_two_more_passes(tmp_path, folder, run, counts):
    """One in which all records are read, and one that reveals; the first frame is not unsealed again."""
    frames = list(read_frames(folder / "c.mkv"))
    with FilmWriter(tmp_path / "d.mkv", 96, 64, Fraction(25)) as film:
        for index, frame in enumerate([*frames[:3], *frames[4:]]):
            film.write(frame, Fraction(index, 25))
    report = reveal_file(tmp_path / "d.mkv", OutputTarget(tmp_path / "out.mkv"), KEY, run=run)
    assert report.trouble == ("frame 3 was lost",)
    assert counts["opened"] == counts["ended"] == 3
    assert counts["decoded"] <= 3 * (FRAMES - 1) and counts["unsealed"] <= 2 * (FRAMES - 1) + 3


@each_kind
def test_an_open_container(folder, name):
    """Kind, size and header; every pass gives all frames, also after one that ended early, until it is closed."""
    count = 1 if name == "c.png" else FRAMES
    with Container(folder / name, KEY) as container:
        assert (container.kind, container.height, container.width) == (FILM if count > 1 else PICTURE, 64, 96)
        assert container.first.whole
        assert container.header() == container.first.record.header
        for passes in range(min(count, 3)):
            frames = container.frames()
            for _ in range(passes):
                next(frames)
            frames.close()
        one, other = list(container.frames()), list(container.readable_frames())
        assert not container.breaks_off
    expected = [read_cover(folder / name)[0]] if count == 1 else list(read_frames(folder / name))
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(other, expected)
    with pytest.raises(ValueError, match="the container is closed"):
        next(container.frames())


def test_closing_ends_the_decoder(folder, counts, monkeypatch):
    """However far it has come, and after an error while opening."""
    for begun in (0, 1, 2):
        with Container(folder / "c.mkv", KEY) as container:
            frames = container.frames()
            for _ in range(begun):
                next(frames)
            frames.close()
    monkeypatch.setattr(reading, "unseal", lambda *args, **how: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        Container(folder / "c.mkv", KEY)
    assert counts["ended"] == counts["opened"] == 4


def test_nothing_opens(tmp_path, folder, run):
    """A format that keeps nothing is named; what is no container is said before what the output needs."""
    for name in ("cover.png", "cover.mkv", "a.jpg"):
        with Container(folder / name, KEY) as container:
            assert container.first.record is container.header() is None
            message = "nothing can be revealed: nothing here opens with this key"
            with pytest.raises(RevealError, match=message) as raised:
                container.inspect()
        assert ("a JPEG keeps nothing of what was hidden" in raised.value.hint) == (name == "a.jpg")
    (tmp_path / "notes.txt").write_text("a note")
    (tmp_path / "out.png").touch()
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        reveal_file(tmp_path / "notes.txt", OutputTarget(tmp_path / "out.png"), KEY, run=run)
