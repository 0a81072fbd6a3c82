"""Films that survive H.264: bits of groups, messages in pieces, and round trips through real encoders."""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.fft import dctn
from stegnet.methods.robust.modems import SHIPPED_MODEMS

from stegnet.core.card import SHIPPED, SHIPPED_FILM_MODEM, SHIPPED_MODEM
from stegnet.core.errors import CapacityError, ConfigError, RevealError, WeightsError
from stegnet.core.measures import psnr
from stegnet.keys import Key, Passphrase
from stegnet.keys.keys import SYSTEM
from stegnet.media import scan
from stegnet.methods.robust.content import RobustFile, file_content
from stegnet.methods.robust_film.groups import (
    HEAD_BYTES,
    GroupReader,
    group_room,
    hidden_pixels,
    hide_in_group,
    pieces_of,
    signal_of,
)
from stegnet.methods.robust_film.modem import FilmModem
from stegnet.methods.robust_film.phases import GROUP, Dither, FilmRung, header_ratios, luma, read_film_rungs
from stegnet.methods.robust_film.reading import read_film
from stegnet.methods.robust_film.survival import choose_film_rung, hide_in_film, parse_crf
from stegnet.record.container import Container
from stegnet.results import OutputTarget
from tests.support.films import encoded, still_film, still_frames

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
NONCE = bytes(7)
MODEM = FilmModem.load(SHIPPED_FILM_MODEM)
RUNGS = MODEM.rungs
FINE = next(rung for rung in RUNGS if rung.name == "subtle")
RATE = 20
# docs/format.md, "Robust films"
FREQUENCIES = (
    (0, 2), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 0), (3, 0), (0, 0), (0, 3), (2, 2), (3, 1), (4, 0), (1, 3),
    (3, 2), (4, 1),
)  # fmt: skip
STEPS = 10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22


def hidden(message: bytes, groups: int, rung=FINE, key=KEY, height: int = 97, width: int = 130) -> list[np.ndarray]:
    """Frames of a film that carries a message and was not encoded; some frames are left over."""
    shape = height // 8, width // 8
    pieces = pieces_of(message, [group_room(shape, rung, RATE)] * groups)
    frames = still_frames(groups * GROUP + 5, height, width)
    made = []
    for index, piece in enumerate(pieces):
        made += hide_in_group(MODEM, frames[index * GROUP : (index + 1) * GROUP], rung, RATE, piece, key, NONCE)
    return made + frames[len(made) :]


def times(count: int, rate: int = 25) -> list[Fraction]:
    return [Fraction(index, rate) for index in range(count)]


def read(frames: list[np.ndarray], key=KEY):
    return read_film(MODEM, lambda: (frame for frame in frames), lambda: times(len(frames)), key)


# Bits in frames


def group(seed: int = 1, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A group of frames in which nothing moves."""
    frame = np.random.default_rng(seed).integers(60, 196, (height, width, 3), np.uint8)
    return [frame] * GROUP


def dithered(seed: int = 0) -> Dither:
    return Dither((6, 8), MODEM.frames, KEY, bytes([seed]))


def some_bits(rung: FilmRung) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 2, (48, rung.group.bits))


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_bits_come_back_at_the_promised_quality(rung):
    bits = some_bits(rung)
    frames = group()
    made = MODEM.hide(frames, bits, dithered(), rung)
    ratios = MODEM.reveal(np.stack([luma(frame) for frame in made]), dithered())[rung]
    assert (np.sign(ratios) == 2 * bits - 1).mean() > 0.97
    assert abs(np.mean([psnr(*pair) for pair in zip(frames, made, strict=True)]) - rung.psnr) < 2


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_a_header_is_read_from_phases_alone(rung):
    """Each number's ratio is that of SciPy's transform and the definition in docs/format.md."""
    made = np.stack([luma(frame) for frame in MODEM.hide(group(), some_bits(rung), dithered(), rung)])
    per_unit, numbers = rung.unit_bits, np.array([5 * rung.group.bits + 1, 40 * rung.group.bits + rung.group.bits - 1])
    found = header_ratios(made, dithered(), rung)(numbers)
    for number, ratio in zip(numbers, found, strict=True):
        block, entry = divmod(int(number), rung.group.bits)
        unit, place = divmod(entry, per_unit)
        run, coefficient = divmod(place, rung.coefficients)
        first = unit * MODEM.frames + run * rung.run
        shift = dithered().unit(unit)[block // 8, block % 8, run * rung.run, coefficient]
        down, across = FREQUENCIES[coefficient]
        total = 0.0
        for frame in made[first : first + rung.run]:
            y, x = 8 * (block // 8), 8 * (block % 8)
            value = dctn(frame[y : y + 8, x : x + 8] - 127.5, norm="ortho")[down, across]
            total += math.sin(2 * math.pi * (value / (STEPS[coefficient] * rung.scale) - shift))
        assert ratio == pytest.approx(0.3 * total, abs=2e-3)


@pytest.mark.parametrize("rung", RUNGS[:2], ids=lambda rung: rung.name)
def test_block_means_are_read_from_phases_alone(rung):
    """They count from the middle of the range, as in the networks."""
    bits, mean = some_bits(rung), FREQUENCIES.index((0, 0))
    made = np.stack([luma(frame) for frame in MODEM.hide(group(), bits, dithered(), rung)])
    ratios = header_ratios(made, dithered(), rung)(np.arange(bits.size)).reshape(-1, rung.coefficients)
    assert (np.sign(ratios) == 2 * bits.reshape(ratios.shape) - 1)[:, mean].mean() > 0.97


def test_another_dither_reads_nothing():
    rung = RUNGS[0]
    bits = some_bits(rung)
    made = np.stack([luma(frame) for frame in MODEM.hide(group(), bits, dithered(), rung)])
    ratios = MODEM.reveal(made, dithered(1))[rung]
    assert abs((np.sign(ratios) == 2 * bits - 1).mean() - 0.5) < 0.06


def test_units_and_groups_have_dithers_of_their_own():
    assert (dithered().unit(0) != dithered().unit(1)).mean() > 0.99
    assert (dithered().unit(0) != dithered(1).unit(0)).mean() > 0.99
    rows, cols = np.array([3, 5]), np.array([0, 7])
    np.testing.assert_array_equal(dithered().at(2, rows, cols), dithered().unit(2)[rows, cols])


def test_large_frames_are_computed_in_bands(monkeypatch):
    rung, bits = RUNGS[1], some_bits(RUNGS[1])
    whole = MODEM.hide(group(), bits, dithered(), rung)
    lumas = np.stack([luma(frame) for frame in whole])
    ratios = MODEM.reveal(lumas, dithered())[rung]
    monkeypatch.setattr("stegnet.methods.robust_film.modem._BAND", 16)
    assert (
        max(
            abs(a.astype(int) - b).max()
            for a, b in zip(MODEM.hide(group(), bits, dithered(), rung), whole, strict=True)
        )
        <= 1
    )
    np.testing.assert_allclose(MODEM.reveal(lumas, dithered())[rung], ratios, atol=1e-3)


@pytest.mark.parametrize(("crf", "psnr", "name"), [
    (18, 38, "h264-18"), (20, 38, "h264-18"), (21, 38, "h264-23"), (25, 38, "h264-23"), (28, 38, "h264-28"),
    (18, 42, "subtle"), (28, 45, "subtle"),
])  # fmt: skip
def test_the_rung_for_a_channel(crf, psnr, name):
    assert choose_film_rung(RUNGS, crf, psnr).name == name


def test_weights_of_another_kind_are_refused(tmp_path):
    for path in (SHIPPED_MODEM, SHIPPED):
        with pytest.raises(WeightsError, match="hide no bits in films"):
            read_film_rungs(path)


# Messages


def test_pieces_follow_each_other_and_begin_anew():
    message = bytes(range(100))
    pieces = list(pieces_of(message, [60, 60, 30]))
    assert [len(piece) - HEAD_BYTES for piece in pieces] == [60, 40, 30]
    assert [int.from_bytes(piece[:4], "big") for piece in pieces] == [0, 60, 0]
    assert pieces[0][HEAD_BYTES:] + pieces[1][HEAD_BYTES:] == message


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
@pytest.mark.parametrize("size", [(97, 130), (88, 120)])
def test_round_trip(rung, size):
    message = b"a message that is longer than one group of a small film" * 2
    frames = hidden(message, 3, rung, height=size[0], width=size[1])
    assert read(frames).message == message


def test_round_trip_by_passphrase(quick_scrypt):
    phrase = Passphrase("a phrase")
    assert read(hidden(b"message", 1, key=phrase), phrase).message == b"message"
    assert read(hidden(b"message", 1, key=phrase), Passphrase("another")) is None


def test_another_key_and_nothing_hidden_look_alike():
    assert read(hidden(b"message", 1), OTHER) is None
    assert read(still_frames(GROUP + 3)) is None
    assert read(still_frames(GROUP - 1)) is None


def test_the_same_group_hides_differently_each_time():
    frames, piece = still_frames(GROUP), next(pieces_of(b"message", [50]))
    first, second = (hide_in_group(MODEM, frames, FINE, RATE, piece, KEY, nonce) for nonce in (NONCE, b"another"))
    assert (first[0] != second[0]).any()


def test_what_is_outside_whole_blocks_stays():
    frames, made = still_frames(GROUP), hidden(b"message", 1)
    assert (made[0][96:] == frames[0][96:]).all()
    assert (made[0][:, 128:] == frames[0][:, 128:]).all()


def test_a_lost_group_is_made_up_for_by_another():
    message = b"short"
    assert read(still_frames(GROUP) + hidden(message, 2)[GROUP:]).message == message


@pytest.mark.parametrize("cut", [1, 17, 47])
def test_groups_are_found_where_frames_were_cut_off(cut):
    assert read(hidden(b"short", 3)[cut:]).message == b"short"


@pytest.mark.parametrize("lost", [1, 5, 40])
def test_groups_are_found_after_frames_that_were_lost_or_repeated(lost):
    """Of two copies of the message, the second begins after the gap."""
    frames = hidden(b"a message of one group", 3)
    for edited in (frames[:30] + frames[30 + lost :], frames[:10] + [frames[9]] * min(lost, 7) + frames[10:]):
        assert read([frame for frame in edited]).message == b"a message of one group"
    message = bytes(range(200)) * 2  # takes three groups
    frames = hidden(message, 8)
    assert read(frames[:60] + frames[60 + lost :]).message == message


@pytest.mark.parametrize(("before", "after"), [(25, 30), (50, 25), (24, 25), (30, 60)])
def test_a_film_opens_at_another_rate(before, after):
    frames = hidden(b"short", 3)
    shown = [
        min(int((index + 0.5) / after * before), len(frames) - 1) for index in range(len(frames) * after // before)
    ]
    edited = [frames[index] for index in shown]
    found = read_film(MODEM, lambda: (frame for frame in edited), lambda: times(len(edited), after), KEY)
    assert found.message == b"short"


def test_what_is_left_of_a_message_is_known():
    room = group_room((12, 16), FINE, RATE)
    pieces = read(hidden(bytes(range(1, 200)) * 9, 2)[:GROUP])
    assert (pieces.message, pieces.groups) == (None, 1)
    assert pieces.share == pytest.approx(room / (199 * 9))


@pytest.mark.parametrize("text", ["jpeg:75", "h264:17", "h264:29", "h264:", "h264:x", "messenger", "h265:23"])
def test_unknown_channels(text):
    with pytest.raises(ConfigError, match="no channel for films"):
        parse_crf(text)


def test_the_forecast_counts_whole_groups_and_blocks():
    assert hidden_pixels(97, 130, 2 * GROUP + 47) == 96 * 128 * 2 * GROUP
    assert hidden_pixels(97, 130, GROUP - 1) == 0


# Files


def revealed(film: Path, key=KEY) -> RobustFile | None:
    with Container(film, key) as container:
        return container.robust(SHIPPED_MODEMS)


@pytest.fixture(scope="module", name="container")
def film_container(tmp_path_factory) -> Path:
    """A film that survives CRF 23, in which "note.txt" is hidden."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "note.txt").write_bytes(b"meet me at eight")
    cover, out = still_film(folder / "cover.mkv", 2 * GROUP + 4), folder / "out.mp4"
    report = hide_in_film(MODEM, cover, folder / "note.txt", OutputTarget(out), KEY, 23, 38, drawn)
    assert (report.width, report.height, report.frames) == (160, 128, 2 * GROUP + 4)
    assert report.notes[0].startswith("hidden: note.txt, 16 bytes, byte for byte; ")
    assert "survives H.264 at CRF 23 and better (x264, fast to veryslow)" in report.notes[0]
    return out


DRAWN: list[bytes] = []  # for the container


def drawn(size: int) -> bytes:
    DRAWN.append(SYSTEM(size))
    return DRAWN[-1]


@pytest.mark.slow
def test_each_group_of_a_film_has_a_nonce_of_its_own(container):
    nonces = [data for data in DRAWN if len(data) == 7]
    assert len(set(nonces)) == len(nonces) >= 2


NOTE = RobustFile("note.txt", b"meet me at eight")


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-crf", "23"), ("-crf", "21", "-preset", "slow")], ids=" ".join)
def test_a_film_comes_back_after_h264(container, tmp_path, options):
    assert revealed(encoded(container, tmp_path / "again.mp4", *options) if options else container) == NOTE


@pytest.mark.slow
def test_a_film_comes_back_after_its_first_frames_were_cut_off(container, tmp_path):
    assert revealed(encoded(container, tmp_path / "cut.mp4", "-vf", "trim=start_frame=7", "-crf", "20")) == NOTE


@pytest.mark.slow
def test_the_film_is_an_ordinary_one_with_the_covers_sound(container):
    info = scan(container)
    assert (info.sound, info.notes) == (("aac",), ())
    assert [round(float(time), 3) for time in info.times] == [round(index / 25, 3) for index in range(2 * GROUP + 4)]
    with av.open(str(container)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.format.name) == ("h264", "yuv420p")


@pytest.mark.slow
def test_another_key_opens_no_film(container):
    assert revealed(container, OTHER) is None
    with Container(container, OTHER) as opened, pytest.raises(RevealError, match="nothing here opens with this key"):
        opened.header()


@pytest.mark.slow
def test_a_part_of_a_film_says_how_much_is_left(tmp_path):
    (tmp_path / "a.bin").write_bytes(np.random.default_rng(0).bytes(1500))
    cover, out = still_film(tmp_path / "cover.mkv", 3 * GROUP), tmp_path / "out.mp4"
    hide_in_film(MODEM, cover, tmp_path / "a.bin", OutputTarget(out), KEY, 18, 38)
    assert revealed(out).data == (tmp_path / "a.bin").read_bytes()
    encoded(out, tmp_path / "part.mp4", "-frames:v", str(GROUP), "-crf", "18")
    with pytest.raises(RevealError, match=r"\d+% of what is hidden here is left: 1 group of frames"):
        revealed(tmp_path / "part.mp4")


@pytest.mark.slow
def test_what_does_not_fit_is_refused(tmp_path, make_film):
    (tmp_path / "a.bin").write_bytes(bytes(100_000))
    secret, out = tmp_path / "a.bin", OutputTarget(tmp_path / "out.mp4")
    with pytest.raises(CapacityError, match=r"takes 100\d+ bytes, and there is room for \d+"):
        hide_in_film(MODEM, still_film(tmp_path / "cover.mkv", GROUP), secret, out, KEY, 28, 42)
    with pytest.raises(CapacityError, match="there is room for 0"):
        hide_in_film(MODEM, make_film(tmp_path / "short.mkv", 3), secret, out, KEY, 23, 38)
    with pytest.raises(CapacityError, match="needs even sides"):
        hide_in_film(MODEM, make_film(tmp_path / "odd.mkv", 3, width=97), secret, out, KEY, 23, 38)
    assert not out.path.exists()


def test_content_of_a_film_is_that_of_a_robust_record():
    message = file_content("note.txt", b"meet me at eight")
    assert read(hidden(message, 1)).message == message


@pytest.mark.parametrize(
    ("source", "opens"), [(Passphrase("six words"), False), (KEY, True)], ids=["passphrase", "key"]
)
def test_few_keys_are_derived_from_a_passphrase_until_a_group_opens(monkeypatch, source, opens):
    """A film of one note, behind groups in which nothing is hidden, each of other means."""
    derived = []
    monkeypatch.setattr(
        "stegnet.methods.robust_film.groups.robust_key", lambda source, salt: derived.append(salt) or KEY
    )
    monkeypatch.setattr("stegnet.methods.robust_film.groups._MOST_KEYS", 3)
    reader = GroupReader(MODEM, source)
    for level in range(40, 200, 16):
        reader.open([signal_of(np.full((96, 128, 3), level, np.uint8))] * GROUP, thorough=False)
    assert len(set(derived)) == (3 if source is not KEY else 10)
    (piece,) = pieces_of(file_content("a", b"b"), [group_room((12, 16), FINE, RATE)])
    made = hide_in_group(MODEM, group(1, 96, 128), FINE, RATE, piece, KEY, NONCE)
    assert bool(reader.open([signal_of(frame) for frame in made])) == opens
