"""A FLAC with other samples is coded as the file's own were; the programs and FFmpeg's library write the covers."""

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

import stegnet
from stegnet.sound.file import read_sound_file
from stegnet.sound.flac import find_frame
from tests.support.sounds import noise, samples_of, write_wav

KEY = stegnet.Key(bytes(32))


def chords(frames: int, channels: int = 2, bits: int = 16) -> np.ndarray:
    """Tones in noise, (frames, channels) int32, which each level codes in another way."""
    times = np.arange(frames)[:, None] + 7 * np.arange(channels)
    tones = sum(np.sin(times * step) * np.cos(times * step / 900) for step in (0.02, 0.05, 0.13, 0.31))
    return np.rint(tones * 2 ** (bits - 4)).astype(np.int32) + noise(frames, channels, bits, level=0.002)


def by_ffmpeg(path: Path, samples: np.ndarray, bits: int = 16, rate: int = 44100, **options: object) -> Path:
    form, layout = f"s{16 if bits == 16 else 32}", {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("flac", rate=rate, options={name: str(value) for name, value in options.items()})
        stream.codec_context.format, stream.codec_context.layout = form, layout
        numbers = samples.astype(np.int16) if bits == 16 else samples << 8
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(numbers).reshape(1, -1), form, layout)
        frame.sample_rate = rate
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def check_written_alike(path: Path) -> None:
    """The samples that are written back give the file; with others, its blocks have the same size."""
    sound, out = read_sound_file(path), path.with_suffix(".out")
    assert sound.settings.known
    sound.write(out, sound.blocks())
    assert out.read_bytes() == path.read_bytes()
    kept = np.arange(sound.frames)[:, None, None] >= sound.frames - sound.kept
    sound.write(out, [samples_of(sound) ^ ~kept])
    assert out.read_bytes()[:12] == path.read_bytes()[:12]
    assert out.read_bytes() != path.read_bytes()


@pytest.mark.parametrize("level", range(9))
def test_each_level_of_libflac_is_recognised(level, tmp_path):
    soundfile.write(tmp_path / "b.flac", chords(60_000).astype(np.int16), 44100, compression_level=level / 8)
    check_written_alike(tmp_path / "b.flac")


def test_a_file_that_is_read_in_several_parts_is_recognised(tmp_path):
    soundfile.write(tmp_path / "a.flac", noise(400_000, 2, 16).astype(np.int16), 44100)
    assert (tmp_path / "a.flac").stat().st_size > 1 << 20
    check_written_alike(tmp_path / "a.flac")


@pytest.mark.parametrize("level", [5, None])
def test_the_default_level_of_ffmpeg_is_recognised(level, tmp_path):
    options = {} if level is None else {"compression_level": level}
    check_written_alike(by_ffmpeg(tmp_path / "a.flac", chords(60_000), **options))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("rate", "block"), [(44100, 4608), (48000, 4608), (96000, 8192), (44100, 1000)])
def test_other_forms_of_ffmpeg(rate, block, channels, tmp_path):
    path = by_ffmpeg(tmp_path / "a.flac", chords(40_000, channels, 24), 24, rate, frame_size=block)
    assert path.read_bytes()[8:10] == block.to_bytes(2, "big")
    check_written_alike(path)


@pytest.mark.parametrize("frames", [1, 4095, 4096, 4608, 32_768, 36_864])
def test_the_last_block_may_be_shorter_or_whole(frames, tmp_path):
    soundfile.write(tmp_path / "a.flac", chords(frames).astype(np.int16), 44100)
    check_written_alike(tmp_path / "a.flac")
    check_written_alike(by_ffmpeg(tmp_path / "b.flac", chords(frames)))


def test_silence_at_the_beginning_tells_nothing(tmp_path):
    samples = chords(300_000)
    samples[:200_000] = 0
    assert str(read_sound_file(by_ffmpeg(tmp_path / "a.flac", samples)).settings.encoder) == "FFmpeg at level 5"
    soundfile.write(tmp_path / "b.flac", samples.astype(np.int16), 44100, compression_level=3 / 8)
    assert str(read_sound_file(tmp_path / "b.flac").settings.encoder) == "libFLAC at level 3"


PROGRAMS = {
    "flac": "flac -s a.wav",
    "flac at level 8, with pictures and points": "flac -s -8 -S 1s --padding=100 --tag=TITLE=song a.wav",
    "flac for quick decoding": "flac -s -0 a.wav",
    "SoX": "sox a.wav a.flac",
    "FFmpeg": "ffmpeg -v error -i a.wav -metadata title=song a.flac",
    "FFmpeg, with a last block of odd length": "ffmpeg -v error -i a.wav -af atrim=end_sample=99999 a.flac",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_program_writes_is_written_back_byte_for_byte(program, tmp_path):
    """Noise: builds of a library may round the filters of tones otherwise."""
    command = PROGRAMS[program].split()
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    write_wav(tmp_path / "a.wav", noise(150_000))
    subprocess.run(command, cwd=tmp_path, check=True)
    check_written_alike(tmp_path / "a.flac")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [16, 24])
def test_a_last_block_that_is_coded_otherwise_stays(bits, channels, tmp_path):
    """As by FFmpeg 5.1, if its length is odd; here by another level."""
    cover, other, container = (tmp_path / name for name in ("a.flac", "b.flac", "c.flac"))
    samples = chords(99_999, channels, bits)
    first, second = (by_ffmpeg(cover, samples, bits), by_ffmpeg(other, samples, bits, compression_level=3))
    known, end = read_sound_file(first), read_sound_file(second)
    last = 99_999 // known.settings.block
    frames, of_other = (sound.source.read_bytes()[len(sound.head) : sound.end] for sound in (known, end))
    before, odd = (each[find_frame(each, last, 0) :] for each in (frames, of_other))
    assert before != odd
    whole = frames[: -len(before)]
    starts = [find_frame(whole, number, 0) for number in range(last)]
    lengths = [len(odd), *np.diff([*starts, len(whole)])]
    sizes = b"".join(int(size).to_bytes(3, "big") for size in (min(lengths), max(lengths)))
    cover.write_bytes(known.head[:12] + sizes + known.head[18:] + whole + odd)

    sound = read_sound_file(cover)
    assert sound.settings.known and sound.kept == 99_999 % sound.settings.block
    sound.write(other, sound.blocks())
    assert other.read_bytes() == cover.read_bytes()
    secret = bytes(stegnet.info(cover)["fits"][0].bytes // 2)  # so that of any block many samples would change
    report = stegnet.hide(cover, secret, container, key=KEY)
    assert not [note for note in report.notes if "FLAC" in note]
    made = read_sound_file(container)
    assert container.read_bytes().endswith(odd) and made.settings.known
    before, after = samples_of(sound), samples_of(made)
    assert not np.array_equal(before, after)
    assert np.array_equal(before[-sound.kept :], after[-sound.kept :])
    assert stegnet.reveal(container, key=KEY).data == secret


@pytest.mark.parametrize("options", [{"lpc_coeff_precision": 9}, {"compression_level": 12}])
def test_settings_that_are_unknown_are_reported(options, tmp_path):
    """The size of blocks stays also of an encoder that is not in the table; coding the container again tells it."""
    cover = by_ffmpeg(tmp_path / "a.flac", chords(90_000), frame_size=3000, **options)
    known = by_ffmpeg(tmp_path / "b.flac", chords(90_000))
    with pytest.warns(UserWarning, match="a sound whose FLAC settings are unknown .*: anyone can tell"):
        report = stegnet.hide(cover, b"note", tmp_path / "c.flac", key=KEY)
    assert report.hiding.detection == "easy"
    with pytest.raises(stegnet.CapacityError):
        stegnet.hide(cover, b"note", tmp_path / "e.flac", key=KEY, at_most_safe=True)
    assert stegnet.hide(known, b"note", tmp_path / "e.flac", key=KEY, at_most_safe=True).hiding.detection == "hard"
    (note,) = [note for note in report.notes if "FLAC" in note]
    assert note.startswith("cover: its FLAC settings are unknown: written as by FFmpeg at level 5")
    assert note.endswith(", in blocks of 3000")
    assert (tmp_path / "c.flac").read_bytes()[8:12] == cover.read_bytes()[8:12]
    assert stegnet.reveal(tmp_path / "c.flac", key=KEY).data == b"note"
    assert not [note for note in stegnet.hide(known, b"note", tmp_path / "d.flac", key=KEY).notes if "FLAC" in note]


def test_sizes_of_frames_that_the_cover_does_not_tell_stay_unknown(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, chords(60_000).astype(np.int16), 44100)
    coded = path.read_bytes()
    path.write_bytes(coded[:12] + bytes(6) + coded[18:])
    check_written_alike(path)


@pytest.mark.parametrize("sizes", [b"\0\0\0\0", b"\0\1\0\1"])
def test_a_description_with_an_impossible_size_of_blocks(sizes, tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, chords(60_000).astype(np.int16), 44100)
    coded = path.read_bytes()
    path.write_bytes(coded[:8] + sizes + coded[12:])
    sound = read_sound_file(path)
    sound.write(tmp_path / "b.flac", sound.blocks())
    assert (samples_of(read_sound_file(tmp_path / "b.flac")) == samples_of(sound)).all()
