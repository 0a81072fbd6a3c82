import dataclasses
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest

from stegnet import MediaError
from stegnet.media.compress import compress_film
from stegnet.video import FilmWriter, SoundTrack, read_sound, scan, sound_tracks
from stegnet.video.remux import make_watchable, with_sound
from tests.support.films import encoded

MILLISECOND = Fraction(1, 1000)
STILL = np.zeros((16, 32, 3), np.uint8)
MKV = ["aac", "libmp3lame", "pcm_s16le", "flac", "libopus", "vorbis", "ac3"]
MP4 = ["aac", "libmp3lame", "flac", "libopus", "ac3"]
SOURCES = [(codec, "mkv") for codec in MKV] + [(codec, "mp4") for codec in MP4]
SOURCES += [("pcm_s16le", "avi"), ("pcm_s16be", "mov"), ("aac", "ts"), ("libmp3lame", "ts"), ("ac3", "ts")]


def rewritten(source, out, form):
    """Writes the sound of `source` to a film of two frames."""
    packets = list(read_sound(source))
    half = len(packets) // 2
    with FilmWriter(out, 32, 16, Fraction(25), form=form, sound=sound_tracks(source)) as film:
        film.write(STILL, Fraction(0), packets[:half])
        film.write(STILL, Fraction(1, 2), packets[half:])
    return out


def bytes_of(path):
    return [[packet.data for packet in read_sound(path) if packet.track == index] for index in (0, 1)]


def times_of(path):
    tracks, packets = sound_tracks(path), list(read_sound(path))
    return [[p.pts * tracks[i].time_base for p in packets if p.track == i] for i in (0, 1)]


def furthest(one, other):
    return max(abs(a - b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize(("codec", "suffix"), SOURCES)
def test_packets_survive_matroska_and_mp4(tmp_path, make_sounds, heard, codec, suffix):
    source = make_sounds(tmp_path / f"a.{suffix}", codec, codec)
    assert min(map(len, bytes_of(source))) > 5
    own_units = sound_tracks(source)[0].time_base == Fraction(1, 48000)
    tolerance = {"mkv": MILLISECOND / 2, "mp4": 0 if own_units else Fraction(1, 96000)}
    for form in ("mkv", "mp4") if codec in MP4 else ("mkv",):
        out = rewritten(source, tmp_path / "b", form)
        assert bytes_of(out) == bytes_of(source)
        assert furthest(times_of(out), times_of(source)) <= tolerance[form]
        if form == "mkv" or suffix == "mp4":
            assert heard(out) == heard(source)
        assert form != suffix or form == "mkv" or sound_tracks(out) == sound_tracks(source)


def test_language_title_and_disposition_are_copied(tmp_path, make_sounds):
    """Only the second is a default."""
    names = {0: ("fra", "Commentaire"), 1: ("deu", "Ton")}
    options = "-map 0:v -map 0:a -map 0:a -c copy -disposition:a:0 0 -disposition:a:1 default"
    for number, (language, title) in names.items():
        options += f" -metadata:s:a:{number} language={language} -metadata:s:a:{number} title={title}"
    source = encoded(make_sounds(tmp_path / "a.mkv", "aac"), tmp_path / "b.mkv", *options.split())
    for film in (source, *(rewritten(source, tmp_path / f"c.{form}", form) for form in ("mkv", "mp4"))):
        assert [(track.language, track.title) for track in sound_tracks(film)] == [*names.values()]
    with av.open(str(tmp_path / "c.mkv")) as film:
        assert [int(stream.disposition) for stream in film.streams.audio] == [0, 1]


def test_adts_frames_are_removed_from_aac(tmp_path, make_sounds):
    source = make_sounds(tmp_path / "a.ts", "aac")
    (track,) = sound_tracks(source)
    assert len(track.extradata) == 2
    with av.open(str(source)) as film:
        framed = [bytes(packet) for packet in film.demux(audio=0) if packet.size]
    bare = [packet.data for packet in read_sound(source)]
    assert all(data[:2] == b"\xff\xf1" for data in framed)
    assert bare == [data[7:] for data in framed]


def test_delay_and_trim_of_the_encoder_are_copied(tmp_path, make_sounds):
    source = make_sounds(tmp_path / "a.mp4", "aac")
    assert next(read_sound(source)).pts == -1024
    assert next(read_sound(rewritten(source, tmp_path / "b", "mp4"))).pts == -1024
    assert next(read_sound(rewritten(source, tmp_path / "c", "mkv"))).pts == -21
    source = make_sounds(tmp_path / "a.mkv", "libopus")
    trims = [packet.trim for packet in read_sound(source)]
    assert trims[-1] > 0
    assert [packet.trim for packet in read_sound(rewritten(source, tmp_path / "b", "mkv"))] == trims


def test_packets_removed_by_an_edit_list_are_left_out(tmp_path, make_sounds, heard):
    source = make_sounds(tmp_path / "a.mp4", "aac", seconds=2, start=-1)
    with av.open(str(source)) as film:
        everything = [packet.pts for packet in film.demux(audio=0) if packet.size]
    packets = list(read_sound(source))
    assert everything[0] <= -48000
    assert [packet.pts for packet in packets] == [stamp for stamp in everything if stamp + 1024 > -4800]
    out = rewritten(source, tmp_path / "b", "mkv")
    assert furthest(times_of(out), times_of(source)) <= MILLISECOND / 2
    assert len(heard(out)[0]) == len(heard(source)[0])


@pytest.fixture
def with_packets(tmp_path, make_sounds):
    """Time stamps in milliseconds of a film whose sound packets were given other fields."""
    source = make_sounds(tmp_path / "a.mkv", "ac3")

    def stamps(change, form="mkv"):
        packets = [dataclasses.replace(each, **change(index, each)) for index, each in enumerate(read_sound(source))]
        with FilmWriter(tmp_path / "b", 32, 16, Fraction(25), form=form, sound=sound_tracks(source)) as film:
            film.write(STILL, Fraction(0), packets)
        (track,) = sound_tracks(tmp_path / "b")
        return [round(packet.pts * track.time_base * 1000) for packet in read_sound(tmp_path / "b")]

    return stamps


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_missing_and_decreasing_time_stamps_are_corrected(with_packets, form):
    stamps = with_packets(lambda *_: {"pts": None, "dts": None}, form)
    assert stamps == [32 * index for index in range(len(stamps))]
    stamps = with_packets(lambda index, _: {"pts": 100, "dts": 100} if index == 10 else {}, form)
    assert stamps == sorted(stamps)
    assert stamps[9] <= stamps[10] <= stamps[9] + 1
    assert stamps[11] == stamps[9] + 64


def test_stamps_of_packets(tmp_path, with_packets):
    """One stands for both; several packets in a millisecond stay (spaced apart, TrueHD would lose sync)."""
    assert with_packets(lambda index, _: {"pts" if index % 2 else "dts": None}) == with_packets(lambda *_: {})
    stamps = with_packets(lambda index, _: {"pts": index // 3, "dts": index // 3, "duration": 0})
    assert stamps == [index // 3 for index in range(len(stamps))]
    with_packets(lambda _, packet: {"pts": packet.pts - 300, "dts": packet.dts - 300})
    assert list(scan(tmp_path / "b").times) == [0], "sound that starts early does not move the pictures"


def test_sound_that_can_not_be_copied(tmp_path, make_sounds):
    source = make_sounds(tmp_path / "a.avi", "adpcm_ms")
    with pytest.raises(MediaError, match=r"a\.avi: its sound \(adpcm_ms\) can't be copied") as caught:
        sound_tracks(source)
    assert "FLAC" in caught.value.hint
    source = make_sounds(tmp_path / "a.mkv", "wavpack")
    truehd = encoded(source, tmp_path / "truehd.mkv", *["-c:a", "truehd", "-strict", "-2"])
    for codec, film in {"truehd": truehd, "wavpack": source}.items():
        with pytest.raises(MediaError, match=rf"MP4 can't hold its sound \({codec}\)") as caught:
            rewritten(film, tmp_path / "b.mp4", "mp4")
        assert ".mkv" in caught.value.hint
    assert bytes_of(rewritten(source, tmp_path / "b", "mkv")) == bytes_of(source)
    track = SoundTrack("aac", Fraction(1, 48000), 48000, "stereo", b"", b"nonsense")
    (plain,) = sound_tracks(make_sounds(tmp_path / "plain.mkv", "pcm_s16le"))
    unknown = dataclasses.replace(plain, template=plain.template.replace(b"A_PCM", b"A_NIL"))
    for wrong, form in ((track, "mkv"), (unknown, "mkv"), (unknown, "watchable")):
        with pytest.raises(MediaError, match="can't hold its sound"):
            FilmWriter(tmp_path / "a", 32, 16, Fraction(25), form=form, sound=(wrong,))


def test_a_track_of_an_unknown_codec_is_left_out(tmp_path, make_sounds):
    """As phones write it for sound from all sides, beside another."""
    source = make_sounds(tmp_path / "a.mp4", "aac", "aac", width=64)
    start, _, track = source.read_bytes().rpartition(b"mp4a")
    source.write_bytes(start + b"apac" + track.replace(b"esds", b"dapa"))
    assert len({packet.track for packet in read_sound(source)}) == len(sound_tracks(source)) == 1
    assert scan(source).notes == ("its sound tracks of unknown codecs (1) are left out",)
    with_sound(source, source, tmp_path / "b.mp4", "mp4")
    compressed = compress_film(source, tmp_path, 100_000).path
    for film in (tmp_path / "b.mp4", compressed, rewritten(source, tmp_path / "c.mkv", "mkv")):
        assert [packet.data for packet in read_sound(film)] == [packet.data for packet in read_sound(source)]
    assert scan(source).notes[0] in make_watchable(source, lambda done, total: None)


def test_packets_are_read_in_constant_memory(tmp_path, make_sounds):
    source = make_sounds(tmp_path / "a.mkv", "pcm_s16le", seconds=20)
    tracemalloc.start()
    total = sum(len(packet.data) for packet in read_sound(source))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 3_000_000
    assert peak < total / 10


def test_sound_that_no_longer_tells_its_channels_is_damaged(tmp_path, make_sounds):
    """AAC whose frames lack them: FFmpeg's error is not that of invalid data."""
    source = make_sounds(tmp_path / "a.ts", "aac")
    with av.open(str(source)) as film:
        head = bytes(next(packet for packet in film.demux(audio=0) if packet.size))[:4]
    bare = bytes([head[0], head[1], head[2] & 0xFE, head[3] & 0x3F])
    source.write_bytes(source.read_bytes().replace(head, bare))
    with pytest.raises(MediaError, match=r"a\.ts: the film's sound is damaged"):
        list(read_sound(source))
