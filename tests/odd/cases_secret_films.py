"""All kinds of films as secret, and output formats of films."""

from tests.odd.case import TOO_SMALL, WROTE_FILM, Case
from tests.odd.cases_films import BEFORE_ZERO, ROTATED, TRUNCATED, VARIABLE, sounds, with_more
from tests.odd.make import H264, LOSSLESS, Maker, animated, both, cut, filmed, nothing, renamed

WHOLE = (96, 64, 6)
NOTE = "note: secret: "
ROOMY = filmed("roomy.mkv", size="256x192")


def secret(
    what: str, make: Maker, name: str = "a.mkv", back: tuple[int, ...] = WHOLE, says: str = WROTE_FILM, **more
) -> Case:
    return Case(f"secret film: {what}", make, f"hide cover.mkv {name} -o c.mkv", says=says, back=back, **more)


def heard(what: str, codec: str, sound: str, name: str = "a.mkv", coded: str = LOSSLESS) -> Case:
    """A secret with sound in a cover with room for it; the sound is revealed too."""
    make = both(ROOMY, filmed(name, coded, sound=sound))
    check = sounds(codec, of="back.mkv")
    return Case(f"secret film: {what}", make, f"hide roomy.mkv {name} -o c.mkv", back=WHOLE, check=check)


def pair(what: str, line: str, says: str, make: Maker = nothing, **more) -> Case:
    return Case(what, make, line, says, **more)


ONE = both(filmed("a.mkv", frames=1), filmed("b.mkv", frames=1))
CASES = (
    pair("one frame in one frame", "hide a.mkv b.mkv -o c.mkv", "wrote c.mkv: 96x64", ONE, back=(96, 64, 1)),
    secret("as long as the cover", filmed("a.mkv")),
    pair("secret longer than its cover", "hide secret.mkv cover.mkv -o c.mkv", "error: the secret has 6 frames"),
    pair(
        "secret longer than its cover, cut",
        "hide a.mkv secret.mkv --longer cut -o c.mkv",
        "note: the secret was cut: 2 of its 4 frames are hidden",
        filmed("a.mkv", frames=2),
        back=(48, 32, 2),
    ),
    pair(
        "secret shorter than its cover",
        "hide cover.mkv secret.mkv -o c.mkv",
        "note: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it",
    ),
    pair("picture in a film", "hide cover.mkv secret.png -o c.mkv", "error: a picture can't be hidden in a film"),
    pair("film in a picture", "hide cover.png secret.mkv -o c.png", "error: a film can't be hidden in a picture"),
    secret("16×16 pixels", filmed("a.mkv", size="16x16"), back=(16, 16, 6)),
    secret("97×61 pixels", filmed("a.mkv", f"-vf scale=97:61,setsar=1 {LOSSLESS}"), back=(97, 61, 6)),
    secret("512×384 pixels, larger than the cover", filmed("a.mkv", size="512x384"), back=(512, 384, 6)),
    secret("rotated by 90°: revealed upright", ROTATED, "a.mp4", (64, 96, 6)),
    secret("variable frame rate", filmed("a.mp4", f"{VARIABLE} {H264}"), "a.mp4", (96, 64, 5)),
    secret("animated GIF", filmed("a.gif", ""), "a.gif"),
    secret("animated WebP", animated("a.webp"), "a.webp"),
    secret("animated PNG", animated("a.png"), "a.png"),
    secret("Matroska named .txt", both(filmed("b.mkv"), renamed("b.mkv", "a.txt")), "a.txt"),
    secret("truncated", both(filmed("b.mkv"), cut("a.mkv", "b.mkv", 0.9)), back=(96, 64, 5), says=f"{NOTE}{TRUNCATED}"),
    secret("first time stamp before zero", filmed("a.wtv", BEFORE_ZERO), "a.wtv"),
    secret("sound that does not fit", filmed("a.mkv", sound="pcm_s16le"), says=TOO_SMALL),
    secret("sound that does not fit: the hint", filmed("a.mkv", sound="pcm_s16le"), code=1, says="--no-sound"),
    heard("AAC", "aac", "aac"),
    heard("MP3", "mp3", "libmp3lame"),
    heard("Opus", "opus", "libopus"),
    heard("FLAC", "flac", "flac -ar 8000"),
    heard("PCM", "pcm_s16le", "pcm_s16le -ar 8000"),
    heard("Vorbis", "vorbis", "libvorbis"),
    heard("AAC in MPEG-TS", "aac", "aac", "a.ts", "-c:v mpeg2video"),
    pair(
        "secret film: WMV, --no-sound",
        "hide cover.mkv a.wmv --no-sound -o c.mkv",
        "note: the secret's sound is left out",
        filmed("a.wmv", "-c:v wmv2", sound="wmav2"),
        back=WHOLE,
    ),
    pair(
        "secret film: subtitles and chapters",
        "hide cover.mkv a.mkv --no-sound -o c.mkv",
        "note: the secret's subtitles and chapters are not hidden",
        with_more,
        back=WHOLE,
    ),
    pair("container .mp4", "hide cover.mkv secret.mkv -o c.mp4", "wrote c.mp4: 96x64"),
    pair("revealed as .mp4", "reveal hidden.mkv -o s.mp4", "wrote s.mp4: 48x32"),
)
