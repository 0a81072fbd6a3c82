"""Revealing films by a network: what was done to a container is told, and what is left of it comes back."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stegnet import MediaError, RevealError, StegnetError, WeightsError
from stegnet.keys import Key, Passphrase
from stegnet.media import SoundPacket, read_frames, read_sound, scan, sound_tracks
from stegnet.methods.network import hide_picture, reveal
from stegnet.record import Container, Diagnosis, File, Header, Pictures, Record, format_record
from stegnet.record import container as container_module
from stegnet.record.sound import format_packets
from tests.methods.network.films import hide_film, no_thread_stays, reveal_film, written
from tests.support.pairs import FiveLevels, network_of
from tests.support.sealing import KEY, sealed
from tests.support.tampering import altered, unreadable

NETWORK = network_of(FiveLevels(), quality=0)
SIZE = 40, 48
FRAMES, HIDDEN = 12, 10
KINDS = ("altered", "unreadable", "lost", "moved", "repeated", "foreign")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_film) -> Path:
    """A secret of ten frames in a container of twelve, another film's container, and one with sound."""
    folder = tmp_path_factory.mktemp("films")
    films = make_film(folder / "cover.mkv", FRAMES, *SIZE, seed=50), make_film(folder / "secret.mkv", HIDDEN, *SIZE)
    for seed, name in ((1, "container.mkv"), (2, "other.mkv")):
        hide_film(NETWORK, films, folder / name, KEY, random.Random(seed).randbytes)
    films = (
        make_film(folder / "wide.mkv", 6, 96, 136, seed=50),
        make_film(folder / "talkie.mkv", 6, 96, 136, sound="aac"),
    )
    hide_film(NETWORK, films, folder / "sound.mkv", KEY)
    return folder


@pytest.fixture(scope="module")
def frames(folder) -> list[np.ndarray]:
    return list(read_frames(folder / "container.mkv"))


@pytest.fixture
def secrets(folder, five_levels) -> list[np.ndarray]:
    return [five_levels(frame) for frame in read_frames(folder / "secret.mkv")]


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out.mkv"


def edited(frames: list[np.ndarray], *edits: tuple[int, np.ndarray]) -> list[np.ndarray]:
    """With some frames replaced."""
    result = list(frames)
    for index, frame in edits:
        result[index] = frame
    return result


EDITS: dict[str, tuple[Callable, dict, Sequence[int]]] = {
    # What is done to the frames f (o: those of another film); what is said; which secret frames are shown.
    "one that hides none altered": (lambda f, o: edited(f, (11, altered(f[11]))), {"altered": (11,)}, range(10)),
    "all altered": (lambda f, o: [altered(frame) for frame in f], {"altered": tuple(range(12))}, range(10)),
    "the first unreadable": (lambda f, o: edited(f, (0, unreadable(f[0]))), {"unreadable": (0,)}, range(1, 10)),
    "blacked out": (lambda f, o: edited(f, (4, 0 * f[4])), {"unreadable": (4,)}, [0, 1, 2, 3, *range(5, 10)]),
    "the first dropped": (lambda f, o: f[1:], {"lost": (0,)}, range(1, 10)),
    "cut": (lambda f, o: f[:5], {"lost": tuple(range(5, 12))}, range(5)),
    "all but one dropped": (lambda f, o: f[7:8], {"lost": (*range(7), *range(8, 12))}, [7]),
    "the first swapped": (lambda f, o: edited(f, (0, f[1]), (1, f[0])), {"moved": (1,)}, [0, *range(2, 10)]),
    "backwards": (lambda f, o: f[::-1], {"moved": tuple(range(1, 12))}, [0]),
    "repeated, altered": (lambda f, o: f[:4] + [altered(f[3])] + f[4:], {"repeated": (3,)}, range(10)),
    "all repeated": (lambda f, o: f + f, {"repeated": tuple(range(12))}, range(10)),
    "another film's first put in": (lambda f, o: [o[0], *f], {"foreign": (0,)}, range(10)),
    "another film's": (lambda f, o: edited(f, (4, o[4])), {"unreadable": (4,)}, [0, 1, 2, 3, *range(5, 10)]),
    "another film behind": (lambda f, o: f + o[:8], {"foreign": tuple(range(12, 20))}, range(10)),
    "all together": (
        lambda f, o: [f[0], f[0], altered(f[2]), o[3], f[5], f[4], unreadable(f[6]), *f[7:9], 0 * f[0], *f[9:11]],
        {"altered": (2,), "unreadable": (3, 6), "lost": (1, 11), "moved": (5,), "repeated": (0,), "foreign": (9,)},
        [0, 2, 4, 7, 8, 9],
    ),
}


@pytest.fixture(params=EDITS)
def damaged(request, tmp_path, folder, frames) -> tuple[Path, dict[str, tuple[int, ...]], Sequence[int]]:
    """A container, what is to be said of it, and which secret frames are left."""
    edit, said, shown = EDITS[request.param]
    return written(tmp_path / "c.mkv", edit(frames, list(read_frames(folder / "other.mkv")))), said, shown


def test_damage_is_told_and_the_rest_revealed(tmp_path, damaged, secrets, key, out):
    """If strict, every damage is refused."""
    container, said, shown = damaged
    lines = Diagnosis((), **said).lines()
    with pytest.raises(RevealError) as caught:
        reveal_film(NETWORK, container, out, key, strict=True)
    assert all(line in str(caught.value) for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["c.mkv"]
    with Container(container, key) as opened:
        inspection = opened.inspect()
    found = inspection.diagnosis
    assert {kind: getattr(found, kind) for kind in KINDS if getattr(found, kind)} == said
    assert inspection.header.frames == FRAMES
    report = reveal_film(NETWORK, container, out, key)
    assert report.trouble == lines != ()
    assert (report.frames, report.hidden) == (len(shown), len(shown))
    for index, frame in zip(shown, read_frames(out), strict=True):
        assert (frame != secrets[index]).sum() <= 1
    times = list(scan(out).times)
    assert [time - times[0] for time in times] == [Fraction(index - shown[0], 25) for index in shown]


@pytest.mark.parametrize(("name", "secret"), [("container.mkv", "secret.mkv"), ("sound.mkv", "talkie.mkv")])
def test_a_file_that_breaks_off(tmp_path, folder, key, five_levels, name, secret):
    """Wherever it is cut: the frames before come back, or one clear error."""
    data, container, out = (folder / name).read_bytes(), tmp_path / "c.mkv", tmp_path / "out.mkv"
    expected, counts = [five_levels(frame) for frame in read_frames(folder / secret)], []
    for part in range(1, 17):
        container.write_bytes(data[: len(data) * part // 16])
        out.unlink(missing_ok=True)
        try:
            report = reveal_film(NETWORK, container, out, key)
        except StegnetError:
            counts.append(0)
            assert not out.exists()
            continue
        counts.append(report.frames)
        for frame, wanted in zip(read_frames(out), expected, strict=False):
            np.testing.assert_array_equal(frame, wanted)
        assert part == 16 or any("lost" in line for line in report.trouble)
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(expected))
    assert len(set(counts)) > 4


def test_a_file_with_damage_anywhere(tmp_path, folder, key, secrets, out):
    """Damaged frames are told, and what is shown as whole is whole; never another error than ours."""
    whole, container = (folder / "container.mkv").read_bytes(), tmp_path / "c.mkv"
    for seed in range(25):
        draw, data = random.Random(seed), bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(data))
            data[at : at + draw.randrange(1, 50)] = draw.randbytes(draw.randrange(1, 50))
        container.write_bytes(data)
        with suppress(StegnetError):
            if not reveal_film(NETWORK, container, out, key).trouble:
                for frame, wanted in zip(read_frames(out), secrets, strict=True):
                    np.testing.assert_array_equal(frame, wanted)


@pytest.mark.parametrize("count", [7, 12])
def test_frames_before_damage_that_the_decoder_refuses(folder, key, out, monkeypatch, count):
    """None of those that were decoded is lost with the error."""
    shown, lost = (7, ("5 frames (7–11) were lost",)) if count == 7 else (10, ())

    def break_off(path):
        for _, frame in zip(range(count), read_frames(path), strict=False):
            yield frame
        raise MediaError(f"damaged after {count} frames")

    monkeypatch.setattr(container_module, "read_frames", break_off)
    report = reveal_film(NETWORK, folder / "container.mkv", out, key)
    assert (report.frames, report.trouble) == (shown, lost)
    with pytest.raises(
        RevealError, match="not as it was hidden: " + (r"5 frames" if lost else "the file is damaged b")
    ):
        reveal_film(NETWORK, folder / "container.mkv", out, key, strict=True)
    monkeypatch.setattr(container_module, "read_frames", lambda path: (frame for frame in ()))
    with pytest.raises(MediaError, match="the film has no frames"):
        reveal_film(NETWORK, folder / "container.mkv", out, key)


def test_what_reveals_nothing_leaves_nothing(tmp_path, folder, frames, key, quick_scrypt, out):
    """One error for every reason; and another where only frames are left that hide none."""
    container, answers = folder / "container.mkv", set()
    closed = written(tmp_path / "c.mkv", [unreadable(frame) for frame in frames])
    cases = (container, Key(bytes(32))), (container, Passphrase("x")), (folder / "cover.mkv", key), (closed, key)
    for path, source in (*cases, (written(tmp_path / "d.mkv", frames[10:]), key)):
        with pytest.raises(RevealError) as caught:
            reveal_film(NETWORK, path, out, source)
        answers.add(caught.value.as_text())
    assert len(answers) == 2 and any("no hidden frame is left" in answer for answer in answers)
    assert not out.exists()


def test_sound_of_the_frames_that_are_left(tmp_path, folder, key, out):
    frames, packets = list(read_frames(folder / "sound.mkv")), list(read_sound(folder / "talkie.mkv"))
    container = written(tmp_path / "c.mkv", [*frames[:2], *frames[3:]])
    assert reveal_film(NETWORK, container, out, key).trouble == ("frame 2 was lost",)
    left = [packet.data for packet in read_sound(out)]
    missing = [packet for packet in packets if packet.data not in left]
    assert 0 < len(missing) < len(packets) / 2
    start = packets.index(missing[0])
    assert missing == packets[start : start + len(missing)]
    assert left == [packet.data for packet in packets if packet not in missing]


def test_other_weights(tmp_path, frames, key, out):
    for left in (frames, frames[1:]):
        with pytest.raises(WeightsError, match="5e5e") as caught:
            reveal_film(replace(NETWORK, weights="00" * 32), written(tmp_path / "c.mkv", left), out, key)
        assert "5e" * 32 in caught.value.hint
        assert not out.exists()


def test_what_is_no_film(tmp_path, folder, key, picture, out):
    """A file in a film, and pictures, though the first frame is lost."""
    header = Header(bytes(16), "file", 3, File("x", 15, bytes(32)))
    file = [
        sealed(frame, format_record(Record(header, n, 5 * n, b"", b"bytes"), key), n)
        for n, frame in zip(range(3), read_frames(folder / "cover.mkv"), strict=False)
    ]
    pictures = [hide_picture(NETWORK, picture(*SIZE, n), picture(*SIZE), key) for n in range(3)]
    for frames in (file, file[1:], pictures, pictures[:1]):
        with pytest.raises(RevealError, match="not a film"):
            reveal_film(NETWORK, written(tmp_path / "c.mkv", frames), out, key)


def test_a_record_from_a_friend_that_no_file_can_hold(tmp_path, folder, picture, key):
    """Its holder may seal any number: what can't be written is said, and is no crash."""
    finest, (track,) = Fraction(1, 2**31 - 1), sound_tracks(folder / "talkie.mkv")
    slow, late = replace(track, time_base=1 / finest), SoundPacket(0, 1 << 62, 1 << 62, 9, True, b"sound")
    one = Header(bytes(16), "film", 1, Pictures(48, 40, 1, finest, 1 / finest, "none", 8, "5e" * 32))
    for record in (
        Record(one, 0, 1 << 62),
        Record(one, 0, -(1 << 62)),
        Record(replace(one, secret=replace(one.secret, time_base=Fraction(1), rate=finest)), 0, 1 << 40),
        Record(replace(one, secret=replace(one.secret, width=1 << 20, height=1)), 0),
        Record(replace(one, secret=replace(one.secret, tracks=(slow,))), 0, 0, b"", format_packets([late])),
    ):
        frame = sealed(picture(96, 128), format_record(record, key))
        container = written(tmp_path / "c.mkv", [frame])
        for suffix in ("mkv", "mp4"):
            with suppress(StegnetError):
                assert reveal_film(NETWORK, container, tmp_path / f"out.{suffix}", key, lossless=True).frames == 1


class Broken(Exception):
    pass


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt])
@pytest.mark.parametrize("doing", ["reveal", "check", "decoder", "network"])
def test_an_early_end_leaves_nothing_behind(tmp_path, frames, key, monkeypatch, doing, error):
    container = written(tmp_path / "c.mkv", frames[1:] if doing == "check" else frames)

    def progress(now, done, total):
        if now == doing and done == 3:
            raise error

    def failing(path):
        for index, frame in enumerate(read_frames(path)):
            if index == 5:
                raise error
            yield frame

    def show(*args):
        raise error

    if doing == "decoder":
        monkeypatch.setattr(container_module, "read_frames", failing)
    if doing == "network":
        monkeypatch.setattr(reveal, "reveal_frame", show)
    with no_thread_stays(), pytest.raises(error):
        reveal_film(NETWORK, container, tmp_path / "out.mkv", key, progress)
    assert [path.name for path in tmp_path.iterdir()] == ["c.mkv"]
