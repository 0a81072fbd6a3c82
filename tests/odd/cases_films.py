"""All kinds of films as cover."""

from pathlib import Path

import av

from tests.odd.case import NEITHER, TOO_SMALL, WROTE_FILM, Case
from tests.odd.make import H264, Maker, animated, both, by_ffmpeg, cut, ffmpeg, filmed, nothing, written, zeroed

VARIABLE = r"-vf 'select=not(eq(n\,2))' -fps_mode vfr"
PQ = "-vf setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc"
HEVC = "-c:v libx265 -x265-params log-level=0 -pix_fmt yuv420p10le"
BEFORE_ZERO = f"{H264} -bf 0 -g 1 -avoid_negative_ts disabled -output_ts_offset -0.08"
ROTATED = both(filmed("b.mp4", H264), by_ffmpeg("-display_rotation 90 -i b.mp4 -c copy a.mp4"))
TRUNCATED = "the file is truncated"
NOTE = "note: cover: "
CHAPTERS = ";FFMETADATA1\ntitle=Holiday\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=One\n"
SUBTITLES = "1\n00:00:00,000 --> 00:00:00,200\nHello\n"
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.24,\n%s\n#EXT-X-ENDLIST\n"
JOINED = b"ffconcat version 1.0\nfile cover.mkv\n"
DASH = (
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT1S"><Period>'
    b'<AdaptationSet mimeType="video/webm"><Representation id="1"><BaseURL>cover.mkv</BaseURL></Representation>'
    b"</AdaptationSet></Period></MPD>"
)


def cover(what: str, make: Maker = nothing, name: str = "a.mkv", says: str = WROTE_FILM, **more) -> Case:
    return Case(f"cover film: {what}", make, f"hide {name} secret.mkv -o c.mkv", says, **more)


def coded(what: str, name: str, options: str, says: str = WROTE_FILM, check: Maker = nothing, **more) -> Case:
    """A cover made by FFmpeg."""
    return cover(what, filmed(name, options, **more), name, says, check=check)


def refused(what: str, name: str, make: Maker, says: str = NEITHER) -> Case:
    return cover(what, make, name, f"error: {name}: {says}")


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


def sounds(*codecs: str, of: str = "c.mkv") -> Maker:
    """Checks the codecs of a film's sound tracks."""

    def check() -> None:
        with av.open(of) as film:
            assert tuple(track.codec_context.codec.canonical_name for track in film.streams.audio) == codecs

    return check


def with_sound(options: str, source: str = "sine=d=0.2") -> Maker:
    """The kit's cover with different sound."""
    return by_ffmpeg(f"-i cover.mkv {options.format(f'-f lavfi -i {source}')} -c:v copy a.mkv")


def two_sizes() -> None:
    """MPEG-2 of two sizes, one after the other."""
    filmed("b.m2v", "-c:v mpeg2video -bf 0")()
    filmed("d.m2v", "-c:v mpeg2video -bf 0", size="192x128")()
    Path("a.m2v").write_bytes(Path("b.m2v").read_bytes() + Path("d.m2v").read_bytes())


CASES = (
    cover("one frame", filmed("a.mkv", frames=1), says="error: the secret has 4 frames, the cover only 1"),
    coded("97×61 pixels", "a.mkv", "-vf scale=97:61,setsar=1 -c:v ffv1 -pix_fmt bgr0", "wrote c.mkv: 97x61"),
    coded("16×16 pixels", "a.mkv", "-c:v ffv1", f"{TOO_SMALL}: 16×16 pixels", size="16x16"),
    coded("4:2:0", "a.mp4", H264),
    coded("grey", "a.mkv", "-c:v ffv1 -pix_fmt gray", "error: the cover is grey"),
    coded("palette", "a.mov", "-c:v qtrle -pix_fmt pal8"),
    coded("10 bits", "a.mp4", "-c:v libx264 -pix_fmt yuv420p10le", f"{NOTE}it has 10 bits per sample"),
    coded("HDR (PQ, HEVC)", "a.mp4", f"{PQ} {HEVC}", f"{NOTE}its colours are HDR (PQ)"),
    coded("transparent ProRes", "a.mov", "-c:v prores_ks -pix_fmt yuva444p10le", f"{NOTE}it can be transparent"),
    coded("transparent VP9", "a.webm", "-c:v libvpx-vp9 -pix_fmt yuva420p", f"{NOTE}it can be transparent"),
    coded("interlaced", "a.mp4", f"{H264} -flags +ildct+ilme", f"{NOTE}it is interlaced"),
    cover("rotated by 90°", ROTATED, "a.mp4", "wrote c.mkv: 64x96"),
    coded("variable frame rate", "a.mp4", f"{VARIABLE} {H264}", "5 frames, 4 hidden"),
    coded("no sound", "a.mkv", "-c:v ffv1", check=sounds()),
    coded("MP3", "a.mkv", "-c:v ffv1", sound="libmp3lame", check=sounds("mp3")),
    coded("PCM", "a.mov", H264, sound="pcm_s16be", check=sounds("pcm_s16be")),
    cover("two sound tracks", with_sound("{} -map 0 -map 1 -c:a:0 copy -c:a:1 flac"), check=sounds("aac", "flac")),
    cover(
        "sound of 1 s, pictures of 0.24 s", with_sound("{} -map 0:v -map 1 -c:a flac", "sine=d=1"), check=sounds("flac")
    ),
    cover(
        "sound that starts 0.1 s late", with_sound("-itsoffset 0.1 {} -map 0:v -map 1 -c:a flac"), check=sounds("flac")
    ),
    cover("title, chapters and subtitles", with_more, check=keeps_more),
    coded("animated GIF", "a.gif", ""),
    cover("animated PNG", animated("a.png"), "a.png"),
    cover("animated WebP", animated("a.webp"), "a.webp"),
    cover("animated AVIF", animated("a.avif"), "a.avif"),
    refused("animation with the name of an image sequence", "f%d.png", animated("f%d.png")),
    coded("MJPEG in AVI", "a.avi", "-c:v mjpeg"),
    coded("MPEG-TS with sound", "a.ts", "-c:v mpeg2video", sound="aac", check=sounds("aac")),
    coded("VP9 in WebM", "a.webm", "-c:v libvpx-vp9"),
    coded("AV1 in MP4", "a.mp4", "-c:v libsvtav1 -svtav1-params lp=1"),
    coded("ProRes in MOV", "a.mov", "-c:v prores_ks", f"{NOTE}it has 10 bits per sample"),
    coded("FLV", "a.flv", "-c:v flv"),
    coded("WMV", "a.wmv", "-c:v wmv2"),
    coded("MPEG-1 program stream", "a.mpg", "-c:v mpeg1video"),
    coded("raw H.264", "a.h264", H264, f"{NOTE}it has no time stamps"),
    cover("Matroska named .png", both(filmed("b.mkv"), lambda: Path("b.mkv").rename("a.png")), "a.png"),
    cover("truncated Matroska", cut("a.mkv", "cover.mkv", 0.9), says=f"{NOTE}{TRUNCATED}"),
    cover("zeros in a frame of FFV1", both(filmed("b.mkv"), zeroed("a.mkv", "b.mkv", 0.55, 60))),
    cover(
        "zeros in a frame of H.264",
        both(filmed("b.mp4", f"{H264} -bf 0 -g 1"), zeroed("a.mp4", "b.mp4", 0.4, 500)),
        "a.mp4",
        f"{NOTE}1 of its frames is damaged",
    ),
    refused("no frames", "a.mkv", by_ffmpeg("-i cover.mkv -c copy -frames:v 0 -an a.mkv")),
    refused(
        "MP3 with cover art",
        "a.mp3",
        by_ffmpeg("-f lavfi -i sine=d=0.2 -i cover.png -map 0 -map 1 -disposition:v attached_pic a.mp3"),
        "has sound but no pictures",
    ),
    refused("text named .mp4", "a.mp4", written("a.mp4", b"text\n" * 99)),
    refused("text named .bin, which FFmpeg would render", "a.bin", written("a.bin", b"text\n" * 9999)),
    refused("empty file", "a.mp4", written("a.mp4", b""), "the file is empty"),
    refused("HLS playlist named .mp4", "a.mp4", written("a.mp4", HLS % b"/etc/passwd")),
    refused("FFmpeg's concat list named .mkv", "a.mkv", written("a.mkv", JOINED)),
    refused("DASH manifest", "a.mpd", written("a.mpd", DASH)),
    refused("subtitles alone", "a.srt", written("a.srt", SUBTITLES.encode())),
    cover("resolution that changes midway", two_sizes, "a.m2v", f"{NOTE}its frames change size: all are resized"),
    coded("non-square pixels", "a.mp4", f"-vf setsar=64/45 {H264}", f"{NOTE}its pixels are 64:45"),
    coded("first time stamp before zero", "a.wtv", BEFORE_ZERO),
    coded("time stamps that jump by 24 days", "a.flv", BEFORE_ZERO),
    cover("1 frame a minute", by_ffmpeg("-f lavfi -i testsrc2=s=96x64:r=1/60:d=300 -c:v ffv1 a.mkv")),
    cover(
        "10,000 frames a second", by_ffmpeg(f"-f lavfi -i testsrc2=s=96x64:r=10000 {H264} -frames:v 6 a.mp4"), "a.mp4"
    ),
)
