"""Films that survive H.264: bits of groups, messages in pieces, and round trips through real encoders."""

import math
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.fft import dctn

from stegnet.codec import Key, OutputTarget, Passphrase
from stegnet.codec.container import Container
from stegnet.codec.film_modem import GROUP, RUN, RUNGS, RUNS, changed, coefficients, film_ratios, sureness
from stegnet.codec.film_survival import hide_in_film, parse_crf
from stegnet.codec.robust_content import RobustFile, file_content
from stegnet.codec.robust_film import (
    HEAD_BYTES,
    group_room,
    hidden_pixels,
    hide_in_group,
    modulated,
    pieces_of,
    read_film,
)
from stegnet.core.errors import CapacityError, ConfigError, RevealError
from stegnet.core.measures import psnr
from stegnet.media import scan
from tests.support.films import encoded, still_film, still_frames

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
NONCE = bytes(7)
FINE = RUNGS[1]
RATE = 20
FREQUENCIES = (0, 2), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2)  # docs/format.md, "Robust films"


def hidden(message: bytes, groups: int, rung=FINE, key=KEY, height: int = 97, width: int = 130) -> list[np.ndarray]:
    """Frames of a film that carries a message and was not encoded; some frames are left over."""
    shape = height // 8, width // 8
    pieces = pieces_of(message, [group_room(shape, rung, RATE)] * groups)
    frames = still_frames(groups * GROUP + 5, height, width)
    made = []
    for index, piece in enumerate(pieces):
        made += hide_in_group(frames[index * GROUP : (index + 1) * GROUP], rung, RATE, piece, key, NONCE)
    return made + frames[len(made) :]


def read(frames: list[np.ndarray], key=KEY):
    return read_film(lambda: (frame for frame in frames), key)


# Bits in frames


def test_coefficients_are_those_of_the_cosine_transform(picture):
    frame = picture(32, 48)
    luma = (frame @ np.array([0.2126, 0.7152, 0.0722])).reshape(4, 8, 6, 8).transpose(0, 2, 1, 3)
    expected = dctn(luma, axes=(2, 3), norm="ortho").reshape(24, 8, 8)
    wanted = np.stack([expected[:, down, across] for down, across in FREQUENCIES], 1)
    assert np.allclose(coefficients(frame), wanted, atol=1e-3)


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: f"{rung.psnr:g} dB")
def test_bits_are_phases_at_the_promised_quality(rung):
    frame = np.random.default_rng(1).integers(60, 196, (160, 160, 3), np.uint8)
    draw = np.random.default_rng(2)
    bits, dither = draw.integers(0, 2, (400, rung.coefficients)), draw.random((400, rung.coefficients))
    container = changed(frame, bits, dither, rung)
    phases = coefficients(container)[:, : rung.coefficients] / rung.period - dither
    assert (np.sign(np.sin(2 * np.pi * phases)) == 2 * bits - 1).mean() > 0.999
    assert abs(psnr(frame, container) - rung.psnr) < 0.6


def test_ratios_sum_the_sines_of_a_run():
    rung, draw = RUNGS[0], np.random.default_rng(3)
    group, dither = draw.normal(0, 50, (GROUP, 4, 6)).astype(np.float32), draw.random((4, RUNS * 6), np.float32)
    block, run, place = 2, 4, 3
    sines = (
        math.sin(2 * math.pi * (group[run * RUN + frame, block, place] / 40 - dither[block, run * 6 + place]))
        for frame in range(RUN)
    )
    found = film_ratios(group, dither, rung)(np.array([block * 36 + run * 6 + place]))
    assert found[0] == pytest.approx(0.3 * sum(sines), abs=1e-4)


def test_high_rates_are_surer():
    assert sureness(RATE) < sureness(RATE + 1)


def test_a_run_carries_the_same_bits_in_all_its_frames():
    frames, rung = [np.full((16, 16, 3), 128, np.uint8)] * GROUP, RUNGS[0]
    draw = np.random.default_rng(4)
    made = modulated(frames, draw.integers(0, 2, (4, 36)), draw.random((4, 36)), rung)
    assert all((made[index] == made[index // RUN * RUN]).all() for index in range(GROUP))
    assert (made[0] != made[RUN]).any()


# Messages


def test_pieces_follow_each_other_and_begin_anew():
    message = bytes(range(100))
    pieces = list(pieces_of(message, [60, 60, 30]))
    assert [len(piece) - HEAD_BYTES for piece in pieces] == [60, 40, 30]
    assert [int.from_bytes(piece[:4], "big") for piece in pieces] == [0, 60, 0]
    assert pieces[0][HEAD_BYTES:] + pieces[1][HEAD_BYTES:] == message


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: f"{rung.psnr:g} dB")
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
    first, second = (hide_in_group(frames, FINE, RATE, piece, KEY, nonce) for nonce in (NONCE, b"another"))
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
        return container.robust(lambda: pytest.fail("films need no networks"))


@pytest.fixture(scope="module", name="container")
def film_container(tmp_path_factory) -> Path:
    """A film that survives CRF 23, in which "note.txt" is hidden."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "note.txt").write_bytes(b"meet me at eight")
    cover, out = still_film(folder / "cover.mkv", 2 * GROUP + 4), folder / "out.mp4"
    report = hide_in_film(cover, folder / "note.txt", OutputTarget(out), KEY, 23, 38)
    assert (report.width, report.height, report.frames) == (160, 128, 2 * GROUP + 4)
    assert report.notes[0].startswith("hidden: note.txt, 16 bytes, byte for byte; ")
    assert "survives H.264 at CRF 23 and better; container " in report.notes[0]
    return out


NOTE = RobustFile("note.txt", b"meet me at eight")


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-crf", "23"), ("-crf", "26", "-preset", "veryfast")], ids=" ".join)
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
    hide_in_film(cover, tmp_path / "a.bin", OutputTarget(out), KEY, 18, 38)
    assert revealed(out).data == (tmp_path / "a.bin").read_bytes()
    encoded(out, tmp_path / "part.mp4", "-frames:v", str(GROUP), "-crf", "18")
    with pytest.raises(RevealError, match=r"\d+% of what is hidden here is left: 1 group of frames"):
        revealed(tmp_path / "part.mp4")


@pytest.mark.slow
def test_what_does_not_fit_is_refused(tmp_path, make_film):
    (tmp_path / "a.bin").write_bytes(bytes(100_000))
    secret, out = tmp_path / "a.bin", OutputTarget(tmp_path / "out.mp4")
    with pytest.raises(CapacityError, match=r"takes 100\d+ bytes, and there is room for \d+"):
        hide_in_film(still_film(tmp_path / "cover.mkv", GROUP), secret, out, KEY, 28, 42)
    with pytest.raises(CapacityError, match="there is room for 0"):
        hide_in_film(make_film(tmp_path / "short.mkv", 3), secret, out, KEY, 23, 38)
    with pytest.raises(CapacityError, match="needs even sides"):
        hide_in_film(make_film(tmp_path / "odd.mkv", 3, width=97), secret, out, KEY, 23, 38)
    assert not out.path.exists()


def test_content_of_a_film_is_that_of_a_robust_record():
    message = file_content("note.txt", b"meet me at eight")
    assert read(hidden(message, 1)).message == message
