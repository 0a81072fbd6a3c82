import random
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from stegnet.codec import Key, Network, hide_film, reveal_film
from stegnet.errors import CapacityError, RevealError, WeightsError
from stegnet.media import FilmWriter, read_frames, read_tags, scan

MILLISECOND = Fraction(1, 1000)


@pytest.fixture
def films(tmp_path, make_film):
    """A cover of eight frames with sound, and a secret of five at uneven times."""
    cover = make_film(tmp_path / "cover.mkv", 8, 61, 97, sound="aac")
    secret = make_film(tmp_path / "secret.mkv", height=56, width=96, seed=20, stamps=[0, 7, 8, 40, 1000])
    return cover, secret


@pytest.fixture
def hidden(tmp_path, exact, films, key):
    hide_film(exact, *films, tmp_path / "container.mkv", key)
    return tmp_path / "container.mkv"


def test_every_bit_and_time_comes_back(tmp_path, exact, films, hidden, key, four_bits):
    report = reveal_film(exact, hidden, tmp_path / "out.mkv", key)
    assert (report.width, report.height, report.frames, report.hidden) == (96, 56, 5, 5)
    for secret, out in zip(read_frames(films[1]), read_frames(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(out, four_bits(secret))
    assert list(scan(tmp_path / "out.mkv").times) == list(scan(films[1]).times)


def test_the_container_is_the_covers_film(films, hidden):
    cover, container = scan(films[0]), scan(hidden)
    assert (container.width, container.height, container.sound) == (97, 61, ("aac",))
    apart = [after - before for film in (cover, container) for before, after in pairwise(film.times)]
    assert max(abs(a - b) for a, b in zip(apart[:7], apart[7:], strict=True)) <= MILLISECOND
    for index, (before, after) in enumerate(zip(read_frames(films[0]), read_frames(hidden), strict=True)):
        np.testing.assert_array_equal(before[56:], after[56:])
        np.testing.assert_array_equal(before[:, 96:], after[:, 96:])
        assert np.array_equal(before, after) == (index >= 5)


def test_the_covers_sound_is_kept(films, hidden):
    assert sound(films[0]) == sound(hidden)


def sound(path):
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0)]


def test_notes_say_where_it_ends(tmp_path, exact, films, key):
    report = hide_film(exact, *films, tmp_path / "a.mkv", key)
    assert (report.frames, report.hidden) == (8, 5)
    assert report.notes == ("the hidden film ends at 0.20 s: 5 of the cover's 8 frames hold it",)


def test_notes_say_that_sound_is_not_hidden(tmp_path, exact, films, key):
    report = hide_film(exact, films[0], films[0], tmp_path / "a.mkv", key)
    assert report.notes == ("the secret's sound is not hidden: this version hides pictures only",)


def test_a_longer_secret_is_refused(tmp_path, exact, films, key):
    with pytest.raises(CapacityError, match="the secret has 8 frames, the cover only 5") as caught:
        hide_film(exact, films[1], films[0], tmp_path / "a.mkv", key)
    assert "--longer cut" in caught.value.hint
    assert not (tmp_path / "a.mkv").exists()


def test_a_longer_secret_is_cut(tmp_path, exact, films, key):
    report = hide_film(exact, films[1], films[0], tmp_path / "a.mkv", key, "cut")
    assert (report.frames, report.hidden) == (5, 5)
    assert report.notes[0] == "the secret was cut: 5 of its 8 frames are hidden"
    reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key)
    assert list(scan(tmp_path / "b.mkv").times) == list(scan(films[0]).times)[:5]


def test_time_stamps_are_sealed_exactly(tmp_path, exact, films, make_film, key):
    from stegnet.codec.film import _sealed
    from stegnet.codec.header import open_header

    stamps = [0, 1001, 3003, 5000]
    secret = make_film(
        tmp_path / "s.mp4", codec="libx264", pix_fmt="yuv420p", stamps=stamps, time_base=Fraction(1, 90_000)
    )
    hide_film(exact, films[0], secret, tmp_path / "a.mkv", key)
    timing = open_header(_sealed(tmp_path / "a.mkv"), key).timing
    assert [stamp * timing.time_base for stamp in timing.pts] == [Fraction(stamp, 90_000) for stamp in stamps]
    reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key)
    times = scan(tmp_path / "b.mkv").times
    assert all(abs(a - Fraction(b, 90_000)) <= MILLISECOND / 2 for a, b in zip(times, stamps, strict=True))


def test_every_frame_has_its_own_shuffle(tmp_path, exact, films, key):
    """One picture five times: the low bits of the container differ from frame to frame, and between two runs."""
    still = next(read_frames(films[1]))
    with FilmWriter(tmp_path / "still.mkv", 96, 56, Fraction(25)) as film:
        for index in range(5):
            film.write(still, Fraction(index, 25))
    low = []
    for name in ("a.mkv", "b.mkv"):
        hide_film(exact, films[0], tmp_path / "still.mkv", tmp_path / name, key)
        low += [frame[:56, :96] & 15 for frame in list(read_frames(tmp_path / name))[:5]]
    assert all((a != b).mean() > 0.5 for i, a in enumerate(low) for b in low[:i])


def test_a_seed_gives_the_same_bytes(tmp_path, exact, films, key):
    for name in ("a.mkv", "b.mkv"):
        hide_film(exact, *films, tmp_path / name, key, randomness=random.Random(5).randbytes)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_progress_counts_frames(tmp_path, exact, films, key):
    calls = []
    hide_film(exact, *films, tmp_path / "a.mkv", key, progress=lambda *call: calls.append(call))
    assert calls == [(done, 8) for done in range(1, 9)]


@pytest.mark.parametrize("share", [0.2, 0.4, 0.55])
def test_a_truncated_container(tmp_path, exact, hidden, key, share):
    data = hidden.read_bytes()
    hidden.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(RevealError, match=r"incomplete: [0-4] frames found, 5 expected"):
        reveal_film(exact, hidden, tmp_path / "out.mkv", key)
    assert not (tmp_path / "out.mkv").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["container.mkv", "cover.mkv", "secret.mkv"]


def test_nothing_is_revealed(tmp_path, exact, films, hidden, key):
    size = scan(films[0])
    for name, tag in [("junk.mkv", "!!!"), ("other.mkv", "AAAA")]:
        with FilmWriter(tmp_path / name, size.width, size.height, size.rate, {"STEGNET": tag}) as film:
            film.write(next(read_frames(films[0])), Fraction(0))
    cases = [(hidden, Key(bytes(32))), (films[0], key), (tmp_path / "junk.mkv", key), (tmp_path / "other.mkv", key)]
    messages = set()
    for container, other in cases:
        with pytest.raises(RevealError) as caught:
            reveal_film(exact, container, tmp_path / "out.mkv", other)
        messages.add((str(caught.value), caught.value.hint))
    assert len(messages) == 1
    assert not (tmp_path / "out.mkv").exists()


def test_other_weights(tmp_path, exact, hidden, key):
    with pytest.raises(WeightsError, match="4b4b"):
        reveal_film(Network.of(exact.pair, "00" * 32), hidden, tmp_path / "out.mkv", key)


def test_the_key_is_not_in_the_container(hidden, key):
    assert set(read_tags(hidden)) <= {"STEGNET", "ENCODER"}
    assert bytes(range(32)) not in hidden.read_bytes()


def test_a_network_of_ours(tmp_path, weights, films, key):
    network = Network.load(weights)
    hide_film(network, *films, tmp_path / "a.mkv", key)
    assert reveal_film(network, tmp_path / "a.mkv", tmp_path / "b.mkv", key).frames == 5


def test_a_secret_of_one_pixel(tmp_path, exact, films, make_film, key):
    hide_film(exact, films[0], make_film(tmp_path / "s.mkv", 2, 8, 8), tmp_path / "a.mkv", key)
    assert reveal_film(exact, tmp_path / "a.mkv", tmp_path / "b.mkv", key).frames == 2
