"""A container is opened once, however much is read from it."""

import shutil
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import MediaError, RevealError
from stegnet.files import file_info, info, reveal_file
from stegnet.keys import Key
from stegnet.media import FILM, PICTURE, FilmWriter, read_cover, read_frames, write_png
from stegnet.methods import METHODS, Run
from stegnet.methods.network import NetworkOptions, run_of
from stegnet.methods.sealed import embed_file
from stegnet.record import Container, reading
from stegnet.record import container as container_module
from stegnet.results import OutputTarget

FRAMES = 6
NAMES = ["c.png", "c.mkv", "f.png", "f.mkv"]  # by the network, and files


@dataclass
class Counts:
    """What was done with the containers.

    Attributes:
        opened: how often pixels were decoded, from the beginning.
        decoded: frames decoded, by index.
        unsealed: how often each picture was unsealed, by its bytes.
        ended: decoders that were closed.
    """

    opened: int = 0
    decoded: Counter[int] = field(default_factory=Counter)
    unsealed: Counter[bytes] = field(default_factory=Counter)
    ended: int = 0

    def of(self, first: np.ndarray) -> tuple[int, int]:
        """How often the first frame was decoded and unsealed."""
        return self.decoded[0], self.unsealed[first.tobytes()]


@pytest.fixture(scope="module")
def made(tmp_path_factory, picture, make_film) -> Path:
    """A folder with one container of each kind, and what they are made of."""
    from tests.support.pairs import FiveLevels, network_of

    folder, key = tmp_path_factory.mktemp("containers"), Key(bytes(range(32)))
    write_png(folder / "cover.png", picture(64, 96, 1))
    write_png(folder / "secret.png", picture(40, 50, 2))
    make_film(folder / "cover.mkv", FRAMES)
    make_film(folder / "secret.mkv", 4, 40, 48, seed=9)
    (folder / "notes.txt").write_text("a note")
    for suffix in (".png", ".mkv"):
        cover, hide = folder / f"cover{suffix}", METHODS["network"].hide
        out, options, run = (
            OutputTarget(folder / f"c{suffix}"),
            NetworkOptions(),
            run_of(network_of(FiveLevels(), quality=0)),
        )
        hide(cover, folder / f"secret{suffix}", out, key, options, run)
        embed_file(cover, folder / "notes.txt", OutputTarget(folder / f"f{suffix}"), key)
    return folder


@pytest.fixture(autouse=True)
def copied(tmp_path, made, monkeypatch) -> None:
    """They are in the working folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(exact) -> Run:
    return run_of(exact)


def first_of(name: str) -> np.ndarray:
    return read_cover(Path(name))[0] if name.endswith(".png") else next(read_frames(Path(name)))


@pytest.fixture
def counts(monkeypatch) -> Counts:
    """Counts from here on, wherever in the library it is done."""
    from stegnet.media.films import films
    from stegnet.media.pictures import pictures

    found, unseal = Counts(), reading.unseal

    def frames(path, *args, **how):
        found.opened += 1
        try:
            for index, frame in enumerate(read_frames(path, *args, **how)):
                found.decoded[index] += 1
                yield frame
        finally:
            found.ended += 1

    def cover(path):
        found.opened += 1
        found.decoded[0] += 1
        return read_cover(path)

    def counted(picture, keys, *, first):
        found.unsealed[picture.tobytes()] += 1
        return unseal(picture, keys, first=first)

    for module in (container_module, info, films, pictures):
        for name, function in (("read_frames", frames), ("read_cover", cover)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, function)
    monkeypatch.setattr(reading, "unseal", counted)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_revealing_decodes_and_unseals_each_frame_once(run, key, counts, name):
    first, out = first_of(name), Path("out").with_suffix(Path(name).suffix)
    assert reveal_file(Path(name), OutputTarget(out), key, run=run).trouble == ()
    assert counts.of(first) == (1, 1)
    assert counts.opened == 1
    assert set(counts.decoded.values()) == set(counts.unsealed.values()) == {1}
    assert len(counts.decoded) == (1 if name.endswith(".png") else FRAMES)


@pytest.mark.parametrize("name", NAMES)
def test_information_unseals_each_frame_once(key, counts, name):
    """A film is decoded once more, for its time stamps, and up to a frame in colour; nothing is unsealed then."""
    first = first_of(name)
    assert file_info(Path(name), key)["whole"] is True
    assert counts.of(first) == (1 + name.endswith(".mkv"), 1)
    assert set(counts.unsealed.values()) == {1}


def test_disorder_costs_two_more_passes(run, key, counts):
    """One in which all records are read, and one that reveals; the first frame is not unsealed again."""
    frames = list(read_frames(Path("c.mkv")))
    with FilmWriter(Path("d.mkv"), 96, 64, Fraction(25)) as film:
        for index, frame in enumerate([*frames[:3], *frames[4:]]):
            film.write(frame, Fraction(index, 25))
    assert reveal_file(Path("d.mkv"), OutputTarget(Path("out.mkv")), key, run=run).trouble == ("frame 3 was lost",)
    assert counts.of(frames[0]) == (3, 1)
    assert counts.opened == 3


@pytest.mark.parametrize("name", ["c.png", "c.mkv"])
def test_an_open_container(key, name):
    """Kind, size and header; every pass gives all frames, also after one that ended early, until it is closed."""
    count = 1 if name == "c.png" else FRAMES
    with Container(Path(name), key) as container:
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
    assert len(one) == count
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one[0], first_of(name))
    with pytest.raises(ValueError, match="the container is closed"):
        next(container.frames())


@pytest.mark.parametrize("begun", [0, 1, 2])
def test_closing_ends_the_decoder(key, counts, begun):
    with Container(Path("c.mkv"), key) as container:
        frames = container.frames()
        for _ in range(begun):
            next(frames)
        frames.close()
    assert counts.ended == counts.opened == 1


def test_an_error_while_opening_closes_the_file(key, counts, monkeypatch):
    def faulty(*args, **more):
        raise MemoryError

    monkeypatch.setattr(reading, "unseal", faulty)
    with pytest.raises(MemoryError):
        Container(Path("c.mkv"), key)
    assert counts.ended == counts.opened == 1


def test_nothing_opens(run, key, picture):
    """A format that keeps nothing is named; what is no container is said before what the output needs."""
    Image.fromarray(picture(64, 96)).save("a.jpg")
    for name in ("cover.png", "cover.mkv", "a.jpg"):
        with Container(Path(name), key) as container:
            assert container.first.record is container.header() is None
            with pytest.raises(
                RevealError, match="nothing can be revealed: nothing here opens with this key"
            ) as raised:
                container.inspect()
        assert ("a JPEG keeps nothing of what was hidden" in raised.value.hint) == (name == "a.jpg")
    Path("out.png").touch()
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        reveal_file(Path("notes.txt"), OutputTarget(Path("out.png")), key, run=run)
