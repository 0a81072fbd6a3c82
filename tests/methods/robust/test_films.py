"""Films that survive H.264 and its like: bits of groups, messages in pieces, and round trips through real encoders."""

import os
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet import CapacityError, Key, Passphrase, RevealError
from stegnet.channels import parse_film_channel
from stegnet.files import file_info, reveal_file
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import DEFAULT_CONTEXT, Context
from stegnet.keys import SYSTEM
from stegnet.methods import METHODS
from stegnet.methods.robust import (
    FILM_POINTS,
    FREQUENCIES,
    GROUP,
    HEAD_BYTES,
    VARIANTS,
    GroupContent,
    GroupReader,
    RobustOptions,
    content_capacity,
    dct_coefficients,
    film_points,
    headers_of_variants,
    hide_in_group,
    luma,
    modulated,
    new_variant,
    pieces_of,
    read_film,
    signal_of,
    sines,
)
from stegnet.results import OutputTarget, Report
from stegnet.video import read_frames, scan
from stegnet.video.motion import Motion
from tests.support.films import encoded, still_film, still_frames
from tests.support.quality import psnr

pytestmark = pytest.mark.slow

KEY = Key(bytes(range(32)))
NONCE, RATE = bytes(7), 20
_, MIDDLE, FINE = FILM_POINTS
NOTE = b"meet me at eight"
PITCH = 44100 / (2 * np.pi * 16)  # of `still_film`, in Hz


def hidden(message: bytes, groups: int, key: Key | Passphrase = KEY, rate: int = RATE) -> list[np.ndarray]:
    """Frames of a film that carries a message and was not encoded; some frames are left over."""
    height, width = 97, 130
    capacity = content_capacity((height // 8) * (width // 8), FINE, rate)
    assert capacity is not None
    pieces = pieces_of(message, [capacity - HEAD_BYTES] * groups)
    frames, made = still_frames(groups * GROUP + 5, height, width), []
    for index, piece in enumerate(pieces):
        some = frames[index * GROUP : (index + 1) * GROUP]
        made += hide_in_group(some, FINE, GroupContent(piece, rate, NONCE), key)
    return made + frames[len(made) :]


def read(frames: list[np.ndarray], key: Key | Passphrase = KEY) -> bytes | None:
    found = read_film((frame for frame in frames), key)
    return found.message if found else None


@pytest.fixture(scope="module")
def short() -> list[np.ndarray]:
    """A film of three groups, each of which has the whole message."""
    return hidden(b"short", 3)


def test_bits_are_in_phases_and_frames_between_take_over_the_changes():
    """Nothing moves: of the first, of both in the middle, of the next, and at the end of a group of the last. Where a
    frame shows another one, moved by some pixels, so do its changes. Without the dither, bits are not read.
    """
    random = np.random.default_rng(2)
    group = [random.integers(60, 196, (48, 64, 3), np.uint8)] * GROUP
    signs = random.integers(0, 2, (6, 8, MIDDLE.bits)) * np.float32(2) - 1
    dither = random.random((48, MIDDLE.bits), np.float32)
    made = modulated(group, signs, dither, MIDDLE)
    found = [dct_coefficients(luma(frame)) for frame in made[:: MIDDLE.run]]
    assert (sines(found, dither, MIDDLE).reshape(6, 8, -1) * signs).mean() > 0.9
    assert abs((sines(found, 1 - dither, MIDDLE).reshape(6, 8, -1) * signs > 0).mean() - 0.5) < 0.06
    assert abs(np.mean([psnr(*pair) for pair in zip(group, made, strict=True)]) - MIDDLE.psnr) < 2
    changes = np.stack(made).astype(int) - np.stack(group)
    first, second = changes[0], changes[4]
    np.testing.assert_array_equal(changes[1], first)
    np.testing.assert_allclose(changes[2], (first + second) / 2, atol=1.01)
    np.testing.assert_array_equal(changes[3], second)
    assert np.abs(changes[45]).any()
    np.testing.assert_array_equal(changes[44], changes[45])
    still, far = Motion.none((6, 8)), np.full((6, 8, 2), np.nan, np.float32)
    moved = Motion(np.zeros((6, 8, 2), np.float32) + (3, -2), far)
    made = modulated(group, signs, dither, MIDDLE, [still, moved, *[still] * (GROUP - 2)])
    changes = np.stack(made).astype(int) - np.stack(group)
    np.testing.assert_array_equal(changes[1][8:40, 8:56], changes[0][11:43, 6:54])


def names(channel: str, decibels: float | None = None, *, exact: bool = True) -> list[str]:
    points = film_points(parse_film_channel(channel).coding.crf, decibels, exact=exact)
    return [f"{point.name} {most}" for some in points for point, most in some]


def test_channels_have_their_carriers_and_codings():
    """The most robust ones first for files; what is made to fit takes those with most room first."""
    assert names("h264:18", 38) == ["coarse 10", "middle 6", "fine 4", "dense 7"]
    assert names("h264:25", 38, exact=False) == ["middle 6", "coarse 10"]
    assert names("h264:28") == names("messenger") == ["coarse 10", "coarse 3"]
    for name, tried in (("h264:28", (28, "fast")), ("messenger", (28, "veryfast"))):
        coding = parse_film_channel(name).coding
        assert (coding.crf, coding.preset) == tried


def test_a_share_of_the_blocks_carries_a_short_message():
    """All others stay as they are, and what is outside whole blocks. With another nonce, others do."""
    frames, share = still_frames(GROUP, 197, 260), 8
    (piece,) = pieces_of(b"message", [content_capacity(24 * 32, FINE, RATE, share) - HEAD_BYTES])
    changed = []
    for nonce in (NONCE, b"another"):
        made = hide_in_group(frames, FINE, GroupContent(piece, RATE, nonce, share=share), KEY)
        assert read(made) == b"message"
        apart = (np.stack(made) != np.stack(frames)).any((0, 3))
        assert not apart[192:].any() and not apart[:, 256:].any()
        changed.append(apart[:192, :256].reshape(24, 8, 32, 8).any((1, 3)))
        assert 0.2 < changed[-1].mean() < 0.35
    assert (changed[0] != changed[1]).mean() > 0.1


def test_variants_share_no_more_places_than_by_chance():
    """Of their headers, in blocks and dither; drawn bytes give all of them."""
    header_places, dither, _ = headers_of_variants(FINE, (45, 80), KEY, bytes(16))
    blocks = [np.unique(places // len(FREQUENCIES) % (45 * 80)) for places in header_places]
    share = len(blocks[0]) / (45 * 80)
    shared = [np.isin(*pair).mean() for pair in combinations(blocks, 2)]
    assert np.mean(shared) < 1.2 * share
    assert np.abs(np.corrcoef(dither) - np.eye(VARIANTS)).max() < 0.1
    drawn = {new_variant(lambda size, byte=byte: bytes([byte] * size)) for byte in range(256)}
    assert drawn == set(range(VARIANTS))


def test_a_lost_group_is_made_up_for_by_another(short):
    """Whichever is lost. A film that was cut does not open."""
    assert read(still_frames(GROUP) + short[GROUP:]) == b"short"
    message = bytes(range(200)) * 2  # takes three groups
    frames = hidden(message, 7)
    assert read(frames[:GROUP] + still_frames(GROUP) + frames[2 * GROUP :]) == message
    assert read(short[17:]) is None


def test_a_group_is_read_as_if_bits_were_lost():
    """At a rate of a third, half may be; at one of nine tenths a thirteenth, and not a quarter."""
    for rate, lost, opens in ((RATE, 2, True), (58, 13, True), (58, 4, False)):
        signals = [signal_of(frame) for frame in hidden(b"short", 1, rate=rate)[:GROUP]]
        assert bool(GroupReader(KEY, lost).read(signals)) == opens, (rate, lost)


# Files


def hide(cover: Path, secret: Path, out: Path, survive: str = "h264:23", run: Context = DEFAULT_CONTEXT) -> Report:
    return hide_file(HideJob(METHODS["robust"], RobustOptions(survive), run), cover, secret, OutputTarget(out), KEY)


def revealed(film: Path, suffix: str = ".back") -> Path:
    out = film.with_suffix(suffix)
    reveal_file(film, OutputTarget(out, force=True), KEY)
    return out


def test_a_film_comes_back_after_h264(tmp_path):
    """It is an ordinary film with the cover's sound."""
    drawn, out = [], tmp_path / "out.mp4"

    def draw(size: int) -> bytes:
        drawn.append(SYSTEM(size))
        return drawn[-1]

    (tmp_path / "note.txt").write_bytes(NOTE)
    cover = still_film(tmp_path / "cover.mkv", 2 * GROUP + 4, 96, 128)
    report = hide(cover, tmp_path / "note.txt", out, run=Context(randomness=draw))
    assert (report.width, report.height, report.frames) == (128, 96, 2 * GROUP + 4)
    nonces = [data for data in drawn if len(data) == 7]
    assert len(set(nonces)) == len(nonces) >= 2, "each group has its own"
    info = scan(out)
    assert (info.sound, info.notes) == (("aac",), ())
    assert [round(float(time), 3) for time in info.times] == [round(index / 25, 3) for index in range(2 * GROUP + 4)]
    with av.open(str(out)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.format.name) == ("h264", "yuv420p")
    again = encoded(encoded(out, tmp_path / "once.mp4", "-crf", "23"), tmp_path / "again.mp4", "-crf", "20")
    assert revealed(again).read_bytes() == NOTE
    assert file_info(again, KEY)["hidden_name"] == "note.txt"


def test_a_film_comes_back_from_a_messenger(tmp_path):
    """It is reduced beforehand, in size and frames a second."""
    source, cover = still_film(tmp_path / "source.mkv", 2 * GROUP, 84, 900), tmp_path / "cover.mkv"
    encoded(source, cover, *["-vf", "setpts=PTS/2", "-r", "50", "-c:v", "ffv1", "-an"])
    (tmp_path / "note.txt").write_bytes(NOTE)
    report = hide(cover, tmp_path / "note.txt", tmp_path / "a.mp4", "messenger")
    assert (report.width, report.height) == (848, 80)
    assert "the cover was reduced from 900×84 to 848×80 pixels and 50 to 25 frames a second" in report.notes[2]
    small = "-preset", "veryfast", "-profile:v", "baseline", "-crf", "28", "-r", "25"
    assert revealed(encoded(tmp_path / "a.mp4", tmp_path / "sent.mp4", *small)).read_bytes() == NOTE


def test_a_full_film_comes_back_from_what_was_promised_and_then_says_so(tmp_path):
    """Of a part, how much is left; at a third worse than promised, that or nothing opens, in one line."""
    (tmp_path / "a.bin").write_bytes(np.random.default_rng(0).bytes(700))
    out = tmp_path / "out.mp4"
    hide(still_film(tmp_path / "cover.mkv", 2 * GROUP), tmp_path / "a.bin", out)
    sent = encoded(out, tmp_path / "sent.mp4", "-crf", "23")
    assert revealed(sent).read_bytes() == (tmp_path / "a.bin").read_bytes()
    encoded(sent, tmp_path / "part.mp4", "-frames:v", str(GROUP), "-crf", "18")
    with pytest.raises(RevealError, match=r"\d+% of what is hidden here is left: 1 group of frames"):
        revealed(tmp_path / "part.mp4")
    with pytest.raises(RevealError) as caught:
        revealed(encoded(sent, tmp_path / "worse.mp4", "-crf", "32"), ".worse")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "worse.worse").exists()


def test_a_film_with_sound_in_a_film_with_sound(tmp_path):
    """It is compressed to fit, and plays after the container was encoded again, its sound too."""
    secret = still_film(tmp_path / "secret.mkv", 12, 64, 64)
    hide(still_film(tmp_path / "cover.mkv", GROUP, 240, 320), secret, tmp_path / "out.mp4")
    back = revealed(encoded(tmp_path / "out.mp4", tmp_path / "again.mp4", "-crf", "23", "-c:a", "aac"), ".back.mp4")
    pairs = list(zip(read_frames(secret), read_frames(back), strict=True))
    assert len(pairs) == 12
    assert min(psnr(*pair) for pair in pairs) > 25
    with av.open(str(back)) as opened:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    loudest = np.abs(np.fft.rfft(samples * np.hanning(samples.size))).argmax() * 48_000 / samples.size  # Opus
    assert loudest == pytest.approx(PITCH, abs=4)


def test_what_does_not_fit_is_refused(tmp_path, make_film):
    """What no film of this size holds is refused before anything is tried."""
    secret, out = tmp_path / "a.bin", tmp_path / "out.mp4"
    secret.write_bytes(b"")
    with pytest.raises(CapacityError, match="needs even sides"):
        hide(make_film(tmp_path / "odd.mkv", 3, width=97), secret, out)
    os.truncate(secret, 60 << 30)  # sparse
    with pytest.raises(CapacityError, match=r"has 64424509\d+ bytes, more than the capacity of [1-9]\d* at most"):
        hide(still_film(tmp_path / "cover.mkv", GROUP), secret, out)
    assert not out.exists()
