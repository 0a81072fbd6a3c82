import io

import av
import pytest

from stegnet.media import matroska, sound_tracks


def test_elements_round_trip():
    """RFC 8794, 4: one byte up to 126, since 127 (all ones) means an unknown size."""
    for size in (0, 1, 126, 127, 128, 16_382, 16_383, 100_000):
        data = matroska.element(b"\xae", bytes(size)) + matroska.element(matroska.CODEC_PRIVATE, b"\1")
        assert list(matroska.elements(data)) == [(b"\xae", bytes(size)), (matroska.CODEC_PRIVATE, b"\1")]
    for size, head in {5: "ae85", 126: "aefe", 127: "ae407f", 300: "ae412c"}.items():
        assert matroska.element(b"\xae", bytes(size))[: len(head) // 2].hex() == head


def test_an_element_of_unknown_size_takes_the_rest():
    assert list(matroska.elements(b"\xae\xff\1\2\3")) == [(b"\xae", b"\1\2\3")]
    assert list(matroska.elements(b"\xae\x01\xff\xff\xff\xff\xff\xff\xff\1")) == [(b"\xae", b"\1")]


def test_invalid_data():
    for data in (b"\0", b"\xae", b"\xae\0"):
        with pytest.raises(ValueError, match="not Matroska"):
            list(matroska.elements(data))
    with pytest.raises(ValueError, match="no track"):
        matroska.track_entry(matroska.element(matroska.EBML, b""))


def test_ffmpeg_reads_a_file_of_one_track(tmp_path, make_sounds):
    (track,) = sound_tracks(make_sounds(tmp_path / "a.mkv", "flac"))
    entry = track.template + matroska.element(matroska.CODEC_PRIVATE, track.extradata)
    data = matroska.file_of(entry)
    assert dict(matroska.track_entry(data)) == dict(matroska.elements(entry))
    with av.open(io.BytesIO(data)) as film:
        (stream,) = film.streams
        assert (stream.codec_context.name, stream.codec_context.sample_rate) == ("flac", 48000)


def test_the_end_of_a_file(tmp_path, make_sounds):
    data = make_sounds(tmp_path / "a.mkv", "flac").read_bytes()
    assert matroska.end_of_segment(data[:200]) == len(data)
    assert matroska.end_of_segment(data[:20]) is None
    live = matroska.element(matroska.EBML, b"") + bytes.fromhex("18538067 01ffffffffffffff")
    assert matroska.end_of_segment(live) is None
    assert matroska.end_of_segment(b"\0") is None
