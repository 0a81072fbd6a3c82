"""Long sounds: they are sealed in segments, whose places follow from docs/format.md, and need no more memory."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile

import stegnet
from stegnet.cli import main
from stegnet.keys import KeyRing
from stegnet.record import read_record
from stegnet.sealing import SampleRules
from tests.support.sounds import noise

KEY = stegnet.Key(bytes(range(32)))
ROWS = 65_536  # of a segment, at most
SECRET = np.random.default_rng(1).bytes(5000)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Three segments of mono, with silence in the second."""
    sound = noise(2 * 64 * ROWS + 700_000, 1).astype(np.int16)
    sound[3_000_000:3_500_000] = 0
    return sound


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray) -> Path:
    made = tmp_path_factory.mktemp("sounds")
    soundfile.write(made / "cover.wav", samples, 44100)
    report = stegnet.hide(made / "cover.wav", SECRET, made / "sent.wav", key=KEY)
    assert report.hiding and report.hiding.detection == "hard" and not any("segments" in note for note in report.notes)
    return made


def segments_of(samples: np.ndarray) -> tuple[list[np.ndarray], bytes]:
    """The lowest bytes of each segment's rows, and the MAC's context, by the page."""
    whole = samples[: len(samples) // 1024 * 1024].reshape(-1, 64)
    loud = np.ptp(whole >> 8, axis=1) > 0
    quiet = samples.copy()
    quiet[: whole.size].reshape(-1, 64)[loud] &= ~255
    head = b"".join(number.to_bytes(8, "big") for number in (44100, len(samples), 1, 2))
    context = sha256(b"stegnet/1/sound" + head + quiet.astype("<i2").tobytes()).digest()
    rows = (whole[loud] & 255).astype(np.uint8)[..., None]
    count = -(-len(rows) // ROWS)
    return [rows[len(rows) * at // count : len(rows) * (at + 1) // count] for at in range(count)], context


def test_each_segment_has_a_share_of_the_file(folder: Path) -> None:
    segments, context = segments_of(soundfile.read(folder / "sent.wav", dtype="int16")[0])
    assert len(segments) == 3
    found = []
    for index, segment in enumerate(segments):
        reading = read_record(segment, KeyRing(KEY), first=not index, rules=SampleRules(2048, context))
        assert reading.whole and reading.record
        assert (reading.record.index, reading.record.header.frames, reading.record.header.file.needed) == (index, 3, 3)
        found.append(reading.record.data)
    assert b"".join(found)[: len(SECRET)] == SECRET, "shares 0 to K - 1 are the file's own bytes"


def test_a_long_sound_is_revealed_and_its_rest_stays(folder: Path, samples: np.ndarray) -> None:
    assert stegnet.reveal(folder / "sent.wav", key=KEY).data == SECRET
    sent = soundfile.read(folder / "sent.wav", dtype="int16", always_2d=True)[0].astype(int) - samples
    assert np.abs(sent).max() == 1 and not sent[3_000_064:3_499_936].any()
    parts = [np.count_nonzero(part) for part in np.array_split(sent, 3)]
    assert min(parts) > 0.7 * max(parts), "changes are as many everywhere"


@pytest.mark.parametrize("index", [0, 2])
def test_a_segment_that_was_altered_is_named(folder: Path, tmp_path: Path, samples: np.ndarray, index: int) -> None:
    """The last sample of its rows carries nothing, but the MAC covers it."""
    segments, _ = segments_of(samples)
    assert segments[index].size % 31
    places = {0: segments[0].size - 1, 2: len(samples) // 1024 * 1024 - 1}
    data = bytearray((folder / "sent.wav").read_bytes())
    data[44 + 2 * places[index]] ^= 1
    (tmp_path / "altered.wav").write_bytes(data)
    found = stegnet.reveal(tmp_path / "altered.wav", key=KEY)
    assert (found.data, found.trouble) == (SECRET, (f"segment {index} was altered since it was hidden",))
    assert stegnet.info(tmp_path / "altered.wav", key=KEY)["trouble"] == ["the sound was altered since it was hidden"]


def test_what_occurs_twice_stays_in_both_places(tmp_path: Path) -> None:
    """Also where it begins just before a part that is read at once, of 2¹⁸ samples."""
    samples = noise(700_000, 1).astype(np.int16)
    places = slice(100_000, 103_000), slice(2**18 - 40, 2**18 + 2960)
    samples[places[1]] = samples[places[0]]
    soundfile.write(tmp_path / "cover.wav", samples, 44100)
    stegnet.hide(tmp_path / "cover.wav", np.random.default_rng(2).bytes(40_000), tmp_path / "sent.wav", key=KEY)
    changed = soundfile.read(tmp_path / "sent.wav", dtype="int16", always_2d=True)[0] != samples
    assert changed.mean() > 0.05 and not any(changed[place].any() for place in places)


def test_a_passphrase_opens_all_segments(folder: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="passphrase is weak"):
        stegnet.hide(folder / "cover.wav", SECRET, tmp_path / "sent.wav", key=stegnet.Passphrase("a b"))
    assert stegnet.reveal(tmp_path / "sent.wav", key=stegnet.Passphrase("a b")).data == SECRET


def run(*words: object) -> int:
    return main(list(map(str, words)))


def test_an_album_uses_the_first_segment(folder: Path, tmp_path: Path, samples: np.ndarray) -> None:
    (tmp_path / "covers").mkdir()
    (tmp_path / "note").write_bytes(SECRET)
    stegnet.make_key_file(tmp_path / "k")
    for name in ("a", "b"):
        (tmp_path / f"covers/{name}.wav").write_bytes((folder / "cover.wav").read_bytes())
    with_key = ("--key-file", tmp_path / "k")
    assert run("hide", tmp_path / "covers", tmp_path / "note", "--spread", "-o", tmp_path / "album", *with_key) == 0
    sent = soundfile.read(tmp_path / "album/a.wav", dtype="int16", always_2d=True)[0] != samples
    assert sent[: 64 * 60_000].any() and not sent[64 * ROWS :].any()
    assert run("reveal", tmp_path / "album", "-o", tmp_path / "back", *with_key) == 0
    assert (tmp_path / "back" / "note").read_bytes() == SECRET


@pytest.mark.parametrize("form", ["wav", pytest.param("flac", marks=pytest.mark.night)])
def test_memory_does_not_grow_with_length(form: str, tmp_path: Path) -> None:
    """Peak of a process that hides: twice as long a sound takes hardly any more.

    The process gives memory back as a user's does, not as seldom as those that other tests start.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    stegnet.make_key_file(tmp_path / "k")
    peaks = []
    for seconds in (95, 190):  # two segments and four, as long as any
        cover = tmp_path / f"{seconds}.{form}"
        with soundfile.SoundFile(cover, "w", 44100, 2) as file:
            for second in range(seconds):
                file.write(noise(44100, seed=second, level=0.005).astype(np.int16))
        words = ("hide", cover, "--text", "note", "--key-file", tmp_path / "k", "-o", tmp_path / f"sent{seconds}")
        command = [sys.executable, "-c", program, sys.executable, "-m", "stegnet", *map(str, words)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=own)
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < 1.2 * peaks[0] < 1.2 * 260_000, "kB"
