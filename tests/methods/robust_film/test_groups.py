"""Films that survive H.264: bits of groups, messages in pieces, and round trips through real encoders."""

import os
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet import CapacityError, ConfigError, RevealError
from stegnet.files import file_info, reveal_file
from stegnet.keys import SYSTEM, Key, Passphrase
from stegnet.media import scan
from stegnet.media.films.encoders import Coding
from stegnet.media.films.motion import Motion
from stegnet.methods import DEFAULT_RUN, METHODS, Run
from stegnet.methods.robust import RobustOptions, Rung, file_content
from stegnet.methods.robust_film.channels import parse_film_channel
from stegnet.methods.robust_film.groups import (
    GroupContent,
    group_room,
    hidden_pixels,
    hide_in_group,
    modulated,
    pieces_of,
    salts_of_group,
    signal_of,
)
from stegnet.methods.robust_film.opening import GroupReader
from stegnet.methods.robust_film.phases import ALL_RUNGS, FREQUENCIES, GROUP, RUNGS, coefficients, luma, sines
from stegnet.methods.robust_film.reading import read_film
from stegnet.methods.robust_film.variants import VARIANTS, headers_of, new_variant
from stegnet.results import OutputTarget, Report
from tests.support.films import encoded, still_film, still_frames
from tests.support.quality import psnr

pytestmark = pytest.mark.slow

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
NONCE, RATE = bytes(7), 20
COARSE, MIDDLE, FINE = RUNGS
each_rung = pytest.mark.parametrize("rung", ALL_RUNGS, ids=lambda rung: rung.name)


def hidden(message: bytes, groups: int, rung=FINE, key=KEY, rate: int = RATE) -> list[np.ndarray]:
    """Frames of a film that carries a message and was not encoded; some frames are left over."""
    height, width = 97, 130
    pieces = pieces_of(message, [group_room((height // 8, width // 8), rung, rate)] * groups)
    frames, made = still_frames(groups * GROUP + 5, height, width), []
    for index, piece in enumerate(pieces):
        some = frames[index * GROUP : (index + 1) * GROUP]
        made += hide_in_group(some, rung, GroupContent(piece, rate, NONCE), key)
    return made + frames[len(made) :]


def read(frames: list[np.ndarray], key=KEY, rate: int = 25):
    times = [Fraction(index, rate) for index in range(len(frames))]
    return read_film(lambda: (frame for frame in frames), lambda: times, key)


@pytest.fixture(scope="module")
def short() -> list[np.ndarray]:
    """A film of three groups, each of which has the whole message."""
    return hidden(b"short", 3)


def group(seed: int = 1, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A group of frames in which nothing moves."""
    frame = np.random.default_rng(seed).integers(60, 196, (height, width, 3), np.uint8)
    return [frame] * GROUP


def some_bits(rung: Rung) -> tuple[np.ndarray, np.ndarray]:
    """Signs and dither of a group."""
    random = np.random.default_rng(2)
    signs = random.integers(0, 2, (6, 8, rung.bits)) * np.float32(2) - 1
    return signs, random.random((48, rung.bits), np.float32)


def found_bits(frames: list[np.ndarray], dither: np.ndarray, rung: Rung) -> np.ndarray:
    return sines([coefficients(luma(frame)) for frame in frames[:: rung.run]], dither, rung).reshape(6, 8, -1)


@each_rung
def test_bits_are_in_phases(rung):
    signs, dither = some_bits(rung)
    made = modulated(group(), signs, dither, rung)
    assert (found_bits(made, dither, rung) * signs).mean() > 0.9
    assert abs((found_bits(made, 1 - dither, rung) * signs > 0).mean() - 0.5) < 0.06
    assert abs(np.mean([psnr(*pair) for pair in zip(group(), made, strict=True)]) - rung.psnr) < 2


@each_rung
def test_blocks_without_bits_stay_as_they_are(rung):
    signs, dither = some_bits(rung)
    signs[2:] = 0
    made = np.stack(modulated(group(), signs, dither, rung))
    assert (made[:, 16:] == np.stack(group())[:, 16:]).all()
    assert (made[:, :16] != np.stack(group())[:, :16]).mean() > 0.5


def test_frames_between_take_over_the_changes_of_those_that_carry_bits():
    """Nothing moves: of the first, of both in the middle, of the next, and at the end of a group of the last."""
    signs, dither = some_bits(MIDDLE)
    changes = np.stack(modulated(group(), signs, dither, MIDDLE)).astype(int) - np.stack(group())
    first, second = changes[0], changes[4]
    np.testing.assert_array_equal(changes[1], first)
    np.testing.assert_allclose(changes[2], (first + second) / 2, atol=1.01)
    np.testing.assert_array_equal(changes[3], second)
    assert np.abs(changes[45]).any()
    np.testing.assert_array_equal(changes[44], changes[45])


def test_changes_follow_motion():
    """Those of a frame that shows another one, moved by some pixels."""
    signs, dither = some_bits(MIDDLE)
    still, far = Motion.none((6, 8)), np.full((6, 8, 2), np.nan, np.float32)
    moved = Motion(np.zeros((6, 8, 2), np.float32) + (3, -2), far)
    made = modulated(group(), signs, dither, MIDDLE, [still, moved, *[still] * (GROUP - 2)])
    changes = np.stack(made).astype(int) - np.stack(group())
    np.testing.assert_array_equal(changes[1][8:40, 8:56], changes[0][11:43, 6:54])


def names(channel: str, decibels: float | None = None, *, exact: bool = True) -> list[str]:
    carriers = parse_film_channel(channel).carriers(decibels, exact=exact)
    return [f"{carrier.rung.name} {carrier.most}" for some in carriers for carrier in some]


def test_carriers_of_channels():
    """The most robust ones first for files; what is made to fit takes those with most room first."""
    assert names("h264:18", 38) == ["coarse 10", "middle 6", "fine 4", "dense 7"]
    assert names("h264:21", 38) == ["coarse 10", "middle 6"]
    assert names("h264:25", 38, exact=False) == ["middle 6", "coarse 10"]
    assert names("h264:28") == names("messenger") == ["coarse 10", "coarse 3"]
    assert names("h264:28", 45) == ["coarse 19"]
    assert names("h264:18", 30) == ["coarse 0", "middle 0", "fine 0", "dense 0"]
    for text in ("jpeg:75", "h264:17", "h264:29", "h264:", "h264:x", "messenger+crop", "h265:23", "vp9:33+veryfast"):
        with pytest.raises(ConfigError, match="no channel for films"):
            parse_film_channel(text)


@pytest.mark.parametrize(
    ("name", "coding", "generations", "carriers", "words"),
    [
        ("h264:23", Coding(23), 1, 2, "H.264 at CRF 23 and better (x264, fast "),
        ("h264:23+veryfast", Coding(23, "veryfast"), 1, 2, "H.264 at CRF 23 and better (x264, veryfast "),
        ("h264:23+twice", Coding(24), 2, 1, "H.264 at CRF 23 and better, twice (x264, fast "),
        ("h264:28+veryfast+twice", Coding(29, "veryfast"), 2, 1, ""),
        ("hevc:28", Coding(28, "medium", "libx265"), 1, 1, "HEVC at CRF 28 and better (x265, medium to very"),
        ("vp9:33", Coding(33, "5", "libvpx-vp9"), 1, 2, "VP9 at CRF 33 and better (libvpx, speed 5 "),
        ("av1:35", Coding(38, "6", "libsvtav1"), 1, 1, "AV1 at CRF 35 and better (SVT-AV1, preset 6 "),
    ],
)  # fmt: skip
def test_codings(name, coding, generations, carriers, words):
    channel = parse_film_channel(name)
    assert (channel.coding, channel.generations) == (coding, generations)
    assert len(names(name, 38)) == carriers
    assert str(channel).startswith(words)


def test_hidden_pixels_are_those_of_whole_groups():
    assert hidden_pixels(97, 130, 2 * GROUP + 47) == 96 * 128 * 2 * GROUP
    assert hidden_pixels(97, 130, GROUP - 1) == 0


def test_keys(quick_scrypt):
    """Another key and nothing hidden look alike."""
    phrase = Passphrase("a phrase")
    made = hidden(b"message", 1, key=phrase)
    assert read(made, phrase).message == b"message"
    for frames, source in ((made, Passphrase("another")), (made, OTHER), (still_frames(GROUP + 3), KEY)):
        assert read(frames, source) is None
    assert read(still_frames(GROUP - 1)) is None


def test_a_share_of_the_blocks_carries_a_short_message():
    """All others stay as they are."""
    frames, share = still_frames(GROUP, 192, 256), 8
    (piece,) = pieces_of(b"message", [group_room((24, 32), FINE, RATE, share)])
    made = hide_in_group(frames, FINE, GroupContent(piece, RATE, NONCE, share=share), KEY)
    changed = (np.stack(made) != np.stack(frames)).any((0, 3)).reshape(24, 8, 32, 8).any((1, 3))
    assert 0.2 < changed.mean() < 0.35
    assert read(made).message == b"message"


@pytest.mark.parametrize("variant", [0, VARIANTS - 1])
def test_a_variant_is_found_by_its_header(variant):
    """All others stay in the range of chance, and so do all in a cover."""
    frames = still_frames(GROUP, 192, 256)
    (piece,) = pieces_of(b"message", [group_room((24, 32), FINE, RATE)])
    made = hide_in_group(frames, FINE, GroupContent(piece, RATE, NONCE, variant), KEY)
    assert read(made).message == b"message"
    (headers,) = headers_of((24, 32), [FINE], KEY, next(salts_of_group([signal_of(frame) for frame in made])))
    hidden, cover = (
        headers.evidence([signal_of(frame).coefficients for frame in film[:: FINE.run]]) for film in (made, frames)
    )
    assert hidden[variant] > 10
    assert max(*cover, *np.delete(hidden, variant)) < 5


def test_variants_share_no_more_places_than_by_chance():
    """Of their headers, in blocks and dither; drawn bytes give all of them."""
    (headers,) = headers_of((45, 80), [FINE], KEY, bytes(16))
    blocks = [np.unique(places // len(FREQUENCIES) % (45 * 80)) for places in headers.places]
    share = len(blocks[0]) / (45 * 80)
    shared = [np.isin(*pair).mean() for pair in combinations(blocks, 2)]
    assert np.mean(shared) < 1.2 * share
    assert np.abs(np.corrcoef(headers.dither) - np.eye(VARIANTS)).max() < 0.1
    assert {new_variant(lambda size, drawn=drawn: bytes([drawn] * size)) for drawn in range(256)} == set(
        range(VARIANTS)
    )


def test_the_same_group_hides_differently_each_time(short):
    """What is outside whole blocks stays."""
    frames, piece = still_frames(GROUP), next(pieces_of(b"message", [50]))
    contents = (GroupContent(piece, RATE, nonce) for nonce in (NONCE, b"another"))
    first, second = (hide_in_group(frames, FINE, content, KEY) for content in contents)
    assert (first[0] != second[0]).any()
    assert (short[0][96:] == frames[0][96:]).all()
    assert (short[0][:, 128:] == frames[0][:, 128:]).all()


def test_groups_are_found_where_frames_were_lost_or_repeated(short):
    """A lost group is made up for by another; of two copies of a message, the second begins after the gap."""
    films = [still_frames(GROUP) + short[GROUP:], *(short[cut:] for cut in (1, 17, 47))]
    for lost in (1, 40):
        films += [short[:30] + short[30 + lost :], short[:10] + [short[9]] * min(lost, 7) + short[10:]]
    assert all(read(film).message == b"short" for film in films)
    message = bytes(range(200)) * 2  # takes three groups
    frames = hidden(message, 8)
    for lost in (0, 1, 40):
        assert read(frames[:60] + frames[60 + lost :]).message == message


def test_a_group_is_read_as_if_bits_were_lost():
    """At a rate of a third, half may be; at one of nine tenths a thirteenth, and not a quarter."""
    for rate, lost, opens in ((RATE, 2, True), (58, 0, True), (58, 13, True), (58, 4, False)):
        signals = [signal_of(frame) for frame in hidden(b"short", 1, rate=rate)[:GROUP]]
        assert bool(GroupReader(KEY, lost).open(signals)) == opens, (rate, lost)


@pytest.mark.parametrize(("before", "after"), [(25, 30), (50, 25), (24, 25), (30, 60)])
def test_a_film_opens_at_another_rate(short, before, after):
    count = len(short) * after // before
    shown = [min(int((index + 0.5) / after * before), len(short) - 1) for index in range(count)]
    assert read([short[index] for index in shown], rate=after).message == b"short"


@pytest.mark.parametrize("opens", [False, True], ids=["passphrase", "key"])
def test_few_keys_are_derived_from_a_passphrase_until_a_group_opens(monkeypatch, opens):
    """A film of one note, behind groups in which nothing is hidden, each of other means."""
    derived = set()
    monkeypatch.setattr("stegnet.methods.robust_film.opening.robust_key", lambda source, salt: derived.add(salt) or KEY)
    monkeypatch.setattr("stegnet.methods.robust_film.opening._MOST_KEYS", 3)
    reader = GroupReader(KEY if opens else Passphrase("six words"))
    for level in range(40, 200, 16):
        reader.open([signal_of(np.full((96, 128, 3), level, np.uint8))] * GROUP)
    assert len(derived) == (10 if opens else 3)
    (piece,) = pieces_of(file_content("a", b"b"), [group_room((12, 16), FINE, RATE)])
    made = hide_in_group(group(1, 96, 128), FINE, GroupContent(piece, RATE, NONCE), KEY)
    assert bool(reader.open([signal_of(frame) for frame in made])) == opens


def hide(cover: Path, secret: Path, out: Path, crf: int = 23, decibels: float = 38, run: Run = DEFAULT_RUN) -> Report:
    options = RobustOptions(f"h264:{crf}", decibels)
    return METHODS["robust"].hide(cover, secret, OutputTarget(out), KEY, options, run)


def revealed(film: Path, key=KEY, search=False) -> bytes:
    out = film.with_suffix(".back")
    reveal_file(film, OutputTarget(out, force=True), key, run=Run(search=search))
    return out.read_bytes()


@pytest.fixture(scope="module")
def container(tmp_path_factory) -> Path:
    """A film that survives CRF 23, in which "note.txt" is hidden, and what was drawn for it."""
    folder, drawn = tmp_path_factory.mktemp("films"), []

    def draw(size: int) -> bytes:
        drawn.append(SYSTEM(size))
        return drawn[-1]

    (folder / "note.txt").write_bytes(b"meet me at eight")
    cover, out = still_film(folder / "cover.mkv", 2 * GROUP + 4), folder / "out.mp4"
    report = hide(cover, folder / "note.txt", out, run=Run(randomness=draw))
    assert (report.width, report.height, report.frames) == (160, 128, 2 * GROUP + 4)
    nonces = [data for data in drawn if len(data) == 7]
    assert len(set(nonces)) == len(nonces) >= 2, "each group has its own"
    return out


@pytest.mark.slow
def test_a_film_comes_back_after_h264(container, tmp_path):
    """Where its first frames were cut off, by a search."""
    assert revealed(encoded(container, tmp_path / "again.mp4", "-crf", "23")) == b"meet me at eight"
    film = encoded(container, tmp_path / "cut.mp4", *["-vf", "trim=start_frame=7", "-crf", "23"])
    with pytest.raises(RevealError) as caught:
        revealed(film)
    assert "if frames were cut off or its frame rate changed since, search for it: about" in caught.value.hint
    assert revealed(film, search=True) == b"meet me at eight"
    assert file_info(film, KEY, Run(search=True))["hidden_name"] == "note.txt"


@pytest.mark.slow
def test_a_film_comes_back_from_a_messenger(tmp_path):
    """It is reduced beforehand, in size and frames a second."""
    source, cover = still_film(tmp_path / "source.mkv", 2 * GROUP, 266, 1200), tmp_path / "cover.mkv"
    encoded(source, cover, *["-vf", "setpts=PTS/2", "-r", "50", "-c:v", "ffv1", "-an"])
    (tmp_path / "note.txt").write_bytes(b"meet me at eight")
    options = RobustOptions("messenger")
    report = METHODS["robust"].hide(
        cover, tmp_path / "note.txt", OutputTarget(tmp_path / "a.mp4"), KEY, options, DEFAULT_RUN
    )
    assert (report.width, report.height) == (848, 188)
    assert "the cover was reduced from 1200×266 to 848×188 pixels and 50 to 25 frames a second" in report.notes[1]
    small = "-preset", "veryfast", "-profile:v", "baseline", "-crf", "28", "-r", "25"
    assert revealed(encoded(tmp_path / "a.mp4", tmp_path / "sent.mp4", *small)) == b"meet me at eight"


@pytest.mark.slow
def test_the_film_is_an_ordinary_one_with_the_covers_sound(container):
    """Another key opens nothing."""
    info = scan(container)
    assert (info.sound, info.notes) == (("aac",), ())
    assert [round(float(time), 3) for time in info.times] == [round(index / 25, 3) for index in range(2 * GROUP + 4)]
    with av.open(str(container)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.format.name) == ("h264", "yuv420p")
    with pytest.raises(RevealError, match="nothing here opens with this key"):
        revealed(container, OTHER)


@pytest.mark.slow
def test_a_part_of_a_film_says_how_much_is_left(tmp_path):
    (tmp_path / "a.bin").write_bytes(np.random.default_rng(0).bytes(1500))
    cover, out = still_film(tmp_path / "cover.mkv", 3 * GROUP), tmp_path / "out.mp4"
    hide(cover, tmp_path / "a.bin", out, 18)
    assert revealed(out) == (tmp_path / "a.bin").read_bytes()
    encoded(out, tmp_path / "part.mp4", "-frames:v", str(GROUP), "-crf", "18")
    with pytest.raises(RevealError, match=r"\d+% of what is hidden here is left: 1 group of frames"):
        revealed(tmp_path / "part.mp4")


@pytest.mark.slow
def test_what_does_not_fit_is_refused(tmp_path, make_film, monkeypatch):
    (tmp_path / "a.bin").write_bytes(bytes(100_000))
    secret, out = tmp_path / "a.bin", tmp_path / "out.mp4"
    covers = still_film(tmp_path / "cover.mkv", GROUP), make_film(tmp_path / "short.mkv", 3)
    messages = (28, 42, r"takes 100\d+ bytes, and there is room for \d+"), (23, 38, "there is room for 0")
    for cover, (crf, decibels, message) in zip(covers, messages, strict=True):
        with pytest.raises(CapacityError, match=message):
            hide(cover, secret, out, crf, decibels)
    with pytest.raises(CapacityError, match="needs even sides"):
        hide(make_film(tmp_path / "odd.mkv", 3, width=97), secret, out)
    os.truncate(secret, 60 << 30)  # sparse: what no film of this size holds is refused before anything is tried
    monkeypatch.setattr("stegnet.methods.robust_film.survival._measure", lambda _: pytest.fail("tried"))
    with pytest.raises(CapacityError, match=r"takes 64424509\d+ bytes, and there is room for [1-9]\d* at most"):
        hide(covers[0], secret, out)
    assert not out.exists()
