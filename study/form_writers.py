"""Covers by real programs: `python -m study.form_writers MEDIA COVERS [TOOLS]`, those that are installed.

MEDIA has photographs in photos/ and films in clips/. Written are COVERS/FORM/PROGRAM/NAME. TOOLS is a folder with a
virtual environment in venv/ (imagecodecs, opencv-python-headless, pyoxipng, imageio-ffmpeg 0.6.0) and packages of npm
in npm/ (sharp, pngjs, upng-js, jpeg-js, @napi-rs/canvas); what is missing is said and left out.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from stegnet.formats.ffmpeg_cli import bundled_ffmpeg

PHOTOGRAPHS, SOUNDS, FRAMES = 24, 16, 48
_PYTHON = "venv/bin/python -c"
_NODE = "env NODE_PATH=npm/node_modules node -e"
_SHARP = "const s=require('sharp');s(process.argv[1])"
_JAVA = """import javax.imageio.*; import java.io.*;
class Write { public static void main(String[] a) throws Exception {
  for (int i = 1; i + 1 < a.length; i += 2)
    ImageIO.write(ImageIO.read(new File(a[i])), a[0], new File(a[i + 1])); } }"""
_GO = """package main
import ("image/jpeg"; "image/png"; "os"; "strings")
func main() { for i := 1; i+1 < len(os.Args); i += 2 {
  f, _ := os.Open(os.Args[i]); m, _ := png.Decode(f); o, _ := os.Create(os.Args[i+1])
  if strings.HasSuffix(os.Args[i+1], "png") { png.Encode(o, m) } else { jpeg.Encode(o, m, &jpeg.Options{Quality: 90}) }
  o.Close() } }"""
_QT = "from PyQt5.QtGui import QImage; import sys; QImage(sys.argv[1]).save(sys.argv[2], quality={quality})"
_PIXBUF = (
    "import gi, sys; gi.require_version('GdkPixbuf', '2.0'); from gi.repository import GdkPixbuf as g;"
    "g.Pixbuf.new_from_file(sys.argv[1]).savev(sys.argv[2], '{kind}', [], [])"
)
_CAIRO = "import cairo, sys; cairo.ImageSurface.create_from_png(sys.argv[1]).write_to_png(sys.argv[2])"
_CODECS = "import imagecodecs as i, sys, cv2; p = i.imread(sys.argv[1]); open(sys.argv[2], 'wb').write({call})"
_CV2 = "import cv2, sys; cv2.imwrite(sys.argv[2], cv2.imread(sys.argv[1]){more})"
_PIL = "from PIL import Image; import sys; Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2]{more})"
_PNGJS = """const p = require('pngjs').PNG, f = require('fs'), [source, out] = process.argv.slice(1);
f.writeFileSync(out, p.sync.write(p.sync.read(f.readFileSync(source))))"""
_UPNG = """const u = require('upng-js'), f = require('fs'), [source, out] = process.argv.slice(1);
const i = u.decode(f.readFileSync(source));
f.writeFileSync(out, Buffer.from(u.encode(u.toRGBA8(i), i.width, i.height, 0)))"""
_JPEGJS = """const j = require('jpeg-js'), p = require('pngjs').PNG, f = require('fs');
const [source, out] = process.argv.slice(1);
f.writeFileSync(out, j.encode(p.sync.read(f.readFileSync(source)), 90).data)"""
_SKIA = """const {{loadImage, createCanvas}} = require('@napi-rs/canvas'), f = require('fs');
const [source, out] = process.argv.slice(1);
loadImage(source).then(i => {{
  const c = createCanvas(i.width, i.height); c.getContext('2d').drawImage(i, 0, 0);
  f.writeFileSync(out, c.toBuffer('{kind}')) }})"""


def _code(runner: str, code: str, **values: str) -> str:
    """A command that runs a line of code with the source and the output."""
    return f"{runner} {shlex.quote(code.format(**values) if values else code)} {{s}} {{o}}"


# Programs by form: a command with the source {s} and the output {o}. Sources are PNGs, films and WAVs.
PICTURES: dict[str, dict[str, str]] = {
    "png": {
        "Pillow": _code("python -c", _PIL, more=""),
        "Pillow, optimize": _code("python -c", _PIL, more=", optimize=True"),
        "OpenCV": _code(_PYTHON, _CV2, more=""),
        "OpenCV, level 9": _code(_PYTHON, _CV2, more=", [cv2.IMWRITE_PNG_COMPRESSION, 9]"),
        "ImageMagick": "convert {s} {o}",
        "ImageMagick, stripped": "convert {s} -strip {o}",
        "GraphicsMagick": "gm convert {s} {o}",
        "ffmpeg": "ffmpeg -v error -y -i {s} -update 1 {o}",
        "libvips": "vips pngsave {s} {o}",
        "sharp": _code(_NODE, f"{_SHARP}.png().toFile(process.argv[2])"),
        "netpbm": 'sh -c \'pngtopnm "{s}" | pnmtopng > "{o}"\'',
        "cairo": _code("/usr/bin/python3 -c", _CAIRO),
        "Qt": _code("/usr/bin/python3 -c", _QT, quality="-1"),
        "GdkPixbuf": _code("/usr/bin/python3 -c", _PIXBUF, kind="png"),
        "pngjs": _code(_NODE, _PNGJS),
        "UPNG.js": _code(_NODE, _UPNG),
        "Skia's canvas": _code(_NODE, _SKIA, kind="image/png"),
        "optipng": "optipng -quiet -o2 {s} -out {o}",
        "oxipng": _code(_PYTHON, "import oxipng, sys; oxipng.optimize(sys.argv[1], sys.argv[2])"),
        "zopflipng": "zopflipng -y --iterations=1 {s} {o}",
        "pngcrush": "pngcrush -q {s} {o}",
        "libspng": _code(_PYTHON, _CODECS, call="i.spng_encode(p)"),
        "fpnge or libdeflate": _code(_PYTHON, _CODECS, call="i.png_encode(p, level=5)"),
    },
    "jpg": {
        "Pillow": _code("python -c", _PIL, more=""),
        "Pillow, 95, optimize": _code("python -c", _PIL, more=", quality=95, optimize=True"),
        "Pillow, progressive": _code("python -c", _PIL, more=", quality=85, progressive=True"),
        "cjpeg": 'sh -c \'pngtopnm "{s}" | cjpeg -quality 85 > "{o}"\'',
        "cjpeg, restarts": 'sh -c \'pngtopnm "{s}" | cjpeg -quality 85 -restart 1 > "{o}"\'',
        "jpegtran, progressive": 'sh -c \'pngtopnm "{s}" | cjpeg -quality 90 | jpegtran -progressive > "{o}"\'',
        "jpegtran, optimised": 'sh -c \'pngtopnm "{s}" | cjpeg -quality 90 | jpegtran -optimize > "{o}"\'',
        "OpenCV": _code(_PYTHON, _CV2, more=""),
        "ImageMagick": "convert {s} {o}",
        "GraphicsMagick": "gm convert {s} {o}",
        "ffmpeg": "ffmpeg -v error -y -i {s} -q:v 2 -update 1 {o}",
        "libvips": "vips jpegsave {s} {o}",
        "sharp": _code(_NODE, f"{_SHARP}.jpeg().toFile(process.argv[2])"),
        "sharp, mozjpeg": _code(_NODE, f"{_SHARP}.jpeg({{mozjpeg:true}}).toFile(process.argv[2])"),
        "Qt": _code("/usr/bin/python3 -c", _QT, quality="90"),
        "GdkPixbuf": _code("/usr/bin/python3 -c", _PIXBUF, kind="jpeg"),
        "jpeg-js": _code(_NODE, _JPEGJS),
        "Skia's canvas": _code(_NODE, _SKIA, kind="image/jpeg"),
    },
    "bmp": {"Pillow": _code("python -c", _PIL, more="")},
    "tif": {"Pillow": _code("python -c", _PIL, more="")},
}
BATCHES = {("png", "Java"): "png", ("jpg", "Java"): "jpg", ("png", "Go"): "", ("jpg", "Go"): ""}
_FFMPEG_7 = "venv/lib/python3*/site-packages/imageio_ffmpeg/binaries/ffmpeg*7.0*"  # of imageio-ffmpeg 0.6.0
_GST = "gst-launch-1.0 -q filesrc location={s} !"
_GST_FILM = f"{_GST} decodebin ! videoconvert ! video/x-raw,format=I420 ! x264enc bframes=2"
_FFV1 = "-frames:v {n} -c:v ffv1 -level 3"
_ARCHIVE = f"{_FFV1} -g 1 -slicecrc 1 -slices 4 -pix_fmt bgr0 -c:a copy"
_X264 = "-c:v libx264 -preset fast -pix_fmt yuv420p -c:a aac -frames:v {n}"
FILMS: dict[str, dict[str, str]] = {
    "mp4": {
        "ffmpeg 5.1": f"ffmpeg -v error -y -i {{s}} {_X264} {{o}}",
        "ffmpeg, bundled": f"{bundled_ffmpeg()} -v error -y -i {{s}} {_X264} {{o}}",
        "ffmpeg, faststart": f"ffmpeg -v error -y -i {{s}} {_X264} -movflags +faststart {{o}}",
        "ffmpeg, baseline": f"ffmpeg -v error -y -i {{s}} {_X264} -profile:v baseline -g 12 {{o}}",
        "ffmpeg, MOV": f"ffmpeg -v error -y -i {{s}} {_X264} -f mov {{o}}",
        "ffmpeg, silent": f"ffmpeg -v error -y -i {{s}} {_X264} -an {{o}}",
        "ffmpeg 7.0": f'sh -c \'{_FFMPEG_7} -v error -y -i "{{s}}" {_X264} "{{o}}"\'',
        "HandBrake": "HandBrakeCLI -i {s} -o {o} -e x264 --stop-at frames:{n}",
        "GStreamer": f"{_GST_FILM} key-int-max=12 ! mp4mux ! filesink location={{o}}",
        "GStreamer, MOV": f"{_GST_FILM} ! qtmux faststart=true ! filesink location={{o}}",
        "ffmpeg, mp42": f"ffmpeg -v error -y -i {{s}} {_X264} -brand mp42 -movflags +write_colr {{o}}",
    },
    "mkv": {
        "ffmpeg 5.1": f"ffmpeg -v error -y -i {{s}} {_ARCHIVE} {{o}}",
        "ffmpeg, bundled": f"{bundled_ffmpeg()} -v error -y -i {{s}} {_ARCHIVE} {{o}}",
        "mkvmerge": f'sh -c \'ffmpeg -v error -y -i "{{s}}" {_FFV1} -c:a copy "{{o}}.mkv"'
        ' && mkvmerge -q -o "{o}" "{o}.mkv" && rm "{o}.mkv"\'',
        "ffmpeg, defaults": "ffmpeg -v error -y -i {s} -frames:v {n} -c:v ffv1 {o}",
    },
}
SOUND: dict[str, dict[str, str]] = {
    "wav": {
        "sox": "sox {s} {o}",
        "sox, 24 bits": "sox {s} -b 24 {o}",
        "ffmpeg": "ffmpeg -v error -y -i {s} {o}",
        "ffmpeg, bitexact": "ffmpeg -v error -y -i {s} -bitexact {o}",
        "libsndfile": _code("python -c", "import soundfile as f, sys; f.write(sys.argv[2], *f.read(sys.argv[1]))"),
        "sndfile-convert": "sndfile-convert {s} {o}",
        "Python's wave": _code(
            "python -c",
            "import wave as w, sys; a, b = w.open(sys.argv[1]), w.open(sys.argv[2], 'wb');"
            "b.setparams(a.getparams()); b.writeframes(a.readframes(1 << 30))",
        ),
        "scipy": _code(
            "python -c", "from scipy.io import wavfile as w; import sys; w.write(sys.argv[2], *w.read(sys.argv[1]))"
        ),
        "GStreamer": f"{_GST} wavparse ! audioconvert ! wavenc ! filesink location={{o}}",
        "ffmpeg, RF64": "ffmpeg -v error -y -i {s} -rf64 always {o}",
        "ffmpeg, BWF": "ffmpeg -v error -y -i {s} -write_bext 1 -metadata description=take {o}",
    },
    "flac": {
        "flac": "flac -s -f {s} -o {o}",
        "flac -8": "flac -s -f -8 {s} -o {o}",
        "flac -0": "flac -s -f -0 {s} -o {o}",
        "flac, no padding": "flac -s -f --no-padding --no-seektable {s} -o {o}",
        "flac, blocks of 4608": "flac -s -f -b 4608 {s} -o {o}",
        "ffmpeg": "ffmpeg -v error -y -i {s} {o}",
        "ffmpeg, bundled": f"{bundled_ffmpeg()} -v error -y -i {{s}} {{o}}",
        "ffmpeg, level 12": "ffmpeg -v error -y -i {s} -compression_level 12 {o}",
        "sox": "sox {s} {o}",
        "libsndfile": _code("python -c", "import soundfile as f, sys; f.write(sys.argv[2], *f.read(sys.argv[1]))"),
        "sndfile-convert": "sndfile-convert {s} {o}",
        "GStreamer": f"{_GST} wavparse ! audioconvert ! flacenc ! filesink location={{o}}",
    },
}


def write_all(media: Path, covers: Path, tools: Path) -> None:
    """Writes covers of all forms; what is there already stays."""
    with TemporaryDirectory() as folder:
        pictures, films, sounds = (
            list(made) for made in (_pictures(media, folder), _films(media, folder), _sounds(folder))
        )
        for programs, sources in ((PICTURES, pictures), (FILMS, films), (SOUND, sounds)):
            for form, commands in programs.items():
                for program, command in commands.items():
                    _write(covers / form / program, form, command, sources, tools)
        _write_batches(Path(folder), covers, pictures)


def _pictures(media: Path, folder: str) -> Iterator[Path]:
    """Photographs as PNG, of sides that differ, half their size: nothing of an earlier JPEG's blocks is left."""
    for index, path in enumerate(sorted(media.rglob("photos/bsds/*.jpg"))[:PHOTOGRAPHS]):
        out = Path(folder, f"{path.stem}.png")
        size = f"{240 + index % 7}x{160 + index % 5}!"
        subprocess.run(["convert", path, "-resize", size, "-strip", f"PNG24:{out}"], check=True)
        yield out


def _films(media: Path, folder: str) -> Iterator[Path]:
    """Parts of films, 480×272 pixels, with noise and sound."""
    for path in sorted(media.rglob("clips/*.mp4")):
        for part in range(4 if path.stem != "realshort" else 1):
            out = Path(folder, f"{path.stem}{part}.mkv")
            noisy = f"-ss {part} -t 3 -vf scale={480 - 16 * part}:272,noise=alls=14:allf=t"
            options = [*noisy.split(), "-c:v", "libx264", "-qp", "10", "-c:a", "flac"]
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, *options, out], check=True)
            yield out


def _sounds(folder: str) -> Iterator[Path]:
    """Noisy tones, in stereo and mono, of lengths that differ."""
    for index in range(SOUNDS):
        out = Path(folder, f"sound{index}.wav")
        rate, channels, length = (44100, 48000)[index // 2 % 2], 1 + index % 2, f"{1.3 + index / 7:.3f}"
        made = f"-n -R -r {rate} -b 16 -c {channels} {out} synth {length} pinknoise vol 0.{2 + index % 7}"
        made += f" synth sine mix {200 + 37 * index}"
        subprocess.run(["sox", "-D", *made.split()], check=True)
        yield out


def _write(folder: Path, form: str, command: str, sources: list[Path], tools: Path) -> None:
    """Runs a program on all sources; says so if it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        out = (folder / f"{source.stem}.{form}").absolute()
        if out.exists():
            continue
        words = [word.format(s=source, o=out, n=FRAMES) if _is_plain(word) else word for word in shlex.split(command)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, cwd=tools, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{folder}: {error}", file=sys.stderr)
            return
        if not out.exists() or not out.stat().st_size or done.returncode:
            print(f"{folder}: {done.stderr.strip()[-200:]}", file=sys.stderr)
            out.unlink(missing_ok=True)
            return


def _is_plain(word: str) -> bool:
    """True for words with places to fill in, not for lines of code."""
    return any(place in word for place in ("{s}", "{o}", "{n}")) and "=>" not in word


def _write_batches(folder: Path, covers: Path, pictures: list[Path]) -> None:
    """Runs Java and Go once for all pictures of a form."""
    (folder / "Write.java").write_text(_JAVA)
    (folder / "write.go").write_text(_GO)
    for (form, program), kind in BATCHES.items():
        target = covers / form / program
        target.mkdir(parents=True, exist_ok=True)
        pairs = [str(each) for source in pictures for each in (source, target.absolute() / f"{source.stem}.{form}")]
        command = ["java", "Write.java", kind] if program == "Java" else ["go", "run", "write.go"]
        settings = {"capture_output": True, "text": True, "cwd": folder, "env": os.environ | {"GO111MODULE": "off"}}
        done = subprocess.run([*command, *pairs], **settings, check=False)
        if done.returncode:
            print(f"{target}: {done.stderr.strip()[-200:]}", file=sys.stderr)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3] if len(sys.argv) > 3 else "."))
