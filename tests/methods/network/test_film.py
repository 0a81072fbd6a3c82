import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from stegnet.core.errors import CapacityError, MediaError
from stegnet.keys.keys import Key, KeyRing
from stegnet.media import FilmWriter, read_frames, read_sound, scan, sound_tracks
from stegnet.methods import segments
from stegnet.methods.network import HideOptions, Network, film, hide_film, reveal, reveal_film
from stegnet.methods.network.film import hide_frame
from stegnet.record import container
from stegnet.record.reading import read_record
from stegnet.record.sound import parse_packets
from tests.format import by_the_book
from tests.format.by_the_book import SECRET

MILLISECOND = Fraction(1, 1000)
UNEVEN = [0, 7, 8, 40, 1000]


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.fixture
def films(tmp_path, make_film):
    """A cover of eight frames with sound, and a silent secret of five at uneven times."""
    cover = make_film(tmp_path / "cover.mkv", 8, 61, 97, sound="aac")
    return cover, make_film(tmp_path / "secret.mkv", 5, 56, 96, seed=20, stamps=UNEVEN)


@pytest.fixture
def talkies(tmp_path, make_film):
    """Both with sound; the cover is large enough for it."""
    cover = make_film(tmp_path / "cover.mkv", 8, 96, 136, sound="aac")
    return cover, make_film(tmp_path / "secret.mkv", 6, 56, 96, seed=20, sound="aac")


def test_a_film_round_trip_keeps_every_bit_and_time(tmp_path, exact, films, key, five_levels):
    report = hide_film(exact, *films, tmp_path / "a.mkv", key)
    assert (report.width, report.height, report.frames, report.hidden, report.trouble) == (97, 61, 8, 5, ())
    report = reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key, strict=True)
    assert (report.width, report.height, report.frames, report.hidden, report.trouble) == (96, 56, 5, 5, ())
    for secret, out in zip(read_frames(films[1]), read_frames(tmp_path / "b.mkv"), strict=True):
        np.testing.assert_array_equal(out, five_levels(secret))
    assert list(scan(tmp_path / "b.mkv").times) == list(scan(films[1]).times)
    assert scan(tmp_path / "b.mkv").sound == ()


@pytest.mark.parametrize("form", ["mkv", "mp4"])
@pytest.mark.parametrize("shown", ["mkv", "mp4"])
def test_both_forms_keep_every_bit(tmp_path, exact, films, key, five_levels, form, shown):
    container, out = tmp_path / f"a.{form}", tmp_path / f"b.{shown}"
    hide_film(exact, *films, container, key, HideOptions(form=form))
    report = reveal_film(exact, container, out, key, strict=True, form=shown)
    assert report.trouble == ()
    for secret, frame in zip(read_frames(films[1]), read_frames(out), strict=True):
        np.testing.assert_array_equal(frame, five_levels(secret))
    assert list(scan(out).times) == list(scan(films[1]).times)


def test_the_container_is_the_covers_film(tmp_path, exact, films, key):
    hide_film(exact, *films, tmp_path / "a.mkv", key)
    cover, container = scan(films[0]), scan(tmp_path / "a.mkv")
    assert (container.width, container.height, container.sound) == (97, 61, ("aac",))
    apart = [after - before for info in (cover, container) for before, after in pairwise(info.times)]
    assert max(abs(a - b) for a, b in zip(apart[:7], apart[7:], strict=True)) <= MILLISECOND
    frames = zip(read_frames(films[0]), read_frames(tmp_path / "a.mkv"), strict=True)
    for index, (before, after) in enumerate(frames):
        step = np.abs(before.astype(int) - after)
        assert max(step[56:].max(), step[:, 96:].max()) == 1
        assert (step.max() > 1) == (index < 5)
    sounds = (list(read_sound(path)) for path in (films[0], tmp_path / "a.mkv"))
    assert [packet.data for packet in next(sounds)] == [packet.data for packet in next(sounds)]


def test_a_frame_of_a_film_is_the_book(tmp_path, exact, films, key):
    hide_film(exact, *films, tmp_path / "a.mkv", key)
    secret = scan(films[1])
    salts, ids, nonces = set(), set(), set()
    for index, frame in enumerate(read_frames(tmp_path / "a.mkv")):
        data, whole = by_the_book.read(frame, SECRET)
        fields = by_the_book.parse(data)
        assert whole
        assert (fields.kind, fields.frames, fields.index, fields.hidden) == (2, 8, index, 5)
        assert (fields.width, fields.height, fields.weights) == (96, 56, b"\x5e" * 32)
        assert Fraction(*fields.time_base) == secret.time_base
        assert Fraction(*fields.rate) == secret.rate
        assert fields.stamp == (secret.pts[index] if index < 5 else 0)
        assert (fields.base, fields.tracks, fields.rest) == (b"", b"", b"")
        ids.add(fields.film_id)
        salts.add(by_the_book.frame_salt(frame))
        nonces.add(by_the_book.read_lead(frame, SECRET)[0][:12])
    assert len(ids) == 1
    assert len(nonces) == len(salts) == 8


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_sound_is_revealed_packet_by_packet(tmp_path, exact, talkies, key, form):
    report = hide_film(exact, *talkies, tmp_path / "a.mkv", key)
    assert len(report.notes[:-1]) == 1
    out = tmp_path / f"b.{form}"
    reveal_film(exact, tmp_path / "a.mkv", out, key, strict=True, form=form)
    (before,), (after,) = sound_tracks(talkies[1]), sound_tracks(out)
    assert (after.codec, after.rate, after.layout, after.extradata) == (
        before.codec,
        before.rate,
        before.layout,
        before.extradata,
    )
    sent, came = list(read_sound(talkies[1])), list(read_sound(out))
    assert [packet.data for packet in came] == [packet.data for packet in sent]
    for a, b in zip(sent, came, strict=True):
        assert abs(a.pts * before.time_base - b.pts * after.time_base) <= 2 * MILLISECOND


def test_sound_is_sealed_in_the_hidden_frames(tmp_path, exact, talkies, key):
    """Every packet as it was, in order, and none in frames that hide nothing."""
    hide_film(exact, *talkies, tmp_path / "a.mkv", key)
    records = [read_record(frame, KeyRing(key), first=False).record for frame in read_frames(tmp_path / "a.mkv")]
    parts = [list(parse_packets(record.data, 1)) for record in records]
    assert [packet for part in parts for packet in part] == list(read_sound(talkies[1]))
    assert all(parts[:6])
    assert parts[6:] == [[], []]
    assert all(record.header.secret.tracks == sound_tracks(talkies[1]) for record in records)


def test_sound_may_be_left_out(tmp_path, exact, talkies, key):
    report = hide_film(exact, *talkies, tmp_path / "a.mkv", key, HideOptions(sound=False))
    assert "the secret's sound is left out" in report.notes
    reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key)
    assert scan(tmp_path / "b.mkv").sound == ()


def test_sound_that_does_not_fit_stops_before_any_work(tmp_path, exact, films, make_film, key, monkeypatch):
    monkeypatch.setattr(film, "hide_frame", lambda *_, **__: pytest.fail("it began"))
    monkeypatch.setattr(film, "write_film", lambda *_, **__: pytest.fail("it began"))
    loud = make_film(tmp_path / "loud.mkv", 5, sound="pcm_s16le")
    with pytest.raises(CapacityError, match="too small: 97×61 pixels"):
        hide_film(exact, films[0], loud, tmp_path / "a.mkv", key)
    assert not (tmp_path / "a.mkv").exists()
    monkeypatch.undo()
    hide_film(exact, films[0], loud, tmp_path / "a.mkv", key, HideOptions(sound=False))


def test_note_on_the_end_of_the_hidden_film(tmp_path, exact, films, key):
    report = hide_film(exact, *films, tmp_path / "a.mkv", key)
    assert report.notes[:-1] == ("the hidden film ends at 0.20 s: 5 of the cover's 8 frames hold it",)


def test_films_of_one_length_have_nothing_to_note(tmp_path, exact, films, key):
    assert hide_film(exact, films[1], films[1], tmp_path / "a.mkv", key).notes[:-1] == ()


def test_a_longer_secret_is_refused(tmp_path, exact, films, key):
    with pytest.raises(CapacityError, match="the secret has 8 frames, the cover only 5") as caught:
        hide_film(exact, films[1], films[0], tmp_path / "a.mkv", key)
    assert "hide as many as there is room for" in caught.value.hint
    assert not (tmp_path / "a.mkv").exists()


def test_a_longer_secret_is_cut_and_its_sound_with_it(tmp_path, exact, make_film, key, five_levels):
    cover = make_film(tmp_path / "cover.mkv", 5, 96, 136)
    secret = make_film(tmp_path / "secret.mkv", 25, 96, 136, seed=20, sound="aac")
    report = hide_film(exact, cover, secret, tmp_path / "a.mkv", key, HideOptions(longer="cut"))
    assert (report.frames, report.hidden) == (5, 5)
    assert report.notes[:-1] == ("the secret was cut: 5 of its 25 frames are hidden",)
    report = reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key, strict=True)
    assert report.frames == 5
    for before, after in zip(read_frames(secret), read_frames(tmp_path / "b.mkv"), strict=False):
        np.testing.assert_array_equal(after, five_levels(before))
    (track,) = sound_tracks(secret)
    kept = [packet.data for packet in read_sound(secret) if packet.pts * track.time_base < Fraction(1, 5)]
    assert [packet.data for packet in read_sound(tmp_path / "b.mkv")] == kept
    assert 5 < len(kept) < len(list(read_sound(secret))) / 2


def test_a_film_of_one_frame(tmp_path, exact, make_film, key, five_levels):
    cover, secret = (make_film(tmp_path / f"{n}.mkv", 1, 64, 96, seed=n) for n in range(2))
    hide_film(exact, cover, secret, tmp_path / "a.mkv", key)
    report = reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key, strict=True)
    assert (report.frames, report.trouble) == (1, ())
    (frame,) = read_frames(tmp_path / "b.mkv")
    np.testing.assert_array_equal(frame, five_levels(next(read_frames(secret))))


def test_a_tiny_secret(tmp_path, exact, films, make_film, key):
    hide_film(exact, films[0], make_film(tmp_path / "s.mkv", 2, 8, 8), tmp_path / "a.mkv", key)
    assert reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key).frames == 2


@pytest.mark.parametrize(
    ("stamps", "base"),
    [
        ([0, 1001, 3003, 5000, 5001], Fraction(1, 90_000)),
        ([-90_000, -45_000, 0, 1, 1 << 33], Fraction(1, 90_000)),
        ([(1 << 62) - 5, (1 << 62) - 4, (1 << 62) - 3, (1 << 62) - 1, 1 << 62], Fraction(1, 2**31 - 1)),
        ([0, 1, 2, 3, 4], Fraction(1, 2**31 - 1)),
        ([0, 1, 3, 4, 5], Fraction(1001, 30_000)),
    ],
)
def test_time_stamps_are_sealed_exactly(tmp_path, exact, films, key, monkeypatch, stamps, base):
    """And what a file can say of them is shown: milliseconds, from 0 on, no two alike."""
    secret = replace(scan(films[1]), pts=tuple(stamps), time_base=base)
    monkeypatch.setattr(film, "scan", lambda path: secret if path == films[1] else scan(path))
    hide_film(exact, *films, tmp_path / "a.mkv", key)
    records = [read_record(frame, KeyRing(key), first=False).record for frame in read_frames(tmp_path / "a.mkv")][:5]
    assert [record.stamp for record in records] == stamps
    assert {record.header.secret.time_base for record in records} == {base}
    assert reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key, strict=True).frames == 5
    times = list(scan(tmp_path / "b.mkv").times)
    assert len(set(times)) == 5
    start = min(stamps[0] * base, 0)
    for shown, (index, stamp) in zip(times, enumerate(stamps), strict=True):
        assert abs(shown - (stamp * base - start)) <= (index + 1) * MILLISECOND


@pytest.mark.parametrize("stamp", [(1 << 62) + 1, -(1 << 62) - 1])
def test_a_stamp_that_no_record_can_hold(tmp_path, exact, films, key, monkeypatch, stamp):
    secret = replace(scan(films[1]), pts=(stamp, *range(stamp + 1, stamp + 5)))
    monkeypatch.setattr(film, "scan", lambda path: secret if path == films[1] else scan(path))
    with pytest.raises(CapacityError, match="time stamps"):
        hide_film(exact, *films, tmp_path / "a.mkv", key)
    assert not (tmp_path / "a.mkv").exists()


def low_bits(path) -> list[np.ndarray]:
    return [frame[:56, :96] % 16 // 3 for frame in read_frames(path)]


def test_every_frame_of_every_run_has_its_own_shuffle_and_places(tmp_path, exact, films, key):
    """One picture five times, hidden twice in black: no two containers' frames are alike."""
    still = next(read_frames(films[1]))
    for name, picture in (("still.mkv", still), ("black.mkv", np.zeros_like(still))):
        with FilmWriter(tmp_path / name, 96, 56, Fraction(25)) as writer:
            for index in range(5):
                writer.write(picture, Fraction(index, 25))
    shown, places = [], []
    for name in ("a.mkv", "b.mkv"):
        hide_film(exact, tmp_path / "black.mkv", tmp_path / "still.mkv", tmp_path / name, key)
        shown += low_bits(tmp_path / name)
        for frame in read_frames(tmp_path / name):
            zones = by_the_book.zones(frame, SECRET)
            places.append(set(zones.lead + zones.mac))
    assert all((a != b).mean() > 0.5 for i, a in enumerate(shown) for b in shown[:i])
    assert all(len(a & b) < 0.3 * len(a) for i, a in enumerate(places) for b in places[:i])


def test_no_two_runs_share_a_salt(tmp_path, exact, films, key):
    """Or one passphrase would be one key for all films."""
    for name in ("a.mkv", "b.mkv"):
        hide_film(exact, *films, tmp_path / name, key)
    frames = [frame for name in ("a.mkv", "b.mkv") for frame in read_frames(tmp_path / name)]
    assert len({by_the_book.frame_salt(frame) for frame in frames}) == 16


def test_a_seed_gives_the_same_bytes(tmp_path, exact, talkies, key):
    for name in ("a.mkv", "b.mkv"):
        hide_film(exact, *talkies, tmp_path / name, key, randomness=random.Random(5).randbytes)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_a_revealed_film_has_identifiers_of_its_key(tmp_path, exact, films, key):
    """The same each time, but not for anyone to compute: they would say that the film was revealed."""
    for name, source in (("a", key), ("b", Key(bytes(32)))):
        hide_film(exact, *films, tmp_path / f"{name}.mkv", source, randomness=random.Random(5).randbytes)
        reveal_film(exact, tmp_path / f"{name}.mkv", tmp_path / f"{name}-back.mkv", source)
    reveal_film(exact, tmp_path / "a.mkv", tmp_path / "again.mkv", key)
    one, other, again = ((tmp_path / name).read_bytes() for name in ("a-back.mkv", "b-back.mkv", "again.mkv"))
    assert one == again != other


@pytest.mark.usefixtures("any_quality")
def test_the_number_of_threads_changes_nothing(tmp_path, weights, films, key, monkeypatch):
    network = Network.load(weights, device="cpu", precision="fp32")
    ordered = film.ordered
    for name, workers in (("a.mkv", 1), ("b.mkv", 3)):
        monkeypatch.setattr(
            film, "ordered", lambda work, items, _, prepare=None, n=workers: ordered(work, items, n, prepare)
        )
        hide_film(network, *films, tmp_path / name, key, randomness=random.Random(5).randbytes)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_progress_counts_frames(tmp_path, exact, films, key):
    calls = []
    hide_film(exact, *films, tmp_path / "a.mkv", key, progress=lambda *call: calls.append(call))
    assert calls == [(doing, done, 8) for doing in ("hide", "verify") for done in range(1, 9)]
    calls.clear()
    options = HideOptions(verify=False)
    hide_film(exact, *films, tmp_path / "a.mkv", key, options, progress=lambda *call: calls.append(call))
    assert calls == [("hide", done, 8) for done in range(1, 9)]


def test_a_container_that_does_not_read_back_is_removed(tmp_path, exact, films, key, monkeypatch):
    class Faulty(FilmWriter):
        def write(self, picture, time, sound=()):
            picture = picture.copy()
            picture[3, 4, 1] ^= 1
            super().write(picture, time, sound)

    monkeypatch.setattr(film, "FilmWriter", Faulty)
    with pytest.raises(MediaError, match="frame 1 does not read back"):
        hide_film(exact, *films, tmp_path / "a.mkv", key)
    assert not (tmp_path / "a.mkv").exists()
    hide_film(exact, *films, tmp_path / "a.mkv", key, HideOptions(verify=False))


@pytest.mark.parametrize(("which", "count"), [(0, 7), (0, 0), (0, 9), (1, 4), (1, 0)])
def test_a_film_that_changes_while_it_is_being_hidden(tmp_path, exact, films, key, monkeypatch, which, count):
    """It was scanned first; then it has other frames."""

    def changed(path, **how):
        frames = list(read_frames(path, **how))
        yield from (frames * 2)[:count] if path == films[which] else frames

    monkeypatch.setattr(segments, "read_frames", changed)
    with pytest.raises(MediaError, match="was changed while"):
        hide_film(exact, *films, tmp_path / "a.mkv", key)
    assert not (tmp_path / "a.mkv").exists()


@pytest.mark.usefixtures("any_quality")
def test_a_network_of_ours(tmp_path, weights, films, key):
    network = Network.load(weights, device="cpu", precision="fp32")
    hide_film(network, *films, tmp_path / "a.mkv", key)
    report = reveal_film(network, tmp_path / "a.mkv", tmp_path / "b.mkv", key, strict=True)
    assert (report.width, report.height, report.frames) == (96, 56, 5)


class Broken(Exception):
    pass


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["network", "progress", "verify", "decoder", "sound"])
def test_an_early_end_leaves_nothing_behind(tmp_path, exact, talkies, key, monkeypatch, where, error):
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

    if where == "network":
        monkeypatch.setattr(film, "hide_frame", hide)
    elif where == "decoder":
        monkeypatch.setattr(segments, "read_frames", lambda path, **how: failing(read_frames(path, **how)))
    elif where == "sound":
        monkeypatch.setattr("stegnet.record.sound.read_sound", lambda path: failing(read_sound(path)))

    def progress(doing, done, total):
        if (where, doing) in (("progress", "hide"), ("verify", "verify")) and done == 3:
            raise error

    before = threading.active_count()
    with pytest.raises(error) as caught:
        hide_film(exact, *talkies, tmp_path / "a.mkv", key, progress=progress)
    assert threading.active_count() == before, caught.traceback
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cover.mkv", "secret.mkv"]


def counted(frames: Iterator[np.ndarray], taken: list[int]) -> Iterator[np.ndarray]:
    for frame in frames:
        taken[0] += 1
        yield frame


@pytest.mark.parametrize("module", [film, reveal])
def test_few_frames_are_in_memory_at_a_time(tmp_path, exact, make_film, key, monkeypatch, module):
    """However long the film: one for each worker, and a few that are decoded ahead or wait to be written."""
    long, written, most = make_film(tmp_path / "long.mkv", 60, 40, 48), [0], [0]
    taken, films = [0], 2 if module is film else 1

    class Slow(FilmWriter):
        def write(self, picture, time_stamp, sound=()):
            time.sleep(0.004)
            most[0] = max(most[0], taken[0] - films * written[0])
            written[0] += 1
            super().write(picture, time_stamp, sound)

    options = HideOptions(verify=False)
    hide_film(exact, long, long, tmp_path / "a.mkv", key, options)
    reader = segments if module is film else container
    monkeypatch.setattr(reader, "read_frames", lambda path, **how: counted(read_frames(path, **how), taken))
    monkeypatch.setattr(module, "FilmWriter", Slow)
    if module is film:
        hide_film(exact, long, long, tmp_path / "b.mkv", key, options)
    else:
        reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key)
    assert (taken[0], written[0]) == (60 * films, 60)
    assert most[0] <= films * (exact.pool(40, 48).workers + 4)
