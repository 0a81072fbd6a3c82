"""The files that every transcript starts with, made from seeds."""

import shutil
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageCms

from stegnet.keys import make_identity_file, make_key_file
from tests.support.films import encode, ffmpeg, make_film, picture, still_film

PHONE = Path(__file__).parents[1] / "format/h264_vectors/cavlc.mp4"  # whose H.264 is the same on every machine
TONE = "-f lavfi -i sine=d=0.48"
PROFILE = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
PROFILE[24:36] = bytes(12)  # when it was made


def make_corpus() -> None:
    """Makes them in the current folder."""
    _make_pictures()
    _make_films()
    _make_keys()
    _make_other_files()


def _make_pictures() -> None:
    colour = Image.fromarray(picture(96, 128, 1))
    colour.save("cover.png")
    colour.convert("L").save("grey.png")
    colour.convert("P", palette=Image.Palette.ADAPTIVE).save("palette.png")
    colour.save("scan.tif")
    Image.fromarray(np.dstack([picture(96, 128, 2), np.full((96, 128), 200, np.uint8)])).save("alpha.png")
    photo = Image.fromarray(picture(240, 320, 3))
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x0112] = "at the lake", "Ada", 6
    photo.save("photo.jpg", quality=90, exif=exif, icc_profile=bytes(PROFILE), comment="a comment")
    photo.save("photo.webp", quality=90)
    Image.fromarray(picture(160, 200, 8)).save("plain.jpg", quality=92)
    Image.fromarray(picture(50, 40, 4)).save("secret.png", compress_level=0)
    Image.fromarray(picture(60, 80, 6)).save("secret.jpg", quality=80)
    Image.fromarray(picture(400, 500, 7)).save("large.bmp")
    Image.new("RGB", (1, 1), "teal").save("dot.png")
    Path("photos").mkdir()
    for number in (2, 10):
        Image.fromarray(picture(90, 120, number)).save(f"photos/{number}.png")
    shutil.copy("plain.jpg", "photos/lake.jpg")


def _make_films() -> None:
    make_film(Path("cover.mkv"), 6, sound="flac")
    make_film(Path("drawn.mkv"), 4, 32, 48, seed=9)
    ffmpeg("-i drawn.mkv", Path("secret.mkv"), "-c copy -bitexact")  # the same bytes each time
    Path("drawn.mkv").unlink()
    make_film(Path("uneven.mkv"), 6, stamps=[0, 1, 5, 6, 7, 12])
    still_film(Path("still.mkv"), 48, 96, 128)
    ffmpeg("-i cover.mkv", Path("movie.mp4"), "-c:v libx264 -threads 1 -pix_fmt yuv420p -c:a aac")
    ffmpeg(f"-i {PHONE} {TONE}", Path("phone.mp4"), "-c:v copy -c:a aac -metadata title=Holiday -bitexact")
    encode(Path("clip.gif"), [picture(64, 96, seed) for seed in range(4)], "gif", "rgb8")


def _make_keys() -> None:
    make_key_file("k", Random("k").randbytes)
    make_key_file("other.key", Random("other").randbytes)
    Path("old.key").write_bytes(Random("old").randbytes(32))
    recipient = make_identity_file("id", Random("id").randbytes)
    Path("bob").write_text(f"{recipient}\n")
    Path("phrase").write_text("six odd words last far longer\n")
    Path("weak").write_text("password1\n")
    for name in ("k", "other.key", "old.key", "id", "phrase", "weak"):
        Path(name).chmod(0o600)


def _make_other_files() -> None:
    Path("note.txt").write_text("Meet me at eight.\n")
    Path("letter.bin").write_bytes(Random("letter").randbytes(300))
    Path("big.bin").write_bytes(Random("big").randbytes(60_000))
    Path("empty").write_bytes(b"")
    Path("cut.png").write_bytes(Path("cover.png").read_bytes()[:9000])
    Path("cut.mp4").write_bytes(Path("movie.mp4").read_bytes()[:3000])
    Path("notpicture.png").write_text("text\n" * 50)
    shutil.copytree("photos", "mixed")
    shutil.copy("cover.mkv", "mixed/film.mkv")
    Path("nothing").mkdir()
