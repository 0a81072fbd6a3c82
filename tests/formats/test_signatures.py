"""What a file is, is told by its own form: no document becomes media, whatever a decoder finds in it."""

import io
import mailbox
import mimetypes
import sysconfig
import tarfile
import zipfile
from email.message import EmailMessage
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


def _pdf(path: Path) -> None:
    first, *others = map(Image.fromarray, PHOTOS)
    first.save(path, save_all=True, append_images=others, quality=90)


def _zipped(name: str, first: str = "", content: str = ""):
    """A ZIP of photographs, with another file before them."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packing:
            if first:
                packing.writestr(first, content)
            for number, data in enumerate(jpegs()):
                packing.writestr(name.format(number), data)

    return write


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as packing:
        for number, data in enumerate(jpegs()):
            entry = tarfile.TarInfo(f"{number}.jpg")
            entry.size = len(data)
            packing.addfile(entry, io.BytesIO(data))


def _mbox(path: Path) -> None:
    letters = mailbox.mbox(path)
    for data in jpegs():
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = "a@example.org", "b@example.org", "Photos"
        letter.add_attachment(data, maintype="image", subtype="jpeg", cte="8bit")
        letters.add(letter)
    letters.close()


def _behind(start: bytes):
    """A file of this start, then photographs in sectors of 512 bytes."""

    def write(path: Path) -> None:
        path.write_bytes(
            start.ljust(4096, b"\0") + b"".join(data.ljust(-(-len(data) // 512) * 512) for data in jpegs())
        )

    return write


DOCUMENTS = {
    "scan.pdf": _pdf,
    "photos.zip": _zipped("{}.jpg"),
    "letter.docx": _zipped("word/media/image{}.jpeg", "[Content_Types].xml", '<?xml version="1.0"?><Types/>'),
    "book.epub": _zipped("OEBPS/{}.jpg", "mimetype", "application/epub+zip"),
    "photos.tar": _tar,
    "mail.mbox": _mbox,
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
    "drawing.eps": _behind(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "drawing.svg": _behind(b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "data.fits": _behind(b"SIMPLE  =                    T"),
    "data.h5": _behind(b"\x89HDF\r\n\x1a\n"),
    "zeros.bin": lambda path: path.write_bytes(bytes(100_000)),
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


FILMS = {
    "a.mkv": ("ffv1", "bgr0", None),
    "a.webm": ("libvpx-vp9", "yuv420p", None),
    "a.mp4": ("libx264", "yuv420p", None),
    "a.mov": ("png", "rgb24", None),
    "a.avi": ("ffv1", "bgr0", None),
    "a.ts": ("mpeg2video", "yuv420p", "mpegts"),
    "a.m2ts": ("libx264", "yuv420p", "mpegts"),
    "a.mpg": ("mpeg1video", "yuv420p", "mpeg"),
    "a.vob": ("mpeg2video", "yuv420p", "vob"),
    "a.m2v": ("mpeg2video", "yuv420p", "mpeg2video"),
    "a.m4v": ("mpeg4", "yuv420p", "m4v"),
    "a.h264": ("libx264", "yuv420p", "h264"),
    "a.hevc": ("libx265", "yuv420p", "hevc"),
    "a.obu": ("libsvtav1", "yuv420p", "obu"),
    "a.ivf": ("libvpx", "yuv420p", "ivf"),
    "a.flv": ("flv", "yuv420p", "flv"),
    "a.wmv": ("wmv2", "yuv420p", "asf"),
    "a.ogv": ("libvpx", "yuv420p", "ogg"),
    "a.mxf": ("mpeg2video", "yuv420p", "mxf"),
    "a.rm": ("rv10", "yuv420p", "rm"),
    "a.nut": ("ffv1", "bgr0", "nut"),
    "a.wtv": ("mpeg2video", "yuv420p", "wtv"),
    "a.y4m": ("wrapped_avframe", "yuv420p", "yuv4mpegpipe"),
}


@pytest.mark.parametrize("name", FILMS)
def test_films_of_all_forms_are_films(name, tmp_path):
    codec, pix_fmt, muxer = FILMS[name]
    path = tmp_path / name
    with av.open(str(path), "w", format=muxer) as film:
        stream = film.add_stream(codec, rate=25)
        add_pictures(film, stream, [picture(144, 176, index) for index in range(6)], pix_fmt)
    path = path.rename(path.with_suffix(""))
    assert (kind(path), form_of(path).kind) == (FILM, FILM)
    assert len(scan(path).pts) == 6
