"""WAV and FLAC: what is read, and what is written with other samples; the second reader is libsndfile."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

import stegnet
from stegnet.sound.file import FLAC, WAV, read_sound_file
from tests.support.memory import memory_limited
from tests.support.sounds import (
    A_LAW,
    EXTENSIBLE,
    FLOAT,
    as_bytes,
    chunk,
    form_chunk,
    noise,
    riff,
    samples_of,
    write_wav,
)

PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")
SAMPLES = as_bytes(noise(3000))
DATA = chunk(b"data", SAMPLES)
EXTRA = struct.pack("<HHI", 22, 16, 3) + PCM_GUID
LONG = chunk(b"ds64", struct.pack("<QQQI", 0, len(SAMPLES), 3000, 0))
CUE = chunk(b"cue ", struct.pack("<II", 1, 1) + struct.pack("<II4sIII", 1, 7, b"data", 0, 0, 7))
UNNAMED = riff(form_chunk(EXTENSIBLE, extra=EXTRA[:-16] + bytes(16)), DATA)
READ = {
    "tags before and behind": riff(
        chunk(b"LIST", b"INFOINAM\4\0\0\0song"), form_chunk(), DATA, chunk(b"id3 ", b"x" * 7)
    ),
    "a cue sheet": riff(form_chunk(), CUE, DATA),
    "tags of 20 MB": riff(chunk(b"id3 ", bytes(20 << 20)), form_chunk(), DATA),
    "the extensible form": riff(form_chunk(EXTENSIBLE, extra=EXTRA), DATA),
    "RF64": riff(LONG, form_chunk(), chunk(b"data", SAMPLES, 0xFFFFFFFF), name=b"RF64"),
    "a size that a pipe does not know": riff(form_chunk(), chunk(b"data", SAMPLES, 0xFFFFFFFF)),
    "half a frame at its end": riff(form_chunk(), chunk(b"data", SAMPLES + b"\1\2")),
    "bytes behind its end": riff(form_chunk(), DATA) + b"more",
    "a size of its own that is wrong": riff(form_chunk(), DATA)[:4] + bytes(4) + riff(form_chunk(), DATA)[8:],
}
REFUSED = {
    "nothing behind its name": (riff(), "damaged: no samples"),
    "no samples": (riff(form_chunk(), chunk(b"data", b"")), "has no samples"),
    "no samples by its header": (
        riff(form_chunk(), chunk(b"data", b""), SAMPLES),
        "has no samples.*of a recording that broke off, `ffmpeg",
    ),
    "only a description": (riff(form_chunk()), "damaged: no samples"),
    "no description": (riff(DATA), "damaged: no description"),
    "the description behind the samples": (riff(DATA, form_chunk()), "damaged: no description"),
    "a description that breaks off": (riff(chunk(b"fmt ", b"\1\0")), "damaged"),
    "samples that break off": (riff(form_chunk(), DATA)[:-999], "damaged: 999 bytes are missing at its end"),
    "8 bits": (riff(form_chunk(bits=8), DATA), "has samples of 8 bits"),
    "32 bits": (riff(form_chunk(bits=32), DATA), "has samples of 32 bits"),
    "floating point": (riff(form_chunk(FLOAT, bits=32), DATA), "has samples of floating point"),
    "A-law": (riff(form_chunk(A_LAW, bits=8), DATA), "has samples of A-law"),
    "an unknown form": (riff(form_chunk(0x31), DATA), "has samples of form 49"),
    "ADPCM": (riff(form_chunk(2, bits=4), DATA), "is ADPCM in a WAV"),
    "MP3": (riff(form_chunk(0x55, bits=0), DATA), "is MP3 in a WAV"),
    "no channels": (riff(form_chunk(channels=0), DATA), "damaged: its description contradicts itself"),
    "no rate": (riff(form_chunk(rate=0), DATA), "damaged: its description contradicts itself"),
    "an extensible form that is not named": (UNNAMED, "has .* convert it to 16 bits"),  # as some studios write it
    "a size of a pipe": (riff(form_chunk(), chunk(b"data", SAMPLES, 0x7FFFF000)), "damaged.* mends the header"),
    "the other byte order": (riff(form_chunk(), DATA, name=b"RIFX"), "the other byte order"),
}


@pytest.mark.parametrize("form", READ)
def test_a_wav_is_read_and_all_else_stays(form, tmp_path):
    path, out = tmp_path / "a.wav", tmp_path / "b.wav"
    path.write_bytes(READ[form])
    sound = read_sound_file(path)
    assert (sound.form, sound.rate, sound.frames, sound.channels, sound.width) == (WAV, 44100, 3000, 2, 2)
    assert samples_of(sound).tobytes() == SAMPLES
    sound.write(out, sound.blocks(1000))
    assert out.read_bytes() == READ[form]
    sound.write(out, [samples_of(sound) ^ 1])
    assert samples_of(read_sound_file(out)).tobytes() == (samples_of(sound) ^ 1).tobytes()
    assert len(out.read_bytes()) == len(READ[form])


@pytest.mark.parametrize("form", REFUSED)
def test_a_wav_is_refused_with_a_way_out(form, tmp_path):
    (tmp_path / "a.wav").write_bytes(REFUSED[form][0])
    with pytest.raises(stegnet.MediaError) as caught:
        read_sound_file(tmp_path / "a.wav")
    assert re.search(f"a.wav: .*{REFUSED[form][1]}", f"{caught.value}; {caught.value.hint}")
    assert caught.value.hint


def test_as_much_is_hard_to_find_in_noise_of_24_bits(tmp_path):
    """It is counted in steps of the sound, of which 24 bits have finer ones."""
    sounds = (write_wav(tmp_path / f"{bits}.wav", noise(200_000, 1, 16), bits) for bits in (16, 24))
    few, many = (stegnet.info(sound)["fits"] for sound in sounds)
    assert few == many


@pytest.mark.parametrize("rate", [8000, 12345, 96000])
@pytest.mark.parametrize(("bits", "channels"), [(16, 1), (16, 2), (24, 2), (24, 6)])
def test_a_flac(bits, channels, rate, tmp_path):
    samples, path, out = noise(20_000, channels, bits), tmp_path / "a.flac", tmp_path / "b.flac"
    soundfile.write(path, samples << (32 - bits), rate, f"PCM_{bits}")
    path.write_bytes(path.read_bytes() + b"what is no part of it")
    sound = read_sound_file(path)
    assert (sound.form, sound.rate, samples_of(sound).tobytes()) == (FLAC, rate, as_bytes(samples, bits))
    sound.write(out, sound.blocks(7777))
    assert out.read_bytes() == path.read_bytes()
    lowest = samples_of(sound)
    lowest[..., 0] ^= 1
    sound.write(out, [lowest])
    assert (soundfile.read(out, dtype="int32", always_2d=True)[0] >> (32 - bits) == samples ^ 1).all()


def flac(tmp_path: Path, blocks: list[tuple[int, bytes]], frames: int = 20_000) -> Path:
    """A FLAC with more blocks of metadata behind its description."""
    soundfile.write(tmp_path / "a.flac", noise(frames).astype(np.int16), 44100, "PCM_16")
    coded = (tmp_path / "a.flac").read_bytes()
    own = b"".join(bytes([kind]) + len(content).to_bytes(3, "big") + content for kind, content in blocks)
    (tmp_path / "a.flac").write_bytes(coded[:42] + own + coded[42:])
    return tmp_path / "a.flac"


def test_the_metadata_of_a_flac_stays_and_its_seek_table_finds_the_frames(tmp_path):
    """Points are at frames of 4,096 samples; the last frame is shorter, and one point is a placeholder."""
    points = [(0, 0, 4096), (8192, 1, 4096), (16384, 2, 20_000 - 16_384), (2**64 - 1, 0, 0)]
    given = [points[2], points[0], (40_000, 0, 4096), points[1]]  # not in order, and one beyond the end
    table = b"".join(struct.pack(">QQH", *point) for point in given)
    tags = b"\4\0\0\0Lavf\1\0\0\0\x0a\0\0\0TITLE=song"
    path, out = flac(tmp_path, [(3, table), (4, tags), (2, b"testmore"), (126, b"a later kind")]), tmp_path / "b.flac"
    sound = read_sound_file(path)
    sound.write(out, [samples_of(sound) ^ 1])
    written = out.read_bytes()
    start = written.index(b"\xff\xf8")
    assert written[42:start].replace(written[46 : 46 + len(table)], table) == path.read_bytes()[42:start]
    found = list(struct.iter_unpack(">QQH", written[46 : 46 + len(table)]))
    assert [(sample, length) for sample, _, length in found] == [(sample, length) for sample, _, length in points]
    for number, (_, offset, _) in zip((0, 2, 4), found, strict=False):
        assert written[start + offset :].startswith(b"\xff\xf8") and written[start + offset + 4] == number
    assert (soundfile.read(out, dtype="int16")[0] == (noise(20_000) ^ 0x0101).astype(np.int16)).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda file: file[:9000], "damaged"),
        (lambda file: file[:30], "damaged"),
        (lambda file: file[:8], "damaged"),
        (lambda file: file[:4], "damaged: its metadata breaks off"),
        (lambda file: file[:26] + bytes(16) + file[42:], "has no length or checksum"),
        (lambda file: file[:21] + bytes(5) + file[26:], "samples of|has no length or checksum|damaged"),
        (lambda file: file[:21] + b"\xff" * 5 + file[26:], "damaged"),
        (lambda file: file[:4] + b"\x04" + file[5:], "damaged: no description"),
        (lambda file: file[:26] + bytes([file[26] ^ 1]) + file[27:], "damaged: its samples do not match its checksum"),
        (lambda file: file[:-500] + bytes([file[-500] ^ 255]) + file[-499:], "damaged: a part of it can't"),
        (lambda file: file[:20] + bytes([file[20] & 0xFE, 0x70 | file[21] & 15]) + file[22:], "samples of 8 bits"),
    ],
)
def test_a_flac_is_refused(change, told, tmp_path):
    path = flac(tmp_path, [])
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(stegnet.MediaError, match=told):
        read_sound_file(path)


def test_a_number_of_samples_takes_no_memory_before_they_are_there(tmp_path):
    path = flac(tmp_path, [])
    data = path.read_bytes()
    path.write_bytes(data[:22] + (1 << 26).to_bytes(4, "big") + data[26:])  # 268 MB of samples
    with memory_limited(150 << 20), pytest.raises(stegnet.MediaError, match="damaged: "):
        read_sound_file(path)
