"""What a file is, is told by its own form: no document becomes media, whatever a decoder finds in it."""

import mimetypes
import sysconfig
from pathlib import Path

import av
import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.core.names import FILM, PICTURE
from stegnet.formats.signatures import form_of
from stegnet.media.cover import kind, media_kind
from stegnet.video.films import scan
from tests.support.films import add_pictures, picture
from tests.support.stills import saved

PHOTOS = [picture(90, 120, seed) for seed in range(6)]


def jpegs() -> list[bytes]:
    return [saved(Image.fromarray(pixels), "JPEG", quality=90) for pixels in PHOTOS]


def _behind(start: bytes):
    """A file of this start, then photographs in sectors of 512 bytes, as a ZIP, TAR or mailbox has them, too."""

    def write(path: Path) -> None:
        path.write_bytes(
            start.ljust(4096, b"\0") + b"".join(data.ljust(-(-len(data) // 512) * 512) for data in jpegs())
        )

    return write


DOCUMENTS = {
    "scan.pdf": _behind(b"%PDF-1.4\n% created by a scanner\n"),
    "photos.zip": _behind(b"PK\x03\x04\x14\x00\x00\x00\x00\x00"),
    "book.epub": _behind(b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip"),
    "photos.tar": _behind(b"0.jpg".ljust(257, b"\0") + b"ustar\x0000"),
    "mail.mbox": _behind(b"From MAILER-DAEMON Mon Nov 30 01:03:28 2026\nFrom: a@example.org\nSubject: Photos\n\n"),
    "program.exe": _behind(b"MZ\x90\x00\x03"),
    "program": _behind(b"\x7fELF\x02\x01\x01"),
    "disc.iso": _behind(bytes(32 * 1024) + b"\x01CD001\x01"),
    "card.img": _behind(b"\xeb\x3c\x90MSDOS5.0"),
    "firmware.bin": _behind(b"\x27\x05\x19\x56"),
    "thumbs.db": _behind(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    "raw.cr3": _behind(b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom"),
    "raw.cr2": _behind(b"II*\x00\x10\x00\x00\x00CR\x02\x00"),
    "skiplist.db": _behind(b"\xa1\x02\x8b\rskiplist file\x00\x00\x00"),
    "plan9": _behind(b"\x00\x00\x01\x07"),
    "picture.jls": _behind(b"\xff\xd8\xff\xf7"),
    "raw.raf": _behind(b"FUJIFILMCCD-RAW 0201"),
    "raw.rw2": _behind(b"IIU\x00\x18\x00\x00\x00"),
    "raw.orf": _behind(b"IIRO\x08\x00\x00\x00"),
    "raw.x3f": _behind(b"FOVb\x00\x00\x03\x00"),
    "picture.jxl": _behind(b"\x00\x00\x00\x0cJXL \r\n\x87\n"),
    "icon.xpm": _behind(b"/* XPM */\nstatic char * icon[] = {\n"),
    "icon.xbm": _behind(b"#define icon_width 16\n#define icon_height 16\nstatic char icon_bits[] = {\n"),
    "call.sdp": _behind(b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
    "tags": _behind(b";FFMETADATA1\ntitle=x\n"),
    "data.fits": _behind(b"SIMPLE  =                    T"),
    "data.h5": _behind(b"\x89HDF\r\n\x1a\n"),
    "gs.txt": lambda path: path.write_bytes(b"G" * 100_000),
    "photos.bin": lambda path: path.write_bytes(b"\n" + b"".join(jpegs())),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_a_file_whatever_is_in_it(name, tmp_path, capsys):
    path = tmp_path / name
    DOCUMENTS[name](path)
    assert (form_of(path), media_kind(path)) == (None, None)
    assert main(["info", str(path)]) == 1
    assert f"{name}: is a file, not a picture, film or sound" in capsys.readouterr().err


@pytest.mark.slow
def test_no_file_of_pythons_library_is_taken_for_media(tmp_path):
    """Thousands of source files, tables, archives and programs; real media among them are named as such."""
    files = sorted(path for path in Path(sysconfig.get_paths()["stdlib"]).rglob("*") if path.is_file())[:3000]
    assert len(files) > 500
    for path in files:
        said = (mimetypes.guess_type(path)[0] or "").partition("/")[0]
        if said not in {"image", "video", "audio"}:
            assert form_of(path) is None, path


@pytest.mark.parametrize(
    "suffix",
    ["png", "jpg", "webp", "gif", "tif", "bmp", "jp2", "j2k", "ppm", "ico", "tga", "pcx", "qoi", "sgi", "dds", "avif"],
)
def test_pictures_of_all_forms_are_pictures(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PHOTOS[0]).save(path)
    assert (kind(path), form_of(path).kind) == (PICTURE, PICTURE)


def test_an_mpeg_stream_of_any_size_is_a_film_and_one_without_a_size_a_file(tmp_path):
    """ISO/IEC 13818-2, 6.2.2.1: two sides of 12 bits each."""
    path = tmp_path / "a"
    for width, height in ((1, 1), (16, 256), (256, 16), (4095, 2304), (0, 16), (16, 0)):
        path.write_bytes(b"\x00\x00\x01\xb3" + (width << 12 | height).to_bytes(3, "big") + bytes(100))
        form = form_of(path)
        assert (form.kind if form else None) == (FILM if width and height else None), (width, height)


FILMS = {
    "a.m2ts": ("libx264", "yuv420p", "mpegts"),
    "a.vob": ("mpeg2video", "yuv420p", "vob"),
    "a.m4v": ("mpeg4", "yuv420p", "m4v"),
    "a.hevc": ("libx265", "yuv420p", "hevc"),
    "a.obu": ("libsvtav1", "yuv420p", "obu"),
    "a.ivf": ("libvpx", "yuv420p", "ivf"),
    "a.ogv": ("libvpx", "yuv420p", "ogg"),
    "a.mxf": ("mpeg2video", "yuv420p", "mxf"),
    "a.rm": ("rv10", "yuv420p", "rm"),
    "a.nut": ("ffv1", "bgr0", "nut"),
    "a.y4m": ("wrapped_avframe", "yuv420p", "yuv4mpegpipe"),
}


@pytest.mark.parametrize("name", FILMS)
def test_films_of_rare_forms_are_films(name, tmp_path):
    """tests/transcripts/odd-films.txt and odd-times.txt have the others."""
    codec, pix_fmt, muxer = FILMS[name]
    path = tmp_path / name
    with av.open(str(path), "w", format=muxer) as film:
        stream = film.add_stream(codec, rate=25)
        add_pictures(film, stream, [picture(144, 176, index) for index in range(6)], pix_fmt)
    path = path.rename(path.with_suffix(""))
    assert (kind(path), form_of(path).kind) == (FILM, FILM)
    assert len(scan(path).pts) == 6
