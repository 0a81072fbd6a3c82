"""A container is opened once, however much is read from it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stegnet.cli import main
from stegnet.core.errors import MediaError, RevealError
from stegnet.files import hide_file, reveal_file
from stegnet.files.info import file_info
from stegnet.media import FILM, PICTURE, FilmWriter, read_cover, read_frames, write_png
from stegnet.methods.network import frame as frame_module
from stegnet.methods.network import reveal_film
from stegnet.methods.sealed import embed_file, extract_file
from stegnet.record import Container
from stegnet.record import container as container_module
from stegnet.results import OutputTarget

FRAMES = 6


@dataclass
class Counts:
    """What was done with the containers.

    Attributes:
        opened: how often pixels were decoded, from the beginning.
        decoded: frames decoded, by index.
        unsealed: how often each picture was unsealed, by its bytes.
    """

    opened: int = 0
    decoded: Counter[int] = field(default_factory=Counter)
    unsealed: Counter[bytes] = field(default_factory=Counter)

    def of(self, first: np.ndarray) -> tuple[int, int]:
        """How often the first frame was decoded and unsealed."""
        return self.decoded[0], self.unsealed[first.tobytes()]


@pytest.fixture(autouse=True)
def inputs(tmp_path, picture, make_film, monkeypatch):
    """cover.png, secret.png, cover.mkv, secret.mkv, notes.txt in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_png(Path("cover.png"), picture(64, 96, 1))
    write_png(Path("secret.png"), picture(40, 50, 2))
    make_film(Path("cover.mkv"), FRAMES)
    make_film(Path("secret.mkv"), 4, 40, 48, seed=9)
    Path("notes.txt").write_text("a note")


@pytest.fixture
def containers(exact, key) -> dict[str, np.ndarray]:
    """One of each kind, with its first frame."""
    for suffix in (".png", ".mkv"):
        target = OutputTarget(Path(f"c{suffix}"))
        hide_file(lambda: exact, Path(f"cover{suffix}"), Path(f"secret{suffix}"), target, key)
        embed_file(Path(f"cover{suffix}"), Path("notes.txt"), OutputTarget(Path(f"f{suffix}")), key)
    firsts = {name: next(read_frames(Path(name))) for name in ("c.mkv", "f.mkv")}
    return firsts | {name: read_cover(Path(name))[0] for name in ("c.png", "f.png")}


@pytest.fixture
def counts(containers, monkeypatch) -> Counts:
    """Counts from here on, wherever in the library it is done."""
    from stegnet.files import info
    from stegnet.media.films.films import films
    from stegnet.media.pictures.pictures import pictures

    found, unseal = Counts(), frame_module.unseal

    def frames(path, **how):
        found.opened += 1
        for index, frame in enumerate(read_frames(path, **how)):
            found.decoded[index] += 1
            yield frame

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
    monkeypatch.setattr(frame_module, "unseal", counted)
    return found


@pytest.mark.parametrize("name", ["c.png", "c.mkv", "f.png", "f.mkv"])
def test_revealing_decodes_and_unseals_the_first_frame_once(exact, key, containers, counts, name):
    out = Path("out").with_suffix(Path(name).suffix)
    assert reveal_file(lambda: exact, Path(name), OutputTarget(out), key).trouble == ()
    assert counts.of(containers[name]) == (1, 1)
    assert counts.opened == 1
    assert set(counts.decoded.values()) == set(counts.unsealed.values()) == {1}
    assert len(counts.decoded) == (1 if name.endswith(".png") else FRAMES)


@pytest.mark.parametrize("name", ["c.png", "c.mkv", "f.png", "f.mkv"])
def test_information_decodes_and_unseals_the_first_frame_once(key, containers, counts, name):
    """A film is decoded once more, for its time stamps, and up to a frame in colour; nothing is unsealed then."""
    assert file_info(Path(name), key)["whole"] is True
    assert counts.of(containers[name]) == (1 + name.endswith(".mkv"), 1)
    assert set(counts.unsealed.values()) == {1}


def test_films_and_files_alone_are_opened_once(exact, key, containers, counts):
    reveal_film(exact, Path("c.mkv"), Path("out.mkv"), key)
    assert counts.of(containers["c.mkv"]) == (1, 1)
    extract_file(Path("f.png"), OutputTarget(Path("out")), key)
    assert counts.unsealed[containers["f.png"].tobytes()] == 1
    assert counts.opened == 2


@pytest.mark.usefixtures("any_quality")
def test_a_folder_of_containers_opens_each_once(weights, key, containers, counts, capsys):
    Path("k").write_bytes(bytes(range(32)))
    Path("k").chmod(0o600)
    Path("containers").mkdir()
    for name in ("f.png", "f.mkv"):
        Path(name).rename(Path("containers", f"{name[-3:]}{Path(name).suffix}"))
    assert main(["reveal", "containers", "-o", "out", "--key-file", "k", "--weights", str(weights)]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["mkv.txt", "png.txt"]
    assert counts.opened == 2
    assert set(counts.unsealed.values()) == {1}


def test_disorder_costs_two_more_passes(exact, key, containers, counts):
    """One in which all records are read, and one that reveals; the first frame is not unsealed again."""
    frames = list(read_frames(Path("c.mkv")))
    written("d.mkv", [*frames[:3], *frames[4:]])
    assert reveal_film(exact, Path("d.mkv"), Path("out.mkv"), key).trouble == ("frame 3 was lost",)
    assert counts.of(containers["c.mkv"]) == (3, 1)
    assert counts.opened == 3


def written(name: str, frames: list[np.ndarray]) -> Path:
    height, width, _ = frames[0].shape
    with FilmWriter(Path(name), width, height, Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
    return Path(name)


def test_an_open_container_has_kind_size_and_header(containers, key):
    for name, kind in (("c.png", PICTURE), ("c.mkv", FILM)):
        with Container(Path(name), key) as container:
            assert (container.kind, container.height, container.width) == (kind, 64, 96)
            assert container.first.whole
            assert container.header() == container.first.record.header


@pytest.mark.parametrize("name", ["c.png", "c.mkv"])
def test_every_pass_gives_all_frames(containers, key, name):
    with Container(Path(name), key) as container:
        one, other = list(container.frames()), list(container.readable_frames())
        assert not container.breaks_off
    assert len(one) == (1 if name == "c.png" else FRAMES)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one[0], containers[name])


def test_a_pass_that_ends_early_leaves_the_next_whole(containers, key):
    with Container(Path("c.mkv"), key) as container:
        for passes in range(3):
            frames = container.frames()
            for _ in range(passes):
                next(frames)
            frames.close()
        assert len(list(container.frames())) == FRAMES


@pytest.mark.parametrize("begun", [0, 1, 2])
def test_closing_ends_the_decoder(containers, key, monkeypatch, begun):
    ended = []

    def frames(path):
        try:
            yield from read_frames(path)
        finally:
            ended.append(path)

    monkeypatch.setattr(container_module, "read_frames", frames)
    with Container(Path("c.mkv"), key) as container:
        reading = container.frames()
        for _ in range(begun):
            next(reading)
        reading.close()
    assert ended == [Path("c.mkv")]


def test_an_error_while_opening_closes_the_file(containers, key, monkeypatch):
    ended = []

    def frames(path):
        try:
            yield from read_frames(path)
        finally:
            ended.append(path)

    def faulty(*args, **more):
        raise MemoryError

    monkeypatch.setattr(frame_module, "unseal", faulty)
    monkeypatch.setattr(container_module, "read_frames", frames)
    with pytest.raises(MemoryError):
        Container(Path("c.mkv"), key)
    assert ended == [Path("c.mkv")]


def test_a_film_that_breaks_off(containers, key, monkeypatch):
    def breaking(path):
        for index, frame in enumerate(read_frames(path)):
            if index == 2:
                raise MediaError("damaged after 2 frames")
            yield frame

    monkeypatch.setattr(container_module, "read_frames", breaking)
    with Container(Path("c.mkv"), key) as container:
        assert len(list(container.readable_frames())) == 2
        assert container.breaks_off
        with pytest.raises(MediaError, match="damaged"):
            list(container.frames())
        assert container.inspect().diagnosis.lost == tuple(range(2, FRAMES))


def test_nothing_opens(key, containers):
    for name in ("cover.png", "cover.mkv"):
        with Container(Path(name), key) as container:
            assert container.first.record is None
            for call in (container.header, container.inspect):
                refused(call, "nothing can be revealed")


def test_a_format_that_keeps_nothing_is_named(key, picture):
    import cv2

    cv2.imwrite("a.jpg", picture(64, 96))
    opens = "nothing here opens with this key"
    with Container(Path("a.jpg"), key) as container, pytest.raises(RevealError, match=opens) as raised:
        container.header()
    assert "a JPEG keeps nothing of what was hidden" in raised.value.hint


def refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(RevealError, match=message):
        call()


def test_a_closed_container_gives_no_frames(key, containers):
    with Container(Path("c.mkv"), key) as container:
        assert sum(1 for _ in container.frames()) == FRAMES
    with pytest.raises(ValueError, match="the container is closed"):
        next(container.frames())


def test_what_is_no_container_is_said_before_what_the_output_needs(exact, key):
    Path("out.png").touch()
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        reveal_file(lambda: exact, Path("notes.txt"), OutputTarget(Path("out.png")), key)
