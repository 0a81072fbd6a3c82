"""Sounds and transparent pictures as covers: what stays, what carries nothing, and what is said of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.media.cover import Cover
from tests.support.films import picture
from tests.support.sounds import noise, write_wav

KEY = stegnet.Key(bytes(range(32)))
NOTE = b"meet me at eight" * 9


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def see_through(opacity: np.ndarray) -> np.ndarray:
    height, width = opacity.shape
    return np.dstack([picture(height, width, 1), opacity])


@pytest.mark.parametrize(("bits", "channels"), [(16, 1), (16, 2), (24, 2), (24, 5)])
def test_a_container_may_be_converted_between_wav_and_flac(bits, channels):
    samples = noise(50_000, channels, bits)
    soundfile.write("cover.flac", samples << (32 - bits), 44100, f"PCM_{bits}")
    made = stegnet.hide("cover.flac", NOTE, "sent.flac", key=KEY)
    hidden = soundfile.read("sent.flac", dtype="int32", always_2d=True)[0] >> (32 - bits)
    assert 0 < np.count_nonzero(hidden != samples) == made.hiding.changed_pixels < 0.02 * samples.size
    assert np.abs(hidden - samples).max() == 1
    write_wav(Path("sent.wav"), hidden, bits)
    for container in ("sent.flac", "sent.wav"):
        found = stegnet.reveal(container, key=KEY)
        assert (found.data, found.trouble) == (NOTE, ())
    hidden[25_000] ^= 1 << 12
    write_wav(Path("altered.wav"), hidden, bits)
    assert stegnet.reveal("altered.wav", key=KEY).trouble == ("the sound was altered since it was hidden",)


def recording(level: float = 3000) -> np.ndarray:
    """A tone with noise, (60000, 2) int32."""
    tone = np.sin(np.arange(60_000) / 9)[:, None] * [[level, 0.7 * level]]
    return np.rint(tone).astype(np.int32) + noise(60_000, level=0.02)


def with_part(part: np.ndarray) -> np.ndarray:
    sound = recording()
    sound[30_000 : 30_000 + len(part)] = part
    return sound


@pytest.mark.parametrize(
    "samples",
    [
        with_part(np.zeros((6000, 2), np.int32)),
        with_part(np.tile([700, -77], (6000, 1))),
        with_part(recording()[9000:20_000]),
        with_part(recording()[20_000:9000:-1]),
        with_part(-recording()[9000:20_000]),
        with_part(recording()[20_000:9000:-1, ::-1]),
        with_part(recording()[30_000:45_000, :1].repeat(2, 1)),
    ],
    ids=["silence", "held", "repeated", "reversed", "inverted", "of the other channel, reversed", "equal channels"],
)
def test_parts_that_are_exact_stay_as_they_are(samples):
    """A single step in them would be proof; what stands beside them carries the file."""
    write_wav(Path("cover.wav"), samples)
    stegnet.hide("cover.wav", np.random.default_rng(0).bytes(700), "sent.wav", key=KEY)
    changed = soundfile.read("sent.wav", dtype="int16")[0] != samples
    assert changed.any() and not changed[30_000:36_000].any()


def test_clipped_samples_stay_clipped():
    samples = np.clip(recording(60_000), -32768, 32767)
    write_wav(Path("cover.wav"), samples)
    stegnet.hide("cover.wav", np.random.default_rng(0).bytes(700), "sent.wav", key=KEY)
    changed = soundfile.read("sent.wav", dtype="int16")[0] != samples
    assert changed.any() and not changed[np.abs(samples) >= 32767].any()


def test_nothing_lies_beyond_the_level_at_which_a_sound_was_clipped():
    samples = np.clip(noise(200_000, level=0.05), -4000, 4000)
    write_wav(Path("cover.wav"), samples)
    stegnet.hide("cover.wav", np.random.default_rng(0).bytes(200), "sent.wav", key=KEY)
    hidden = soundfile.read("sent.wav", dtype="int16")[0]
    assert (hidden != samples).any() and np.abs(hidden.astype(int)).max() == 4000


def test_channels_that_are_equal_stay_equal():
    write_wav(Path("cover.wav"), np.repeat(noise(60_000, 1), 2, 1))
    stegnet.hide("cover.wav", NOTE, "sent.wav", key=KEY)
    left, right = soundfile.read("sent.wav", dtype="int16")[0].T
    assert (left == right).all()
    assert stegnet.reveal("sent.wav", key=KEY).data == NOTE


LACKS, FOLLOWS = "lacks some values of samples", "samples follow from their neighbours"
CHANNELS = "channels follow from each other"
LOUD, QUIET = noise(200_000), noise(200_000, level=0.02)
LEFT, RIGHT = LOUD.T


def between(samples: np.ndarray, factor: float) -> np.ndarray:
    """Interpolate linearly, so that there are `factor` times as many samples."""
    places = np.arange(round((len(samples) - 1) * factor)) / factor
    return np.stack([np.interp(places, np.arange(len(samples)), channel) for channel in samples.T], 1)


def delayed(samples: np.ndarray, by: int) -> np.ndarray:
    return np.concatenate([np.zeros(by), samples[:-by]])


def low_pass(samples: np.ndarray, kept: float) -> np.ndarray:
    """Leave nothing above a share of the spectrum."""
    spectrum = np.fft.rfft(samples, axis=0)
    spectrum[round(len(spectrum) * kept) :] = 0
    return np.fft.irfft(spectrum, len(samples), 0)


PROVEN = {
    "louder": (LOUD * 1.3, 16, LACKS),
    "louder by a hundredth": (QUIET * 1.01, 16, LACKS),  # every hundredth value is missing
    "a louder end": (np.concatenate([QUIET, QUIET, QUIET[:100_000] * 2]), 16, LACKS),
    "one channel louder": (np.stack([1.2 * LEFT, 0.9 * RIGHT], 1), 16, LACKS),
    "wider": (np.stack([1.2 * LEFT - 0.2 * RIGHT, 1.2 * RIGHT - 0.2 * LEFT], 1), 16, LACKS),
    "inverted": (np.stack([LEFT, -LEFT], 1), 16, CHANNELS),
    "16 bits in 24": (LOUD << 8, 24, LACKS),
    "16 bits in 24, louder": (LOUD * (256 * 1.37), 24, LACKS),
    "8 bits in 16": (LOUD // 256 * 256 + 99, 16, LACKS),
    "panned": (np.stack([LEFT, 0.6 * LEFT], 1), 16, CHANNELS),
    "delayed": (np.stack([LEFT, 0.9 * delayed(LEFT, 1000)], 1), 16, CHANNELS),
    "a third channel mixed": (np.stack([LEFT, RIGHT, 0.6 * LEFT + 0.4 * RIGHT], 1), 16, CHANNELS),
    "each sample twice": (QUIET.repeat(2, 0), 16, FOLLOWS),
    "doubled rate": (between(QUIET, 2), 16, FOLLOWS),
    "44.1 to 48 kHz": (between(QUIET, 160 / 147), 16, FOLLOWS),
    "2.3 times the rate": (between(QUIET, 2.3), 16, FOLLOWS),
    "a sawtooth": (np.cumsum(300 + LOUD[:, :1] / 10_000, 0) % 60_000 - 30_000, 16, FOLLOWS),
    "half of the spectrum": (low_pass(LOUD, 0.5), 16, FOLLOWS),
}


@pytest.mark.parametrize("name", PROVEN)
def test_a_sound_in_which_a_change_is_proof_is_warned_of(name, capsys):
    samples, bits, told = PROVEN[name]
    write_wav(Path("cover.wav"), np.rint(samples).astype(np.int32), bits)
    with pytest.warns(match=told):
        made = stegnet.hide("cover.wav", NOTE, "sent.wav", key=KEY)
    assert made.hiding.detection == "easy"
    assert main(["info", "cover.wav"]) == 0
    assert "easy to find, however little" in capsys.readouterr().out


UNPROVEN = {
    "noise": (LOUD, 16, 8000, 9000),
    "noise of 24 bits": (noise(200_000, bits=24), 24, 8000, 9000),
    "an echo": (LOUD + 0.4 * np.stack([delayed(LEFT, 1000), delayed(RIGHT, 1000)], 1), 16, 8000, 9000),
    "a little quieter": (LOUD * 0.97, 16, 300, 2000),
    "dithered, without the highest frequencies": (
        low_pass(LOUD, 0.97) + np.random.default_rng(1).uniform(-1, 1, LOUD.shape),
        16,
        300,
        1000,
    ),
    "without the highest frequencies": (low_pass(LOUD, 0.9), 16, 0, 0),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_is_hard_to_find_follows_from_levels_and_spectrum(name):
    """What rounding and dither leave of a band shows how many samples changed, and no more."""
    samples, bits, least, most = UNPROVEN[name]
    write_wav(Path("cover.wav"), np.rint(samples).astype(np.int32), bits)
    hard = stegnet.info("cover.wav")["fits"][0].safe
    assert least <= hard <= most
    Path("note").write_bytes(bytes(hard + 1))
    with pytest.raises(stegnet.CapacityError, match="hard to find in this cover"):
        stegnet.hide("cover.wav", "note", "sent.wav", key=KEY, at_most_safe=True)


def test_noise_in_a_part_of_the_spectrum_hides_less():
    """What has no high frequencies, as after MP3, is predicted well: little of it is hard to find."""
    wide = noise(60_000, 1)
    spectrum = np.fft.rfft(wide[:, 0])
    spectrum[spectrum.size // 2 :] = 0
    write_wav(Path("wide.wav"), wide)
    write_wav(Path("narrow.wav"), np.rint(np.fft.irfft(spectrum, 60_000))[:, None].astype(np.int32))
    levels = []
    for name in ("wide.wav", "narrow.wav"):
        with Cover(Path(name)) as cover:
            levels.append(float(np.median(next(cover.sound.described_segments()).noise)))
    assert levels[0] == pytest.approx(0.05 * 2**15 * np.sqrt(2 / np.pi), rel=0.05)  # the mean of a normal's size
    assert levels[1] < levels[0] / 200


@pytest.mark.parametrize(
    ("cover", "out", "told", "hint"),
    [
        ("cover.wav", "out.flac", "a WAV is written as .wav", "name it out.wav"),
        ("cover.flac", "out.mp3", "a FLAC is written as .flac", "name it out.flac"),
        ("short.wav", "out.wav", "short.wav: is too short to carry anything", "use a longer recording"),
        ("silent.wav", "out.wav", "or nearly so, and silence carries nothing", "use another recording"),
    ],
)
def test_what_can_not_be_done_is_refused(cover, out, told, hint, capsys):
    write_wav(Path("cover.wav"), noise(60_000))
    soundfile.write("cover.flac", noise(60_000).astype(np.int16), 44100)
    write_wav(Path("short.wav"), noise(1, 1))
    write_wav(Path("silent.wav"), noise(60_000) * 0)
    Path("note").write_bytes(NOTE)
    stegnet.make_key_file("k")
    assert main(["hide", cover, "note", "--key-file", "k", "-o", out]) == 1
    error = capsys.readouterr().err
    assert told in error and hint in error and not list(Path().glob("out*"))


def test_tags_of_other_formats_stay_around_a_flac():
    soundfile.write("plain.flac", noise(60_000).astype(np.int16), 44100)
    plain = Path("plain.flac").read_bytes()
    before = b"ID3\3\0\0\0\0\x27\x10" + bytes(5008)
    for behind in (b"", b"TAG".ljust(128), plain):
        Path("cover.flac").write_bytes(before + plain + behind)
        stegnet.hide("cover.flac", NOTE, "sent.flac", key=KEY, overwrite=True)
        sent = Path("sent.flac").read_bytes()
        assert sent.startswith(before + b"fLaC") and sent.endswith(behind)
        assert stegnet.reveal("sent.flac", key=KEY).data == NOTE
        assert len(sent) < len(before + plain + behind) + 1000


def test_what_a_sound_is_and_holds_is_shown(capsys):
    write_wav(Path("cover.wav"), noise(120_000, 3, 24), 24)
    assert main(["info", "cover.wav"]) == 0
    assert "kind: sound, WAV of 24 bits, 44100 Hz, 3 channels, 2.721 s" in capsys.readouterr().out
    assert main(["info", "cover.wav", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["fits"][0]["method"]) == ("sound", "sound")
    stegnet.make_key_file("k")
    assert main(["hide", "cover.wav", "--text", "hi", "-o", "sent", "--key-file", "k"]) == 0
    assert "not as MP3, AAC or Opus" in capsys.readouterr().err
    assert stegnet.reveal("sent.wav", key=stegnet.read_key("k")).text == "hi"


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_opacity_stays_and_what_can_not_be_seen_carries_nothing(mode):
    opacity = np.full((160, 200), 255, np.uint8)
    opacity[:50], opacity[50:60] = 0, 7
    Image.fromarray(see_through(opacity)).convert(mode).save("cover.png")
    made = stegnet.hide("cover.png", NOTE, "sent.png", key=KEY)
    assert (made.width, made.height, made.hiding.method) == (200, 160, "transparent")
    with Image.open("cover.png") as cover, Image.open("sent.png") as sent:
        assert sent.mode == mode
        before, after = (np.asarray(image).astype(int) for image in (cover, sent))
    assert (before[..., -1] == after[..., -1]).all() and (before[:50] == after[:50]).all()
    steps = np.bincount(np.abs(before - after).ravel(), minlength=3)
    assert steps[1] > 0 and steps.size == 3
    assert steps[2] <= 84  # trits of the MAC: a change that would leave a triple goes the other way by 2
    assert stegnet.reveal("sent.png", key=KEY).data == NOTE
    after[30, :, :-1] = 200  # of what can't be seen, an optimiser may choose the colour
    Image.fromarray(after.astype(np.uint8), mode).save("optimised.png")
    assert stegnet.reveal("optimised.png", key=KEY).trouble == ()
    after[150, :9, -1] = 254
    Image.fromarray(after.astype(np.uint8), mode).save("altered.png")
    assert stegnet.reveal("altered.png", key=KEY).trouble == ("the picture was altered since it was hidden",)


@pytest.mark.parametrize("opacity", [0, 200])
def test_what_does_not_fit_is_not_composited(opacity):
    Image.fromarray(see_through(np.full((96, 128), opacity, np.uint8))).save("cover.png")
    with pytest.raises(stegnet.CapacityError, match="more than the capacity of"):
        stegnet.hide("cover.png", np.random.default_rng(0).bytes(12000), "sent.png", key=KEY)
    assert not Path("sent.png").exists()


def test_a_picture_that_is_opaque_everywhere_can_lose_its_opacity():
    Image.fromarray(see_through(np.full((96, 128), 255, np.uint8))).save("cover.png")
    stegnet.hide("cover.png", NOTE, "sent.png", key=KEY)
    with Image.open("sent.png") as sent:
        assert sent.mode == "RGBA"
        sent.convert("RGB").save("plain.png")
    for container in ("sent.png", "plain.png"):
        assert stegnet.reveal(container, key=KEY).data == NOTE
