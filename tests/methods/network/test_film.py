"""Hiding films by a network: every frame, time and packet of sound, and no half file, whatever ends it."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from stegnet import CapacityError, MediaError, media
from stegnet.keys import Key, KeyRing
from stegnet.media import FilmWriter, read_frames, read_sound, scan, sound_tracks
from stegnet.methods import film_loop
from stegnet.methods.network import film, reveal
from stegnet.methods.network.frame import hide_frame
from stegnet.record import container as container_module
from stegnet.record import parse_packets, read_record
from tests.methods.network.films import hide_film, no_thread_stays, reveal_film
from tests.support.pairs import FiveLevels, network_of

MILLISECOND = Fraction(1, 1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def films(folder, make_film) -> tuple[Path, Path]:
    """A cover of eight frames with sound, and a silent secret of five at uneven times."""
    cover = make_film(folder / "cover.mkv", 8, 61, 97, sound="aac")
    return cover, make_film(folder / "secret.mkv", 5, 56, 96, seed=20, stamps=[0, 7, 8, 40, 1000])


@pytest.fixture(scope="module")
def talkies(folder, make_film) -> tuple[Path, Path]:
    """Both with sound; the cover is large enough for it."""
    cover = make_film(folder / "loud_cover.mkv", 8, 96, 136, sound="aac")
    return cover, make_film(folder / "loud.mkv", 6, 56, 96, seed=20, sound="aac")


@pytest.fixture
def a(tmp_path) -> Path:
    """A container."""
    return tmp_path / "a.mkv"


@pytest.fixture
def b(tmp_path) -> Path:
    """The revealed film, or another container."""
    return tmp_path / "b.mkv"


def records_of(container: Path, key: Key) -> list:
    return [read_record(frame, KeyRing(key), first=False).record for frame in read_frames(container)]


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_a_film_round_trip_keeps_every_bit_and_time(tmp_path, exact, films, key, five_levels, form):
    """And each frame has its step counted, twice, as it is verified."""
    container, out, calls = tmp_path / f"a.{form}", tmp_path / f"b.{form}", []
    report = hide_film(exact, films, container, key, progress=lambda *call: calls.append(call))
    assert calls == [(doing, done, 8) for doing in ("hide", "verify") for done in range(1, 9)]
    assert (report.width, report.height, report.frames, report.hidden, report.trouble) == (97, 61, 8, 5, ())
    assert report.notes[:-1] == ("the hidden film ends at 0.20 s: 5 of the cover's 8 frames hold it",)
    report = reveal_film(exact, container, out, key, strict=True, lossless=True)
    assert (report.width, report.height, report.frames, report.hidden, report.trouble) == (96, 56, 5, 5, ())
    for secret, frame in zip(read_frames(films[1]), read_frames(out), strict=True):
        np.testing.assert_array_equal(frame, five_levels(secret))
    assert list(scan(out).times) == list(scan(films[1]).times)
    assert scan(out).sound == ()


def test_the_container_is_the_covers_film(exact, films, key, a):
    hide_film(exact, films, a, key)
    cover, container = scan(films[0]), scan(a)
    assert (container.width, container.height, container.sound) == (97, 61, ("aac",))
    apart = [after - before for info in (cover, container) for before, after in pairwise(info.times)]
    assert max(abs(a - b) for a, b in zip(apart[:7], apart[7:], strict=True)) <= MILLISECOND
    for index, (before, after) in enumerate(zip(read_frames(films[0]), read_frames(a), strict=True)):
        step = np.abs(before.astype(int) - after)
        assert max(step[56:].max(), step[:, 96:].max()) == 1
        assert (step.max() > 1) == (index < 5)
    sounds = [[packet.data for packet in read_sound(path)] for path in (films[0], a)]
    assert sounds[0] == sounds[1]


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_sound_is_revealed_packet_by_packet(tmp_path, exact, talkies, key, form, a):
    """Sealed in the hidden frames: every packet as it was, in order, and none in frames that hide nothing."""
    report = hide_film(exact, talkies, a, key)
    assert len(report.notes[:-1]) == 1
    records, sent = records_of(a, key), list(read_sound(talkies[1]))
    parts = [list(parse_packets(record.data, 1)) for record in records]
    assert [packet for part in parts for packet in part] == sent
    assert all(parts[:6]) and parts[6:] == [[], []]
    assert all(record.header.secret.tracks == sound_tracks(talkies[1]) for record in records)
    out = tmp_path / f"b.{form}"
    reveal_film(exact, a, out, key, strict=True, lossless=True)
    (before,), (after,) = sound_tracks(talkies[1]), sound_tracks(out)
    for name in ("codec", "rate", "layout", "extradata"):
        assert getattr(after, name) == getattr(before, name)
    came = list(read_sound(out))
    assert [packet.data for packet in came] == [packet.data for packet in sent]
    for one, other in zip(sent, came, strict=True):
        assert abs(one.pts * before.time_base - other.pts * after.time_base) <= 2 * MILLISECOND


def test_sound_that_does_not_fit_may_be_left_out(tmp_path, exact, films, make_film, key):
    """It stops before any work."""
    loud, calls, out = (films[0], make_film(tmp_path / "loud.mkv", 5, sound="pcm_s16le")), [], tmp_path / "a.mkv"
    with pytest.raises(CapacityError, match="too small: 97×61 pixels") as caught:
        hide_film(exact, loud, out, key, progress=lambda *call: calls.append(call))
    assert "or leave the secret's sound out" in caught.value.hint
    assert not calls and not out.exists()
    assert "the secret's sound is left out" in hide_film(exact, loud, out, key, sound=False).notes
    reveal_film(exact, out, tmp_path / "b.mkv", key)
    assert scan(tmp_path / "b.mkv").sound == ()


def test_a_longer_secret_is_refused_or_cut_and_its_sound_with_it(tmp_path, exact, make_film, key, five_levels):
    a, b, cover = tmp_path / "a.mkv", tmp_path / "b.mkv", make_film(tmp_path / "cover.mkv", 5, 96, 136)
    secret = make_film(tmp_path / "secret.mkv", 25, 96, 136, seed=20, sound="aac")
    with pytest.raises(CapacityError, match="the secret has 25 frames, the cover only 5") as caught:
        hide_film(exact, (cover, secret), a, key)
    assert "hide as many as there is room for" in caught.value.hint
    assert not a.exists()
    report = hide_film(exact, (cover, secret), a, key, longer="cut")
    assert report.notes[:-1] == ("the secret was cut: 5 of its 25 frames are hidden",)
    assert reveal_film(exact, a, b, key, strict=True).frames == 5
    for before, after in zip(read_frames(secret), read_frames(b), strict=False):
        np.testing.assert_array_equal(after, five_levels(before))
    (track,) = sound_tracks(secret)
    kept = [packet.data for packet in read_sound(secret) if packet.pts * track.time_base < Fraction(1, 5)]
    assert [packet.data for packet in read_sound(b)] == kept
    assert 5 < len(kept) < len(list(read_sound(secret))) / 2


@pytest.mark.parametrize(
    "stamped",
    [
        ([-90_000, -45_000, 0, 1, 1 << 33], Fraction(1, 90_000)),
        ([(1 << 62) - 5, (1 << 62) - 4, (1 << 62) - 3, (1 << 62) - 1, 1 << 62], Fraction(1, 2**31 - 1)),
        ([0, 1, 2, 3, 4], Fraction(1, 2**31 - 1)),
        ([0, 1, 3, 4, 5], Fraction(1001, 30_000)),
    ],
)
def test_time_stamps_are_sealed_exactly(tmp_path, exact, films, key, monkeypatch, stamped):
    """And what a file can say of them is shown: milliseconds, from 0 on, no two alike."""
    stamps, base = stamped
    told = replace(scan(films[1]), pts=tuple(stamps), time_base=base)
    monkeypatch.setattr(film, "scan", lambda each: told if each == films[1] else scan(each))
    hide_film(exact, films, tmp_path / "a.mkv", key)
    records = records_of(tmp_path / "a.mkv", key)[:5]
    assert [record.stamp for record in records] == stamps
    assert {record.header.secret.time_base for record in records} == {base}
    assert reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key, strict=True).frames == 5
    times, start = list(scan(tmp_path / "b.mkv").times), min(stamps[0] * base, 0)
    assert len(set(times)) == 5
    for shown, (index, stamp) in zip(times, enumerate(stamps), strict=True):
        assert abs(shown - (stamp * base - start)) <= (index + 1) * MILLISECOND


def test_a_seed_gives_the_same_bytes(exact, talkies, key, a, b):
    """A revealed film has identifiers of its key: not for anyone to compute, since they say that it was revealed."""
    for path in (a, b):
        hide_film(exact, talkies, path, key, random.Random(5).randbytes)
    assert a.read_bytes() == b.read_bytes()
    back = []
    for source in (key, key, Key(bytes(32))):
        hide_film(exact, talkies, a, source, random.Random(5).randbytes)
        reveal_film(exact, a, b, source)
        back.append(b.read_bytes())
    assert back[0] == back[1] != back[2]


def test_a_container_that_does_not_read_back_is_removed(exact, films, key, monkeypatch, a):
    class Faulty(FilmWriter):
        def write(self, picture, time, sound=()):
            picture = picture.copy()
            picture[3, 4, 1] ^= 1
            super().write(picture, time, sound)

    monkeypatch.setattr(film_loop, "FilmWriter", Faulty)
    with pytest.raises(MediaError, match="frame 1 does not read back"):
        hide_film(exact, films, a, key)
    assert not a.exists()
    hide_film(exact, films, a, key, verify=False)


@pytest.mark.parametrize(("which", "count"), [(0, 7), (0, 0), (0, 9), (1, 4), (1, 0)])
def test_a_film_that_changes_while_it_is_being_hidden(exact, films, key, a, which, count):
    """It was scanned first; then it has other frames."""

    def changed(path, *args, **how):
        frames = list(read_frames(path, *args, **how))
        yield from (frames * 2)[:count] if path == films[which] else frames

    with pytest.MonkeyPatch.context() as patch, pytest.raises(MediaError, match="was changed while"):
        patch.setattr(media, "read_frames", changed)
        hide_film(exact, films, a, key)
    assert not a.exists()


class Broken(Exception):
    pass


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["network", "progress", "verify", "decoder", "sound"])
def test_an_early_end_leaves_nothing_behind(tmp_path, talkies, key, monkeypatch, where, error):
    """No half file, no thread, and the error itself rather than another."""
    count = iter(range(100))

    def fail(*args, **more):
        if next(count) == 3:
            raise error

    def failing(frames):
        for frame in frames:
            fail()
            time.sleep(0.005)
            yield frame

    def hide(*args):
        fail()
        return hide_frame(*args)

    def progress(doing, done, total):
        if (where, doing) in (("progress", "hide"), ("verify", "verify")) and done == 3:
            raise error

    if where == "network":
        monkeypatch.setattr(film, "hide_frame", hide)
    elif where == "decoder":
        monkeypatch.setattr(media, "read_frames", lambda path, *_, **how: failing(read_frames(path, *_, **how)))
    elif where == "sound":
        monkeypatch.setattr("stegnet.record.sound.read_sound", lambda path: failing(read_sound(path)))
    with no_thread_stays(), pytest.raises(error):
        hide_film(network_of(FiveLevels(), quality=0), talkies, tmp_path / "a.mkv", key, progress=progress)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", [film_loop, reveal], ids=["hiding", "revealing"])
def test_few_frames_are_in_memory_at_a_time(tmp_path, exact, make_film, key, monkeypatch, module):
    """However long the film: one for each worker, and a few that are decoded ahead or wait to be written."""
    a, b, hiding = tmp_path / "a.mkv", tmp_path / "b.mkv", module is film_loop
    long, written, most = make_film(tmp_path / "long.mkv", 60, 40, 48), [0], [0]
    taken, films, reader = [0], 2 if hiding else 1, media if hiding else container_module

    class Slow(FilmWriter):
        def write(self, picture, time_stamp, sound=()):
            time.sleep(0.004)
            most[0] = max(most[0], taken[0] - films * written[0])
            written[0] += 1
            super().write(picture, time_stamp, sound)

    def counted(path, *args, **how) -> Iterator[np.ndarray]:
        for frame in read_frames(path, *args, **how):
            taken[0] += 1
            yield frame

    hide_film(exact, (long, long), a, key, verify=False)
    monkeypatch.setattr(reader, "read_frames", counted)
    monkeypatch.setattr(module, "FilmWriter", Slow)
    if hiding:
        hide_film(exact, (long, long), b, key, verify=False)
    else:
        reveal_film(exact, a, b, key)
    assert (taken[0], written[0]) == (60 * films, 60)
    assert most[0] <= films * (exact.pool(40, 48).workers + 4)
