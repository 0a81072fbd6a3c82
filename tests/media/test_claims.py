"""What a file says of its own content stays true: digests are written anew, signatures are taken out."""

import gzip
import hashlib
import io
import json
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import ExifTags, Image

from stegnet import CapacityError, Key, MediaError, hide, hide_album, reveal
from stegnet.media.claims import open_cover
from tests.support import stills
from tests.support.credentials import credentials, signed
from tests.support.films import picture
from tests.support.memory import memory_limited
from tests.support.pngs import as_png, chunks_of
from tests.support.sounds import as_bytes, chunk, form_chunk, noise, riff

KEY = Key(bytes(range(32)))
TEXT = b"at noon"
FILM = (Path(__file__).parents[1] / "format/h264_vectors/cabac.mp4").read_bytes()
MARK = hashlib.sha256(b"a signature or digest").hexdigest()
SOUND = noise(20000).astype(np.int16)
SAMPLES = as_bytes(SOUND)
CREDENTIALS = "Content Credentials"
MANIFEST = bytes.fromhex("6332706100110010800000aa00389b71") + MARK.encode()  # the type of a box of JUMBF


def saved(form: str, **options) -> bytes:
    """A picture in a form of Pillow."""
    return stills.saved(Image.fromarray(picture(160, 240, 3)), form, **options)


def of_two_pictures() -> bytes:
    return saved("MPO", save_all=True, append_images=[Image.fromarray(picture(32, 48))], quality=90)


def wav(*behind: bytes, before: bytes = b"", name: bytes = b"RIFF") -> bytes:
    return riff(before, form_chunk(), chunk(b"data", SAMPLES), *behind, name=name)


def flac(samples: np.ndarray = SOUND) -> bytes:
    soundfile.write(out := io.BytesIO(), samples, 44100, format="FLAC")
    return out.getvalue()


def sent(folder: Path, data: bytes, suffix: str) -> tuple[bytes, str]:
    """A container, which opens, and the names of what was left out; if it is a new PNG, the cover as it is used."""
    stays = suffix not in {".tif", ".webp"}
    cover, out = folder / f"cover{suffix}", folder / f"sent{suffix if stays else '.png'}"
    cover.write_bytes(data)
    out.unlink(missing_ok=True)
    report = hide(cover, TEXT, out, key=KEY)
    assert reveal(out, key=KEY).data == TEXT
    (note,) = [line for line in report.notes if "used without its" in line] or [""]
    with open_cover(cover) as used:
        left = (out if stays else used).read_bytes()
    return left, note.removeprefix("cover: used without its ").partition(", which would")[0]


COVERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "JPEG": (".jpg", lambda: saved("JPEG", quality=90)),
    "JPEG of two pictures": (".jpg", of_two_pictures),
    "PNG": (".png", lambda: saved("PNG")),
    "WebP": (".webp", lambda: saved("WEBP", lossless=True)),
    "TIFF": (".tif", lambda: saved("TIFF")),
    "BigTIFF": (".tif", lambda: saved("TIFF", big_tiff=True)),
    "WAV": (".wav", wav),
    "FLAC": (".flac", flac),
    "MP4": (".mp4", lambda: FILM),
}


@pytest.mark.slow
@pytest.mark.parametrize("link", ["", f"https://example.com/{MARK}"])
@pytest.mark.parametrize("form", COVERS)
def test_content_credentials_are_taken_out(tmp_path, form, link):
    """A signer of these forms writes the manifest, and to most a link to it; the rest is the file as it was before."""
    suffix, make = COVERS[form]
    plain = make()
    cover = signed(plain, suffix, link)
    assert credentials(cover, suffix) == "Valid"
    out, names = sent(tmp_path, cover, suffix)
    assert (credentials(out, suffix), names) == ("none", CREDENTIALS)
    assert not [word for word in (MARK.encode(), b"c2pa") if word in out]
    if suffix not in {".tif", ".mp4"} and not link:
        with open_cover(tmp_path / f"cover{suffix}") as opened:
            assert opened.read_bytes() == plain


BIG = saved("TIFF", big_tiff=True)
PAGE = int.from_bytes(BIG[8:16], "little")
ENTRY = PAGE + 8 + 20 * (BIG[PAGE] - 1)  # the last of the page


def with_entry(tag: int, length: int, value: int) -> bytes:
    return BIG[:ENTRY] + struct.pack("<HHQQ", tag, 7, length, value) + BIG[ENTRY + 20 :]


@pytest.mark.parametrize("tag", [700, 0xCD41])  # XMP, a manifest
@pytest.mark.parametrize(("length", "value"), [(1 << 40, 8), (4 << 30, 8), (8, (1 << 64) - 16), ((1 << 64) - 1, 8)])
def test_a_part_that_ends_behind_the_file_takes_no_memory(tmp_path, tag, length, value):
    with memory_limited(1 << 30):
        assert sent(tmp_path, with_entry(tag, length, value), ".tif")[1] == ""


def test_a_page_behind_the_file_is_refused(tmp_path):
    (tmp_path / "cover.tif").write_bytes(BIG[:8] + bytes([0xFF] * 8) + BIG[16:])
    with pytest.raises(MediaError, match="the TIFF picture is damaged"):
        hide(tmp_path / "cover.tif", TEXT, tmp_path / "out.png", key=KEY)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("suffix", [".flac", ".jpg", ".wav", ".png"])
def test_systems_without_files_in_memory(tmp_path, monkeypatch, suffix):
    """Only Linux opens a file in memory again."""
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: not path.is_relative_to("/proc") and exists(path))
    make = next(make for other, make in COVERS.values() if other == suffix)
    assert sent(tmp_path, signed(make(), suffix), suffix)[1] == CREDENTIALS


def jpeg_with(*segments: tuple[int, bytes], last: bool = False) -> bytes:
    """A JPEG with segments before all others, or behind all."""
    data = saved("JPEG", quality=90)
    made = [bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content for marker, content in segments]
    place = -2 if last else 2
    return data[:place] + b"".join(made) + data[place:]


def png_with(kind: bytes, content: bytes) -> bytes:
    head, *others = chunks_of(saved("PNG"))
    return as_png([head, (kind, content), *others])


def webp_with(kind: bytes, content: bytes) -> bytes:
    data = saved("WEBP", lossless=True) + chunk(kind, content)
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def flac_with(kind: int, content: bytes, tag: bytes = b"", data: bytes = flac()) -> bytes:
    return tag + data[:42] + bytes([kind]) + len(content).to_bytes(3) + content + data[42:]


def comments(*tags: str) -> bytes:
    made = [struct.pack("<I", len(tag.encode())) + tag.encode() for tag in tags]
    return b"\4\0\0\0test" + struct.pack("<I", len(made)) + b"".join(made)


def id3(*frames: tuple[bytes, bytes], version: int = 4) -> bytes:
    """A tag of ID3v2.3 or 2.4, with padding."""

    def size(number: int, bits: int = 7) -> bytes:
        return bytes(number >> shift & 2**bits - 1 for shift in range(3 * bits, -1, -bits))

    bits = 7 if version == 4 else 8
    made = b"".join(kind + size(len(content), bits) + b"\0\0" + content for kind, content in frames)
    return b"ID3" + bytes([version, 0, 0]) + size(len(made) + 20) + made + bytes(20)


def uuid(kind: str, content: bytes) -> bytes:
    return (24 + len(content)).to_bytes(4) + b"uuid" + bytes.fromhex(kind) + content


def mp4_with(box: bytes) -> bytes:
    """A film with a box before all that its tables point to, and the same at its end."""
    data = bytearray(FILM)
    for found in re.finditer(b"stco\0\0\0\0", FILM):
        (count,) = struct.unpack_from(">I", data, found.end())
        for place in range(found.end() + 4, found.end() + 4 + 4 * count, 4):
            struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(box))
    first = int.from_bytes(data[:4])
    return bytes(data[:first] + box + data[first:] + box)


JPEG_XMP, MORE_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PNG_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
XMP_BOX, MANIFEST_BOX = "be7acfcb97a942e89c71999491e3afac", "d8fec3d61b0e483c92975828877ec481"
LINKED = f'<d xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{MARK}" a:b="c"/>'.encode()
OTHER_XMPS = {
    f"<d xmlns:q='http://purl.org/dc/terms/'><q:provenance>{MARK}</q:provenance><a:b/></d>": CREDENTIALS,
    f"<d xmlns:q='http://purl.org/dc/terms/'><q:provenance rdf:resource='{MARK}' /><a:b/></d>": CREDENTIALS,
    f"<d xmlns:et='http://ns.exiftool.org/1.0/' et:OriginalImageHash='{MARK}' a:b='c'/>": "OriginalImageHash",
}
PARAMETERS = f'{{"prompt": "a cat", "signed_hash": "{MARK}", "steps": 28}}'.encode()
OBJECT = b"GEOB", b"\0application/c2pa\0\0\0" + MANIFEST
RESULT = b"TXXX", f"\3AccurateRipResult\0Accurate [{MARK}]".encode()
TITLE = b"TIT2", b"\3a title"
TAGS = (f"AccurateRipCRC={MARK}", f"CTDBTRACKCONFIDENCE={MARK}", f"AUDIOMD5={MARK}", f"LOG=Copy CRC {MARK}")
BOX = b"JP\0\1\0\0\0\1" + struct.pack(">I4sI4s", 99, b"jumb", 50, b"jumd")
SPLIT = (0xEB, BOX + MANIFEST), (0xEB, BOX[:4] + b"\0\0\0\2" + BOX[8:16] + MARK.encode())
MADE: list[tuple[str, str, bytes]] = [  # name, suffix, cover
    *((name, ".png", png_with(b"iTXt", PNG_XMP + xmp.encode())) for xmp, name in OTHER_XMPS.items()),
    (CREDENTIALS, ".png", png_with(b"iTXt", PNG_XMP[:-4] + b"\1\0\0\0" + zlib.compress(LINKED))),
    ("digital signature", ".png", png_with(b"dSIG", MARK.encode())),
    ("index of rows (iDOT)", ".png", png_with(b"iDOT", MARK.encode())),
    ("index of blocks (Scalado)", ".jpg", jpeg_with((0xE4, b"SCALADO\0" + MARK.encode()))),
    ("peaks (levl)", ".wav", wav(chunk(b"levl", MARK.encode()))),
    ("ImageMagick signature", ".png", png_with(b"tEXt", b"signature\0" + MARK.encode())),
    ("ImageMagick signature", ".png", png_with(b"zTXt", b"signature\0\0" + zlib.compress(MARK.encode()))),
    ("NovelAI signature", ".png", png_with(b"tEXt", b"Comment\0" + PARAMETERS)),
    (CREDENTIALS, ".jpg", jpeg_with((0xE1, JPEG_XMP + LINKED))),
    (CREDENTIALS, ".jpg", jpeg_with(*SPLIT)),
    (CREDENTIALS, ".jpg", jpeg_with(*SPLIT, last=True)),
    (CREDENTIALS, ".webp", webp_with(b"XMP ", LINKED)),
    (CREDENTIALS, ".wav", wav(before=chunk(b"C2PA", MANIFEST))),
    (CREDENTIALS, ".wav", wav(chunk(b"_PMX", LINKED), chunk(b"LIST", b"INFO"))),
    (CREDENTIALS, ".wav", wav(chunk(b"id3 ", id3(OBJECT)))),
    ("AccurateRipResult", ".wav", wav(chunk(b"id3 ", id3(TITLE, RESULT, version=3)))),
    (f"{CREDENTIALS}, AccurateRipCRC", ".flac", flac_with(4, comments("TITLE=a title", TAGS[0]), id3(TITLE, OBJECT))),
    (CREDENTIALS, ".flac", id3(OBJECT)[:5] + b"\x80" + id3(OBJECT)[6:] + flac()),
    (", ".join(tag.partition("=")[0] for tag in TAGS), ".flac", flac_with(4, comments(*TAGS, "TITLE=a title"))),
    (CREDENTIALS, ".flac", flac_with(2, b"c2pa" + MANIFEST)),
    ("peaks (levl)", ".flac", flac_with(2, b"riff" + chunk(b"levl", MARK.encode()))),
    (CREDENTIALS, ".flac", flac_with(2, b"riff" + chunk(b"_PMX", LINKED))),
    (CREDENTIALS, ".mp4", mp4_with(uuid(MANIFEST_BOX, MARK.encode()))),
    (CREDENTIALS, ".mp4", mp4_with(uuid(XMP_BOX, LINKED))),
]


@pytest.mark.parametrize(("name", "suffix", "cover"), MADE, ids=[f"{name} {suffix}" for name, suffix, _ in MADE])
def test_other_claims_are_taken_out(tmp_path, name, suffix, cover):
    """The note names them once; what stands beside them stays."""
    out, names = sent(tmp_path, cover, suffix)
    assert names == name
    assert MARK.encode() not in out
    for other in (b"a:b", b"a cat", b"a title", b"INFO", b"xmlns"):
        assert (other in out) == (other in cover) or cover[37:41] in {b"iTXt", b"zTXt"}


@pytest.mark.parametrize("version", [3, 4])
def test_a_long_tag_that_loses_a_claim_says_its_new_length(tmp_path, version):
    comment = b"COMM", b"\0eng\0" + b"text " * 60_000
    out, names = sent(tmp_path, wav(chunk(b"id3 ", id3(comment, OBJECT, version=version))), ".wav")
    assert (names, id3(comment, version=version) in out) == (CREDENTIALS, True)


def test_the_head_of_the_wav_that_a_flac_was_says_its_new_length(tmp_path):
    """`flac --keep-foreign-metadata` compares it when it makes the WAV again."""
    peaks = chunk(b"levl", MARK.encode())
    head = (2, b"riffRIFF" + (5000).to_bytes(4, "little") + b"WAVE")
    cover = flac_with(*head, data=flac_with(2, b"riff" + peaks))
    out, _ = sent(tmp_path, cover, ".flac")
    assert b"riffRIFF" + (5000 - len(peaks)).to_bytes(4, "little") + b"WAVE" in out


def with_note(make: str, note: bytes) -> bytes:
    """A JPEG with a maker's note, and more EXIF around it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = make
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.MakerNote] = note
    details.update({ExifTags.Base.ISOSpeedRatings: 400, ExifTags.Base.LensModel: "a lens"})
    return saved("JPEG", quality=90, exif=exif)


def directory(*entries: tuple[int, int, int], order: str = "<") -> bytes:
    """A directory of numbers: tag, type (1 or 4), value."""
    made = (struct.pack(f"{order}HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack(f"{order}H", len(entries)) + b"".join(made) + bytes(4) + MARK.encode()


NIKON = b"Nikon\0\2\x10\0\0II*\0\x08\0\0\0"
NOTES = {
    "Image Authentication (Nikon)": ("NIKON", NIKON + directory((1, 4, 9), (0x20, 1, 1))),
    "Original Data Security (Canon)": ("Canon", directory((6, 4, 9), (0x83, 4, 4711), order=">")),
    "": ("NIKON", NIKON + directory((1, 4, 9), (0x20, 1, 0))),
}


@pytest.mark.parametrize("name", NOTES)
def test_a_cameras_signature_in_its_makers_note_is_taken_out(tmp_path, name):
    """A note without one stays, and so does all other EXIF."""
    out, names = sent(tmp_path, with_note(*NOTES[name]), ".jpg")
    assert (names, MARK.encode() in out) == (name, not name)
    with Image.open(io.BytesIO(out)) as image:
        details = image.getexif().get_ifd(ExifTags.IFD.Exif)
    assert (details[ExifTags.Base.ISOSpeedRatings], details[ExifTags.Base.LensModel]) == (400, "a lens")
    assert (ExifTags.Base.MakerNote in details) is not bool(name)


LONG = b"<d>" + b"<e>text</e>" * 8000 + LINKED + b"</d>"


@pytest.mark.parametrize("order", [(0, 60000), (60000, 0)])
def test_the_digest_of_a_long_xmp_follows(tmp_path, order):
    """A JPEG's XMP of more than 64 kB goes on in segments, in any order, that have the MD5 of their joint text."""

    def pieces(data: bytes) -> tuple[set[bytes], bytes]:
        found = [found.end() for found in re.finditer(re.escape(MORE_XMP), data)]
        lengths = [int.from_bytes(data[place - len(MORE_XMP) - 2 : place - len(MORE_XMP)]) for place in found]
        ends = [place - len(MORE_XMP) - 2 + length for place, length in zip(found, lengths, strict=True)]
        parts = [
            (data[place + 36 : place + 40], data[place + 40 : end]) for place, end in zip(found, ends, strict=True)
        ]
        text = b"".join(part for _, part in sorted(parts))
        return {data[place : place + 32] for place in found}, text

    digest = hashlib.md5(LONG).hexdigest().upper().encode()
    heads = [MORE_XMP + digest + struct.pack(">II", len(LONG), place) for place in order]
    more = [(0xE1, head + LONG[place : place + 60000]) for head, place in zip(heads, order, strict=True)]
    cover = jpeg_with((0xE1, JPEG_XMP + b'<d xmpNote:HasExtendedXMP="' + digest + b'"/>'), *more)
    assert pieces(cover) == ({digest}, LONG)
    out, names = sent(tmp_path, cover, ".jpg")
    digests, text = pieces(out)
    (new,) = digests
    assert (names, text) == (CREDENTIALS, LONG.replace(f' dcterms:provenance="{MARK}"'.encode(), b""))
    assert new == hashlib.md5(text).hexdigest().upper().encode()
    assert b'HasExtendedXMP="' + new in out
    assert digest not in out


KEPT_XMP = b"""<d xmlns:dcterms='http://purl.org/dc/terms/' xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'
 xmpMM:DocumentID='1' photoshop:LegacyIPTCDigest='9' dcterms:created='2026'
 dcterms:provenances='1' hdrgm:Version='1.0' o:provenance='me'/>"""
KEPT_TAGS = "ACCURATERIPDISCID=012", "REPLAYGAIN_TRACK_GAIN=-3 dB", "COMMENT=a signature", "CATALOG=1"
KEPT: list[tuple[str, bytes]] = [  # suffix, cover
    (".png", png_with(b"iTXt", PNG_XMP + KEPT_XMP)),
    (".png", png_with(b"tEXt", b"signature\0J. Constable")),
    (".png", png_with(b"tEXt", b'Comment\0{"prompt": "a cat"}')),
    (".jpg", jpeg_with((0xE1, JPEG_XMP + KEPT_XMP))),
    (".jpg", jpeg_with((0xEB, BOX + bytes(16))) + b"SEFHe\0\0\0\0SEFT"),
    (".wav", wav(chunk(b"id3 ", id3(TITLE, (b"GEOB", b"\0text/plain\0\0\0x"))), chunk(b"_PMX", KEPT_XMP))),
    (".flac", flac_with(4, comments(*KEPT_TAGS), id3(TITLE))),
    (".flac", flac_with(2, b"riff" + KEPT_XMP)),
    (".mp4", mp4_with(uuid(XMP_BOX, KEPT_XMP))),
]


@pytest.mark.parametrize(
    ("suffix", "cover"), KEPT, ids=[f"{number}{suffix}" for number, (suffix, _) in enumerate(KEPT)]
)
def test_what_says_nothing_of_the_samples_stays(tmp_path, suffix, cover):
    out, names = sent(tmp_path, cover, suffix)
    assert names == ""
    for kept in (KEPT_XMP, b"J. Constable", b"SEFT", b"jumb", id3(TITLE), comments(*KEPT_TAGS)):
        assert out.count(kept) == cover.count(kept)


def test_the_md5_of_a_wav_in_a_flac(tmp_path):
    """`flac --keep-foreign-metadata` keeps a WAV's chunks, to write them again."""
    cover = flac_with(2, b"riff" + chunk(b"MD5 ", hashlib.md5(SAMPLES).digest()))
    out, names = sent(tmp_path, cover, ".flac")
    samples = soundfile.read(tmp_path / "sent.flac", dtype="int16")[0].tobytes()
    assert (names, samples != SAMPLES) == ("", True)
    assert chunk(b"MD5 ", hashlib.md5(samples).digest()) in out


@pytest.mark.parametrize("name", [b"RIFF", b"RF64"])
@pytest.mark.parametrize("turned", [1, -1])
@pytest.mark.parametrize("is_last", [True, False])
def test_the_md5_of_a_wav_is_that_of_its_samples(tmp_path, is_last, turned, name):
    """BWF MetaEdit writes it, in front of the samples or behind them; one that was wrong stays."""
    long = chunk(b"ds64", struct.pack("<QQQI", 8 + 36 + 24 + len(SAMPLES) + 36, len(SAMPLES), 20000, 0))
    start = long if name == b"RF64" else b""
    for digest in (hashlib.md5(SAMPLES).digest()[::turned], bytes(range(16))):
        own = chunk(b"MD5 ", digest)
        cover = wav(own if is_last else b"", before=start if is_last else start + own, name=name)
        out, names = sent(tmp_path, cover, ".wav")
        place = out.index(b"data" + len(SAMPLES).to_bytes(4, "little")) + 8
        samples = out[place : place + len(SAMPLES)]
        wanted = hashlib.md5(samples).digest()[::turned] if digest != bytes(range(16)) else digest
        assert samples != SAMPLES
        assert (names, out[out.index(b"MD5 ") + 8 :][:16]) == ("", wanted)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_the_peak_of_a_sound_is_that_of_its_samples(tmp_path, suffix):
    """Tags say how loud the loudest sample is, as metaflac writes them; it stays, as one between samples does."""

    def peak(samples: np.ndarray) -> str:
        return f"{np.abs(samples.astype(int)).max() / 32768:.8f}"

    samples = noise(20000).clip(-3000, 3000).astype(np.int16)  # many samples are the loudest
    peaks = {"REPLAYGAIN_TRACK_PEAK": peak(samples), "replaygain_album_peak": f"{float(peak(samples)):.6f}"}
    other = "REPLAYGAIN_TRACK_PEAK=0.09374"
    tags = *(f"{name}={value}" for name, value in peaks.items()), other
    if suffix == ".wav":
        frames = [(b"TXXX", b"\3" + tag.encode().replace(b"=", b"\0")) for tag in tags]
        cover = riff(form_chunk(), chunk(b"data", as_bytes(samples)), chunk(b"id3 ", id3(*frames)))
    else:
        cover = flac_with(4, comments(*tags), data=flac(samples))
    (tmp_path / f"cover{suffix}").write_bytes(cover)
    hide(tmp_path / f"cover{suffix}", bytes(range(256)) * 4, tmp_path / f"sent{suffix}", key=KEY)
    new = peak(soundfile.read(tmp_path / f"sent{suffix}", dtype="int16")[0])
    assert new == peak(samples)  # nothing lies beyond the level at which a sound was clipped
    written = (tmp_path / f"sent{suffix}").read_bytes().replace(b"\0", b"=")
    for tag in (f"TRACK_PEAK={new}", f"album_peak={float(new):.6f}", other):
        assert tag.encode() in written


@pytest.mark.parametrize(("name", "field"), [(b"RIFF", 0), (b"RIFF", 0xFFFFFFFF), (b"RF64", 0xFFFFFFFF)])
def test_the_length_of_a_wav(tmp_path, name, field):
    """A pipe does not know it when it writes the header; an RF64 has it in another chunk, since the field is narrow."""
    behind, length = chunk(b"C2PA", MANIFEST), 4 + 36 + 24 + 8 + len(SAMPLES)
    long = chunk(b"ds64", struct.pack("<QQQI", length + len(behind), len(SAMPLES), 20000, 0))
    cover = wav(behind, before=long if name == b"RF64" else b"", name=name)
    out, names = sent(tmp_path, cover[:4] + field.to_bytes(4, "little") + cover[8:], ".wav")
    assert (names, out[4:8]) == (CREDENTIALS, field.to_bytes(4, "little"))
    assert name == b"RIFF" or (int.from_bytes(out[20:28], "little"), len(out)) == (length, length + 8)


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_signature_in_the_opacity(tmp_path, is_signed):
    """NovelAI writes it into lowest bits, with its parameters; it can't be left out, as opacity stays."""
    text = gzip.compress(json.dumps({"Comment": PARAMETERS.decode() if is_signed else "{}"}).encode())
    bits = np.unpackbits(np.frombuffer(b"stealth_pngcomp" + (8 * len(text)).to_bytes(4) + text, np.uint8))
    opacity = np.full((240, 160), 254, np.uint8)  # columns by rows
    opacity.reshape(-1)[: bits.size] |= bits
    cover = tmp_path / "cover.png"
    Image.fromarray(np.dstack([picture(160, 240), opacity.T])).save(cover)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        hide(cover, TEXT, tmp_path / "sent.png", key=KEY)
    assert any("opacity has a signature" in str(warning.message) for warning in caught) == is_signed
    if is_signed:
        with pytest.raises(CapacityError):
            hide(cover, TEXT, tmp_path / "safe.png", key=KEY, at_most_safe=True)


def test_albums_and_secrets(tmp_path):
    """Each cover of an album goes without; a signed secret is hidden byte for byte."""
    (tmp_path / "covers").mkdir()
    for number in range(3):
        cover = tmp_path / "covers" / f"{number}.jpg"
        cover.write_bytes(signed(saved("JPEG", quality=90), ".jpg"))
    hide_album(tmp_path / "covers", TEXT, tmp_path / "album", key=KEY)
    album = [path.read_bytes() for path in (tmp_path / "album").iterdir()]
    assert [credentials(data, ".jpg") for data in album] == ["none"] * 3

    secret, large = tmp_path / "secret.jpg", tmp_path / "large.png"
    secret.write_bytes(signed(saved("JPEG", quality=5), ".jpg"))
    Image.fromarray(picture(600, 600)).save(large)
    hide(large, secret, tmp_path / "out.png", key=KEY)
    assert reveal(tmp_path / "out.png", key=KEY).data == secret.read_bytes()
