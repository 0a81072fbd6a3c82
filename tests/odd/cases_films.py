"""Films of every kind, as cover and as secret."""

from functools import partial
from pathlib import Path

import av
from PIL import Image

from tests.conftest import picture
from tests.odd.case import NEITHER, TOO_SMALL, WROTE_FILM, Case
from tests.odd.make import both, cut, ffmpeg, film, films, nothing, written

COVER, SECRET, ROOMY = "hide {} secret.mkv -o c.mkv", "hide cover.mkv {} -o c.mkv", "hide roomy.mkv {} -o c.mkv"
H264 = "-c:v libx264 -pix_fmt yuv420p"
NO_B = f"{H264} -bf 0 -g 1"
VARIABLE = r"-vf 'select=not(eq(n\,2))' -fps_mode vfr"
PQ = "-vf setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc"
CUT_OFF = "the end of the file is missing"
CHAPTERS = ";FFMETADATA1\ntitle=Holiday\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=One\n"
SUBTITLES = "1\n00:00:00,000 --> 00:00:00,200\nHello\n"
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.24,\n%s\n#EXT-X-ENDLIST\n"
DASH = (
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT1S"><Period>'
    b'<AdaptationSet mimeType="video/webm"><Representation id="1"><BaseURL>cover.mkv</BaseURL></Representation>'
    b"</AdaptationSet></Period></MPD>"
)
WHOLE = (96, 64, 6)


def cover(what: str, make=nothing, name: str = "a.mkv", code: int = 0, says: str = WROTE_FILM, **more) -> Case:
    return Case(f"cover: {what}", make, COVER.format(name), code, says, **more)


def secret(what: str, make=nothing, name: str = "a.mkv", code: int = 0, says: str = WROTE_FILM, **more) -> Case:
    return Case(f"secret: {what}", make, SECRET.format(name), code, says, **{"back": WHOLE} | more)


def heard(
    what: str,
    sound: str,
    name: str = "a.mkv",
    coded: str = "-c:v ffv1",
    code: int = 0,
    says: str = "wrote c.mkv: 256x192",
) -> Case:
    """A secret with sound in a cover with room for it."""
    make = both(films("roomy.mkv", frames=6, size="256x192"), films(name, coded, sound=sound))
    return Case(f"secret: {what}", make, ROOMY.format(name), code, says, back=WHOLE)


def animated(name: str, **options):
    """What saves an animation by PIL."""

    def make() -> None:
        first, *rest = [Image.fromarray(picture(64, 96, n)) for n in range(6)]
        first.save(name, save_all=True, append_images=rest, duration=40, **options)

    return make


def with_more() -> None:
    """A film with chapters, a title, subtitles and sound."""
    Path("chapters").write_text(CHAPTERS, encoding="utf-8")
    Path("a.srt").write_text(SUBTITLES, encoding="utf-8")
    inputs = "-i cover.mkv -i a.srt -i chapters"
    ffmpeg(f"{inputs} -map 0 -map 1 -map_metadata 2 -map_chapters 2 -c copy -c:s srt a.mkv")


def keeps_more() -> None:
    with av.open("c.mkv") as container:
        assert container.metadata["title"] == "Holiday"
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One"]
        assert len(container.streams.audio) == len(container.streams.subtitles) == 1


def sounds(*codecs: str):
    """What looks at the container's sound."""

    def check() -> None:
        with av.open("c.mkv") as container:
            assert tuple(track.codec_context.codec.canonical_name for track in container.streams.audio) == codecs

    return check


def joined(*names: str):
    """What puts films of MPEG-2 one after the other."""
    return lambda: Path("a.m2v").write_bytes(b"".join(Path(name).read_bytes() for name in names))


def zeros_in(name: str, start: float, size: int):
    """What overwrites a piece of a film with zeros, `start` of 1 from its beginning."""

    def make() -> None:
        data = bytearray(Path(name).read_bytes())
        first = int(start * len(data))
        data[first : first + size] = bytes(size)
        Path(name).write_bytes(data)

    return make


CASES = (
    cover("one frame", films("a.mkv", frames=1), code=1, says="error: the secret has 4 frames, the cover only 1"),
    Case(
        "one frame in one frame",
        both(films("a.mkv", frames=1), films("b.mkv", frames=1)),
        "hide a.mkv b.mkv -o c.mkv",
        says=WROTE_FILM,
        back=(96, 64, 1),
    ),
    cover("97×61 pixels", films("a.mkv", before="-vf scale=97:61,setsar=1"), says="wrote c.mkv: 97x61"),
    cover("16×16 pixels", films("a.mkv", size="16x16"), code=1, says=f"{TOO_SMALL}: 16×16 pixels"),
    cover("4:2:0", films("a.mp4", H264), "a.mp4"),
    cover("4:4:4", films("a.mp4", "-c:v libx264 -pix_fmt yuv444p"), "a.mp4"),
    cover("grey", films("a.mkv", "-c:v ffv1 -pix_fmt gray")),
    cover("grey of 16 bits", films("a.mkv", "-c:v ffv1 -pix_fmt gray16le"), says="note: cover: it has 16 bits"),
    cover("palette", films("a.mov", "-c:v qtrle -pix_fmt pal8"), "a.mov"),
    cover("10 bits", films("a.mp4", "-c:v libx264 -pix_fmt yuv420p10le"), "a.mp4", says="note: cover: it has 10 bits"),
    cover(
        "HDR (PQ, HEVC)",
        films("a.mp4", "-c:v libx265 -x265-params log-level=0 -pix_fmt yuv420p10le", before=PQ),
        "a.mp4",
        says="note: cover: its colours are HDR (PQ)",
    ),
    cover(
        "transparent ProRes",
        films("a.mov", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
        "a.mov",
        says="note: cover: it can be transparent: laid over white",
    ),
    cover(
        "transparent VP9",
        films("a.webm", "-c:v libvpx-vp9 -pix_fmt yuva420p"),
        "a.webm",
        says="note: cover: it can be t",
    ),
    cover("interlaced", films("a.mp4", f"{H264} -flags +ildct+ilme"), "a.mp4", says="note: cover: it is interlaced"),
    cover(
        "turned by 90°",
        both(films("b.mp4", H264), partial(ffmpeg, "-display_rotation 90 -i b.mp4 -c copy a.mp4")),
        "a.mp4",
        says="wrote c.mkv: 64x96",
    ),
    cover("variable frame rate", films("a.mp4", H264, before=VARIABLE), "a.mp4", says="wrote c.mkv: 96x64"),
    cover("no sound", films("a.mkv"), check=sounds()),
    cover("MP3", films("a.mkv", sound="libmp3lame"), check=sounds("mp3")),
    cover("Opus", films("a.webm", "-c:v libvpx-vp9", sound="libopus"), "a.webm", check=sounds("opus")),
    cover("FLAC", films("a.mkv", sound="flac"), check=sounds("flac")),
    cover("PCM", films("a.mov", H264, sound="pcm_s16be"), "a.mov", check=sounds("pcm_s16be")),
    cover(
        "two sound tracks",
        partial(ffmpeg, "-i cover.mkv -f lavfi -i sine=d=0.2 -map 0 -map 1 -c:v copy -c:a:0 copy -c:a:1 flac a.mkv"),
        check=sounds("aac", "flac"),
    ),
    cover(
        "sound of 1 s in a film of 0.24 s",
        partial(ffmpeg, "-i cover.mkv -f lavfi -i sine=d=1 -map 0:v -map 1 -c:v copy -c:a flac a.mkv"),
        check=sounds("flac"),
    ),
    cover(
        "sound that starts 0.1 s later",
        partial(ffmpeg, "-i cover.mkv -itsoffset 0.1 -f lavfi -i sine=d=0.1 -map 0:v -map 1 -c:v copy -c:a flac a.mkv"),
        check=sounds("flac"),
    ),
    cover("title, chapters and subtitles", with_more, check=keeps_more),
    cover("animated GIF", films("a.gif", ""), "a.gif"),
    cover("animated PNG", animated("a.png"), "a.png"),
    cover("animated WebP", animated("a.webp"), "a.webp"),
    cover("animated AVIF", animated("a.avif"), "a.avif"),
    cover("MJPEG in AVI", films("a.avi", "-c:v mjpeg"), "a.avi"),
    cover("MPEG-TS with sound", films("a.ts", "-c:v mpeg2video", sound="aac"), "a.ts", check=sounds("aac")),
    cover("VP9 in WebM", films("a.webm", "-c:v libvpx-vp9"), "a.webm"),
    cover("AV1 in MP4", films("a.mp4", "-c:v libsvtav1 -svtav1-params lp=1"), "a.mp4"),
    cover("ProRes in MOV", films("a.mov", "-c:v prores_ks"), "a.mov"),
    cover("FLV", films("a.flv", "-c:v flv"), "a.flv"),
    cover(
        "WMV",
        films("a.wmv", "-c:v wmv2", sound="wmav2"),
        "a.wmv",
        1,
        "error: a.wmv: its sound (wmav2) can't be taken to",
    ),
    cover("MPEG-1 program stream", films("a.mpg", "-c:v mpeg1video"), "a.mpg"),
    cover("raw H.264", films("a.h264", H264), "a.h264", says="note: cover: it has no time stamps"),
    cover("Matroska named .png", both(films("b.mkv"), lambda: Path("b.mkv").rename("a.png")), "a.png"),
    cover(
        "MP4 without its index",
        both(films("b.mp4", H264), cut("a.mp4", "b.mp4", 0.6)),
        "a.mp4",
        1,
        "error: a.mp4: the film is cut off, or was never finished",
    ),
    cover("Matroska cut off", cut("a.mkv", "cover.mkv", 0.9), says=f"note: cover: {CUT_OFF}"),
    cover(
        "AVI cut off",
        both(films("b.avi", "-c:v mjpeg"), cut("a.avi", "b.avi", 0.8)),
        "a.avi",
        says=f"note: cover: {CUT_OFF}",
    ),
    cover(
        "zeros in the middle of a frame of FFV1",
        both(films("a.mkv"), zeros_in("a.mkv", 0.5, 500)),
        code=1,
        says="error: a.mkv: the film is damaged",
    ),
    cover(
        "zeros in the middle of a frame of H.264",
        both(films("a.mp4", NO_B), zeros_in("a.mp4", 0.4, 500)),
        "a.mp4",
        code=1,
        says="error: a.mp4: the film is damaged",
    ),
    cover(
        "zeros in the middle of a frame of MJPEG",
        both(films("a.avi", "-c:v mjpeg"), zeros_in("a.avi", 0.5, 900)),
        "a.avi",
        code=1,
        says="error: a.avi: the film is damaged",
    ),
    cover(
        "no frames at all", partial(ffmpeg, "-i cover.mkv -c copy -frames:v 0 -an a.mkv"), code=1, says="error: a.mkv: "
    ),
    cover(
        "sound without pictures",
        partial(ffmpeg, "-f lavfi -i sine=d=0.2 a.mp3"),
        "a.mp3",
        1,
        "error: a.mp3: has sound but no",
    ),
    cover(
        "MP3 with cover art",
        partial(ffmpeg, "-f lavfi -i sine=d=0.2 -i cover.png -map 0 -map 1 -disposition:v attached_pic a.mp3"),
        "a.mp3",
        1,
        "error: a.mp3: has sound but no pictures",
    ),
    cover("text named .mp4", written("a.mp4", b"text\n" * 99), "a.mp4", 1, f"error: a.mp4: {NEITHER}"),
    cover("empty file", written("a.mp4", b""), "a.mp4", 1, "error: a.mp4: the file is empty"),
    cover(
        "HLS list that names a film", written("a.m3u8", HLS % b"cover.mkv"), "a.m3u8", 1, f"error: a.m3u8: {NEITHER}"
    ),
    cover("HLS list named .mp4", written("a.mp4", HLS % b"/etc/passwd"), "a.mp4", 1, f"error: a.mp4: {NEITHER}"),
    cover(
        "list of files to join",
        written("a.ffconcat", b"ffconcat version 1.0\nfile cover.mkv\n"),
        "a.ffconcat",
        1,
        f"error: a.ffconcat: {NEITHER}",
    ),
    cover("DASH list that names a film", written("a.mpd", DASH), "a.mpd", 1, f"error: a.mpd: {NEITHER}"),
    cover("subtitles alone", written("a.srt", SUBTITLES.encode()), "a.srt", 1, "error: a.srt: "),
    cover("animation named like a numbered series", animated("f%d.png"), "f%d.png"),
    cover(
        "size that changes midway",
        both(
            films("b.m2v", "-c:v mpeg2video", frames=3),
            films("d.m2v", "-c:v mpeg2video", frames=3, size="192x128"),
            joined("b.m2v", "d.m2v"),
        ),
        "a.m2v",
        says="note: cover: its frames change size",
    ),
    cover(
        "pixels that are not square",
        films("a.mp4", H264, before="-vf setsar=64/45"),
        "a.mp4",
        says="note: cover: its pixels are 64:45",
    ),
    cover(
        "first stamp before zero",
        films("a.wtv", NO_B, before="-avoid_negative_ts disabled -output_ts_offset -0.08"),
        "a.wtv",
    ),
    cover(
        "stamps that jump by 24 days",
        films("a.flv", NO_B, before="-avoid_negative_ts disabled -output_ts_offset -0.08"),
        "a.flv",
    ),
    cover(
        "1 frame a minute", partial(ffmpeg, "-f lavfi -i testsrc2=s=96x64:r=1/60:d=300 -c:v ffv1 -pix_fmt bgr0 a.mkv")
    ),
    cover(
        "10000 frames a second",
        partial(ffmpeg, f"-f lavfi -i testsrc2=s=96x64:r=10000 {H264} -frames:v 6 a.mp4"),
        "a.mp4",
    ),
    secret("as long as the cover", films("a.mkv"), check=nothing),
    Case(
        "secret longer than its cover",
        nothing,
        "hide secret.mkv cover.mkv -o c.mkv",
        1,
        "error: the secret has 6 frames",
    ),
    Case(
        "secret longer than its cover, cut",
        films("a.mkv", frames=2),
        "hide a.mkv secret.mkv --longer cut -o c.mkv",
        says="note: the secret was cut: 2 of its 4 frames are hidden",
        back=(48, 32, 2),
    ),
    Case(
        "secret shorter than its cover",
        nothing,
        "hide cover.mkv secret.mkv -o c.mkv",
        says="note: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it",
    ),
    Case(
        "picture in a film",
        nothing,
        "hide cover.mkv secret.png -o c.mkv",
        1,
        "error: a picture can't be hidden in a film",
    ),
    Case(
        "film in a picture",
        nothing,
        "hide cover.png secret.mkv -o c.png",
        1,
        "error: a film can't be hidden in a picture",
    ),
    secret("16×16 pixels", films("a.mkv", size="16x16"), back=(16, 16, 6)),
    secret(
        "97×61 pixels, 10 bits",
        films("a.mkv", "-c:v ffv1 -pix_fmt yuv444p10le", before="-vf scale=97:61,setsar=1"),
        says="note: secret: it has 10 bits a sample",
        back=(97, 61, 6),
    ),
    secret(
        "turned by 90°: it comes back upright",
        both(films("b.mp4", H264), partial(ffmpeg, "-display_rotation 90 -i b.mp4 -c copy a.mp4")),
        "a.mp4",
        back=(64, 96, 6),
    ),
    secret("variable frame rate", films("a.mp4", H264, before=VARIABLE), "a.mp4", back=(96, 64, 5)),
    secret("animated GIF", films("a.gif", ""), "a.gif"),
    secret("animated WebP", animated("a.webp"), "a.webp"),
    secret("raw H.264", films("a.h264", H264), "a.h264", says="note: secret: it has no time stamps"),
    secret(
        "Matroska cut off",
        both(films("b.mkv"), cut("a.mkv", "b.mkv", 0.9)),
        says=f"note: secret: {CUT_OFF}",
        back=(96, 64, 5),
    ),
    secret(
        "first stamp before zero",
        films("a.wtv", NO_B, before="-avoid_negative_ts disabled -output_ts_offset -0.08"),
        "a.wtv",
    ),
    secret(
        "stamps that jump by 24 days",
        films("a.flv", NO_B, before="-avoid_negative_ts disabled -output_ts_offset -0.08"),
        "a.flv",
    ),
    secret("sound that does not fit", films("a.mkv", sound="pcm_s16le"), code=1, says=TOO_SMALL),
    heard("AAC", "aac"),
    heard("MP3", "libmp3lame"),
    heard("Opus", "libopus"),
    heard("FLAC", "flac -ar 8000"),
    heard("PCM", "pcm_s16le -ar 8000"),
    heard("Vorbis with its long start", "libvorbis"),
    heard("AAC in MPEG-TS", "aac", "a.ts", "-c:v mpeg2video"),
    Case("container .mp4", nothing, "hide cover.mkv secret.mkv -o c.mp4", says="wrote c.mp4: 96x64"),
    Case(
        "container .mp4, PCM in the cover",
        films("a.mkv", sound="pcm_s16le"),
        "hide a.mkv secret.mkv -o c.mp4",
        says="wrote c.mp4: 96x64",
    ),
    Case(
        "container .mp4, sound that MP4 can't hold",
        films("a.mkv", sound="tta"),
        "hide a.mkv secret.mkv -o c.mp4",
        1,
        "error: a.mkv: its sound (tta) can't be kept in MP4",
    ),
    Case(
        "container .mp4, subtitles that MP4 can't hold",
        with_more,
        "hide a.mkv secret.mkv -o c.mp4",
        says="note: its subtitles (subrip) are left out",
    ),
    Case("revealed as .mp4", nothing, "reveal hidden.mkv -o s.mp4", says="wrote s.mp4: 48x32"),
)
