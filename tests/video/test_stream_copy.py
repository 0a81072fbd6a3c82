"""What a film has besides pictures and sound is copied with them, or a note says what is left out."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from stegnet.video import read_frames, scan
from stegnet.video.stream_copy import left_out
from tests.support.films import encode, write_film

pytestmark = pytest.mark.slow

ASS = b"[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Start, End, Text\n"
TAGS = {"title": "Häuser", "artist": "somebody", "comment": "two\nlines"}
CHAPTERS = [
    {"id": 7, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}},
    {"id": 9, "start": 400, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "zwei"}},
]
EMPTY = b"\0\0"
STYLE = b"\0\0\0\x16styl\0\1\0\4\0\6\0\1\2\x10\xff\xff\xff\xff"
each_form = pytest.mark.parametrize("form", ["mkv", "mp4"])


def make(path, fill=lambda film: None, **fields):
    """Writes a film of 20 frames. `fill` adds to it, and may return packets; `fields` are set on the codec context."""

    def prepare(film, stream):
        for name, value in fields.items():
            setattr(stream.codec_context, name, value)
        return fill(film)

    grey = np.full((16, 32, 3), 100, np.uint8)
    return encode(path, [grey] * 20, "ffv1" if path.suffix == ".mkv" else "libx264", "yuv420p", prepare)


def rewritten(source, out, form):
    """Writes the film's pictures and copies the rest; returns the new film and the notes."""
    info = scan(source)
    choices = {"rate": info.rate, "form": form, "time_base": info.time_base, "keep": source}
    return out, write_film(out, read_frames(source), info.times, **choices).notes


def tags_of(path):
    with av.open(str(path)) as film:
        return {name.lower(): value for name, value in film.metadata.items()}


@each_form
def test_chapters_are_copied(tmp_path, form):
    """Tags, and chapters in Matroska, are those of ffmpeg (test_finishing.py)."""

    def chapters(name, *made):
        path, notes = rewritten(make(tmp_path / name, lambda film: film.set_chapters(made)), tmp_path / "b", form)
        assert notes == ()
        with av.open(str(path)) as film:
            return [
                (each["metadata"]["title"], *(each[end] * each["time_base"] for end in ("start", "end")))
                for each in film.chapters()
            ]

    for name in ("a.mkv", "a.mp4"):
        assert chapters(name, *CHAPTERS) == [("one", 0, Fraction(2, 5)), ("zwei", Fraction(2, 5), Fraction(4, 5))]
    assert len(chapters("a.mp4", CHAPTERS[1] | {"end": 300})) == 1  # backwards


@each_form
def test_cover_art_is_copied(tmp_path, form):
    """The second time, source and copy have the same format."""
    Image.new("RGB", (40, 40), "red").save(jpeg := io.BytesIO(), format="JPEG")
    art = jpeg.getvalue()
    source = make(tmp_path / "a.mkv", lambda film: film.add_attachment("cover.jpg", "image/jpeg", art) and None)
    for step in range(2):
        source, notes = rewritten(source, tmp_path / f"{step}", form)
        with av.open(str(source)) as film:
            (stream,) = [stream for stream in film.streams.video if stream.disposition & 1024]
            assert bytes(next(film.demux(stream))) == art
        assert notes == ()
        assert len(scan(source).pts) == 20


def lines_of(track, lines):
    """Packets of texts of 0.2 s, which start each 0.3 s from 0.1 s on."""
    packets = [av.Packet(line) for line in lines]
    for index, packet in enumerate(packets):
        packet.stream, packet.time_base = track, Fraction(1, 1000)
        packet.pts = packet.dts = 100 + 300 * index
        packet.duration, packet.is_keyframe = 200, True
    return packets


def text(film, codec, lines):
    track = film.add_mux_stream(codec, time_base=Fraction(1, 1000))
    track.metadata["language"] = "deu"
    return lines_of(track, lines)


def subtitles_of(path):
    """Codec, language and lines of the subtitle tracks, without the empty texts that fill gaps in MP4."""
    found = []
    with av.open(str(path)) as film:
        for track in film.streams.subtitles:
            packets = [each for each in film.demux(track) if each.pts is not None and bytes(each) != EMPTY]
            times = [[round(at * each.time_base * 1000) for at in (each.pts, each.duration)] for each in packets]
            lines = [(*time, bytes(each)) for time, each in zip(times, packets, strict=True)]
            found.append((track.codec_context.codec.canonical_name, track.metadata.get("language"), lines))
    return found


def mov_text(path, *lines):
    """Writes a film with MP4's subtitles; only an encoder stream gets the header they need."""

    def fill(film):
        track = film.add_stream("mov_text")
        track.codec_context.subtitle_header = ASS
        track.time_base = Fraction(1, 1000)
        track.metadata["language"] = "deu"
        return lines_of(track, lines)

    return make(path, fill)


def test_subtitles_of_mp4(tmp_path):
    """They stay in MP4, and become plain text in Matroska."""
    hello, wide, bye = (
        len(line).to_bytes(2, "big") + line
        for line in ("Häl lo\ntwo".encode(), "\ufeffwide".encode("utf-16-be"), b"bye")
    )
    source = mov_text(tmp_path / "a.mp4", hello + STYLE, wide, EMPTY, bye)
    path, notes = rewritten(source, tmp_path / "b", "mp4")
    kept = [(100, 200, hello + STYLE), (400, 200, wide), (1000, 200, bye)]
    assert (subtitles_of(path), notes) == ([("mov_text", "deu", kept)], ())
    path, notes = rewritten(source, tmp_path / "b", "mkv")
    texts = [(100, 200, hello[2:]), (400, 200, b"wide"), (1000, 200, b"bye")]
    assert subtitles_of(path) == [("subrip", "deu", texts)]
    assert notes == ("the styles of its subtitles are lost: Matroska gets plain text",)
    assert rewritten(mov_text(tmp_path / "a.mp4", bye), tmp_path / "b", "mkv")[1] == ()


def test_other_tracks_are_left_out(tmp_path):
    def add_pictures(film):
        other = film.add_stream("ffv1", rate=25)
        other.width, other.height, other.pix_fmt = 8, 8, "yuv420p"
        return other.encode(av.VideoFrame(8, 8, "yuv420p")) + other.encode(None)

    def add_data(film):
        return lines_of(film.add_data_stream("klv"), [b"\0" * 20])

    for name, fill, note in (("a.mkv", add_pictures, "its other video tracks"), ("a.ts", add_data, "its data tracks")):
        path, notes = rewritten(make(tmp_path / name, fill), tmp_path / "b", "mkv")
        with av.open(str(path)) as film:
            assert len(film.streams) == 1
        assert notes == (f"{note} (1) are left out",)


def test_what_mp4_can_not_hold_is_left_out_with_a_note(tmp_path):
    """Subtitles are shifted with a film that starts before 0, to the nearest millisecond."""
    lines = ["Häl <i>lo</i>\ntwo".encode(), b"bye"]
    fit = {"location": "+12.0000+013.0000/", "date": "2020", "track": "1/2", "album": "1", "genre": "1"}

    def fill(film):
        film.set_chapters(CHAPTERS)
        film.metadata.update(TAGS | fit | {"mood": "glad", "tempo": "5", "encoder": "camera"})
        film.add_attachment("a.ttf", "font/ttf", b"\0font")
        return text(film, "subrip", lines)

    source = make(tmp_path / "a.mkv", fill)
    path, notes = rewritten(source, tmp_path / "b", "mp4")
    assert {name: tags_of(path)[name] for name in TAGS} == TAGS
    assert tags_of(path).keys() >= fit.keys()
    assert tags_of(path)["encoder"].startswith("Lavf")
    assert subtitles_of(path) == []
    assert notes == (
        "its tags mood, tempo are left out: MP4 can't hold them",
        "its attached files (1) are left out: MP4 can't hold them",
        "its subtitles (subrip) are left out: MP4 can't hold them",
    )
    assert left_out(source, "mp4") == (
        "its chapter titles are left out",
        f"its tags {', '.join(sorted(TAGS | fit | {'mood': '', 'tempo': ''}))} are left out",
        "its attached files (1) are left out",
    )
    times = [Fraction(index, 25) - Fraction(1, 15) for index in range(20)]
    late, frames = tmp_path / "late", [np.zeros((16, 32, 3), np.uint8)] * 20
    assert write_film(late, frames, times, keep=source).notes == ()
    assert subtitles_of(late) == [("subrip", "deu", [(167, 200, lines[0]), (467, 200, lines[1])])]
    assert tags_of(late)["mood"] == "glad"


def test_subtitles_that_are_pictures_stay_out_of_mp4(tmp_path):
    pictures = make(tmp_path / "c.mkv", lambda film: text(film, "dvd_subtitle", [b"hi"]))
    assert left_out(pictures, "mp4") == ("its subtitles (dvd_subtitle) are left out",)
    assert left_out(pictures, "mkv") == ()
