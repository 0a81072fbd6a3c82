"""Other programs that hide files, beside stegnet: what they cost, what they keep, what arrives, and who is found.

    apt install steghide outguess age 7zip
    python -m study.peers PHOTOGRAPHS CATALOGUE OUT

pip's programs are installed into an environment of their own in the cache folder, in the versions named here; of apt's,
those that are missing are left out, and said so. All are run as a user runs them, on files.

- OUT/costs.csv: 500 bytes in photographs that come with packages, with metadata: seconds, memory, size, PSNR.
- OUT/detection.csv: a file of random bytes in photographs of the folder PHOTOGRAPHS, reduced to 256×256. An ensemble of
  linear classifiers is trained on each program's own containers, on features of the field (DCTR for JPEGs, SPAM for
  PNGs), and tested on other photographs. An opponent knows the program, but neither key nor cover.
- OUT/survival.csv: a text of 18 bytes, after what messengers and people do to pictures.
"""

import argparse
import io
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageCms

import stegnet
from pipeline.prepare.downloads import photograph_jobs
from pipeline.shards import cache_folder
from pipeline.stage import bar, program, write_table
from stegnet.core.measures import psnr
from stegnet.jpeg.coefficients import read_jpeg
from study.ensemble import Features, by_folds, summarise
from study.features import spam
from study.jpeg_features import dctr, luma_of
from study.jpeg_steganalysis import DIMENSIONS, covers

PACKAGES = ("stegano==3.0.0", "stegpy==0.2.0", "blind-watermark==0.4.4")
SECRET, NOTE = 500, "Meet me at eight.\n"  # bytes of a file; a text
QUALITY, COVER_QUALITY = 75, 92  # of JPEGs for the detector, as in its literature, and of photographs with costs
RATE = 0.03  # bits of the file for each coefficient of a JPEG that is not 0; as many bytes go into a PNG
PHOTOGRAPHS = 120
WORKERS = 2
SEED = 0
_TIMER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
_IDENTITY, _RECIPIENT = "id", "recipient"
_COVERS: dict[str, dict[int, np.ndarray]] = {}  # features by suffix and number


@dataclass(frozen=True)
class Peer:
    """A program; commands run in a folder with cover, secret and key, as `Folder` names them.

    Attributes:
        name: in the tables.
        suffix: of its cover.
        hide: command that writes `out`.
        reveal: command that writes `back`.
        out: name of the container.
        back: name of what is revealed.
        setup: command before, which makes a key.
        keyed: whoever has the program, but no key, can't reveal.
    """

    name: str
    suffix: str
    hide: tuple[str, ...]
    reveal: tuple[str, ...]
    out: str
    back: str = "back.bin"
    setup: tuple[str, ...] = ()
    keyed: bool = True


def environment() -> Path:
    """Return the programs' folder of an environment with pip's packages, made if it is missing."""
    folder = cache_folder() / "peers"
    if not (folder / "bin" / "stegano-lsb").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    return folder / "bin"


def peers(programs: Path) -> list[Peer]:
    """Return the programs that are installed, those for JPEGs first."""
    stegnet = (sys.executable, "-m", "stegnet")
    stegano, stegpy = str(programs / "stegano-lsb"), str(programs / "stegpy")

    def own(suffix: str) -> Peer:
        hide = (*stegnet, "hide", f"cover{suffix}", "secret.bin", "--key-file", "k", "-o", f"out{suffix}")
        reveal = (*stegnet, "reveal", f"out{suffix}", "--key-file", "k", "-o", "back.bin")
        return Peer("stegnet", suffix, hide, reveal, f"out{suffix}", setup=(*stegnet, "keygen", "k"))

    def by_stegpy(suffix: str) -> Peer:
        hide = (stegpy, "secret.bin", f"cover{suffix}")
        return Peer("stegpy", suffix, hide, (stegpy, f"_cover{suffix}"), f"_cover{suffix}", "_secret.bin", keyed=False)

    found = [
        own(".jpg"),
        Peer(
            "steghide", ".jpg",
            ("steghide", "embed", "-q", "-p", "key", "-cf", "cover.jpg", "-ef", "secret.bin", "-sf", "out.jpg"),
            ("steghide", "extract", "-q", "-p", "key", "-sf", "out.jpg", "-xf", "back.bin"), "out.jpg",
        ),
        Peer(
            "outguess", ".jpg", ("outguess", "-k", "key", "-d", "secret.bin", "cover.jpg", "out.jpg"),
            ("outguess", "-k", "key", "-r", "out.jpg", "back.bin"), "out.jpg",
        ),
        by_stegpy(".jpg"),
        own(".png"),
        Peer(
            "stegano", ".png", (stegano, "hide", "-i", "cover.png", "-f", "secret.bin", "-o", "out.png"),
            (stegano, "reveal", "-i", "out.png", "-o", "back.bin"), "out.png", keyed=False,
        ),
        by_stegpy(".png"),
        Peer(
            "age", "", ("age", "-R", _RECIPIENT, "-o", "out.age", "secret.bin"),
            ("age", "-d", "-i", _IDENTITY, "-o", "back.bin", "out.age"), "out.age",
            setup=("sh", "-c", f"age-keygen -o {_IDENTITY} && age-keygen -y {_IDENTITY} > {_RECIPIENT}"),
        ),
        Peer(
            "7-Zip", "", ("7zz", "a", "-pkey", "-mhe=on", "out.7z", "secret.bin"),
            ("7zz", "x", "-pkey", "-oback", "out.7z"), "out.7z", "back/secret.bin",
        ),
    ]  # fmt: skip
    missing = {peer.hide[0] for peer in found if not shutil.which(peer.hide[0])}
    for name in sorted(missing):
        print(f"{name} is not installed: its rows are left out", file=sys.stderr)
    return [peer for peer in found if peer.hide[0] not in missing]


@dataclass(frozen=True)
class Cost:
    """CPU seconds, and peak memory in 10⁶ bytes, of a command that ended well."""

    seconds: float
    megabytes: float


def run(command: Sequence[str], folder: Path) -> Cost | None:
    """Run a command in a folder; returns its cost, or None where it fails.

    A small Python starts it: a process inherits the peak memory of the one that it comes from.
    """
    timed = [sys.executable, "-I", "-S", "-c", _TIMER, *command]
    done = subprocess.run(timed, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    code, seconds, peak = map(float, done.stdout.split())
    return None if code else Cost(seconds, peak * 1024 / 1e6)


def hidden(peer: Peer, cover: bytes, secret: bytes, folder: Path) -> Cost | None:
    """Hide in an empty folder; the container is `folder / peer.out`."""
    if peer.suffix:
        (folder / f"cover{peer.suffix}").write_bytes(cover)
    (folder / "secret.bin").write_bytes(secret)
    if peer.setup:
        run(peer.setup, folder)
    return run(peer.hide, folder)


# Costs, and metadata that stays


def with_metadata(pixels: np.ndarray, suffix: str) -> bytes:
    """Return a photograph with EXIF, which names a camera, and an ICC profile."""
    exif = Image.Exif()
    exif[271] = "Camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    out = io.BytesIO()
    options = {"quality": COVER_QUALITY} if suffix == ".jpg" else {}
    form = "JPEG" if suffix == ".jpg" else "PNG"
    Image.fromarray(pixels).save(out, form, exif=exif, icc_profile=profile, **options)
    return out.getvalue()


def costs(peer: Peer, photographs: list[np.ndarray]) -> dict[str, object]:
    """Return the row of a program: medians over the photographs, and in how many it failed."""
    secret = np.random.default_rng(SEED).bytes(SECRET)
    rows: list[dict[str, float]] = []
    for pixels in photographs:
        cover = with_metadata(pixels, peer.suffix) if peer.suffix else b""
        with TemporaryDirectory() as name:
            folder = Path(name)
            cost = hidden(peer, cover, secret, folder)
            if cost is None:
                continue
            container = (folder / peer.out).read_bytes()
            (folder / "secret.bin").unlink()
            revealed = run(peer.reveal, folder)
            back = folder / peer.back
            row = {"cpu_hide": cost.seconds, "megabytes": cost.megabytes, "bytes": float(len(container))}
            row |= {"cpu_reveal": revealed.seconds if revealed else np.nan}
            row["exact"] = float(back.exists() and back.read_bytes() == secret)
            if peer.suffix:
                row |= _kept(cover, container) | {"size": len(container) / len(cover)}
            rows.append(row)
    table = pd.DataFrame(rows)
    found: dict[str, object] = {"program": peer.name, "cover": peer.suffix or "none", "key": peer.keyed}
    found |= {"covers": len(photographs), "refused": len(photographs) - len(rows)}
    shares = {name: table[name].mean() for name in ("exact", "exif", "profile") if name in table}
    medians = {str(name): value for name, value in table.drop(columns=list(shares)).median().items()}
    return found | medians | shares


def _kept(cover: bytes, container: bytes) -> dict[str, float]:
    with Image.open(io.BytesIO(cover)) as before, Image.open(io.BytesIO(container)) as after:
        kept = {
            "exif": float(dict(before.getexif()) == dict(after.getexif())),
            "profile": float(before.info.get("icc_profile") == after.info.get("icc_profile")),
        }
        return {"psnr": psnr(np.array(before.convert("RGB")), np.array(after.convert("RGB")))} | kept


# Who is found


def detection(peer: Peer, pictures: list[np.ndarray]) -> dict[str, object]:
    """Return the row of a program: how well an ensemble tells its containers from their covers."""
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = pool.map(lambda number: _features(peer, pictures[number], number), range(len(pictures)))
        each = list(bar(jobs, f"{peer.name}, {peer.suffix}"))
    hid = [found for found in each if found is not None]
    known = Features(*(np.stack([pair[side] for pair in hid]) for side in (0, 1)))
    row: dict[str, object] = {"program": peer.name, "cover": peer.suffix, "rate": RATE}
    row |= {"bytes": float(np.mean([pair[2] for pair in hid])), "tested": len(hid)}
    row |= {"refused": len(pictures) - len(hid), "features": "DCTR" if peer.suffix == ".jpg" else "SPAM"}
    return row | summarise([by_folds(known, SEED, DIMENSIONS)], SEED)


def _features(peer: Peer, pixels: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Return the features of cover and container, and the bytes that were hidden; None if the program refuses."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        jpeg, before, after = folder / "cover.jpg", folder / f"cover{peer.suffix}", folder / peer.out
        Image.fromarray(pixels).save(jpeg, quality=QUALITY)
        size = max(1, round(RATE * luma_of(read_jpeg(jpeg), QUALITY).nonzero / 8))
        secret = np.random.default_rng([SEED, number]).bytes(size)
        if peer.suffix == ".png":
            jpeg.unlink()
            Image.fromarray(pixels).save(before)
        if peer.name == "stegnet":  # in this process: the command's bytes, without the starts of Python
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                stegnet.hide(before, secret, after, key=stegnet.Key(np.random.default_rng([SEED, number, 1]).bytes(32)))
        elif hidden(peer, before.read_bytes(), secret, folder) is None:
            return None
        covers_of = _COVERS.setdefault(peer.suffix, {})
        if number not in covers_of:
            covers_of[number] = _measured(before)
        return covers_of[number], _measured(after), len(secret)


def _measured(path: Path) -> np.ndarray:
    if path.suffix == ".jpg":
        return dctr(luma_of(read_jpeg(path), QUALITY))
    with Image.open(path) as picture:
        return spam(np.array(picture.convert("RGB")))


# After changes on the way

_WATERMARK = """
import sys
from blind_watermark import WaterMark, bw_notes
bw_notes.close()
mark = WaterMark(password_img=1, password_wm=1)
if sys.argv[1] == "embed":
    mark.read_img("cover.png")
    mark.read_wm(sys.argv[2], mode="str")
    mark.embed("out.png")
    print(len(mark.wm_bit))
else:
    print(mark.extract("arrived.png", wm_shape=int(sys.argv[2]), mode="str"), end="")
"""
WAYS = ("JPEG 75", "half the size, JPEG 75", "a tenth cut off", "half cut off")


def sent(picture: Image.Image, way: str) -> Image.Image:
    """Return what arrives of a picture."""
    width, height = picture.size
    if way == "half the size, JPEG 75":
        picture = picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    if way.endswith("75"):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=75)
        return Image.open(io.BytesIO(out.getvalue())).convert("RGB")
    return picture.crop((width // (10 if "tenth" in way else 2), 0, width, height))


def survival(photographs: list[np.ndarray], python: Path) -> Iterator[dict[str, object]]:
    """Yield a row for each way and program: of how many photographs the text comes back."""
    for name in ("stegnet", "blind-watermark"):
        found = [_survived(name, pixels, python) for pixels in bar(photographs, name)]
        known = [each for each in found if each is not None]
        for way in WAYS:
            yield {
                "program": name, "way": way, "covers": len(photographs), "refused": len(found) - len(known),
                "arrived": sum(each[way] for each in known), "psnr": np.median([each["psnr"] for each in known]),
            }  # fmt: skip


def _survived(name: str, pixels: np.ndarray, python: Path) -> dict[str, float] | None:
    """Return the ways that a text survives, and the container's PSNR; None if it can't be hidden.

    blind-watermark is told what its pages ask for: the number of its bits, the picture's size and the place of a cut.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder)
        Image.fromarray(pixels).save(place / "cover.png")
        if name == "stegnet":
            out, hide = "out.jpg", (sys.executable, "-m", "stegnet", "hide", "cover.png", "--text", NOTE)
            run((sys.executable, "-m", "stegnet", "keygen", "k"), place)
            options = ("--survive", "jpeg:75+resize:0.5", "--key-file", "k", "-o", out)
            if run((*hide, *options), place) is None:
                return None
        else:
            out = "out.png"
            done = subprocess.run(
                [python, "-c", _WATERMARK, "embed", NOTE], cwd=place, capture_output=True, text=True, check=False
            )
            if done.returncode:
                return None
        with Image.open(place / out) as opened:
            container = opened.convert("RGB")
        found = {"psnr": psnr(pixels, np.array(container))}
        for way in WAYS:
            arrived = sent(container, way)
            if name == "stegnet":
                arrived.save(place / "arrived.png")
                command = [sys.executable, "-m", "stegnet", "reveal", "arrived.png", "--key-file", "k"]
            else:
                back = arrived.resize(container.size) if way.endswith("75") else Image.new("RGB", container.size)
                if not way.endswith("75"):
                    back.paste(arrived, (container.width - arrived.width, 0))
                back.save(place / "arrived.png")
                command = [str(python), "-c", _WATERMARK, "extract", done.stdout.split()[-1]]
            read = subprocess.run(command, cwd=place, capture_output=True, text=True, errors="replace", check=False)
            found[way] = float(read.returncode == 0 and read.stdout.strip() == NOTE.strip())
        return found


def main(photographs: Path, catalogue: Path, out: Path, parts: Sequence[str]) -> None:
    """Measure the parts that are named, or all."""
    programs = environment()
    found = peers(programs)
    of_packages = [
        picture.pixels for job in photograph_jobs(catalogue) for picture in job() if not isinstance(picture, str)
    ]
    if not parts or "costs" in parts:
        table = pd.DataFrame([costs(peer, of_packages) for peer in bar(found, "costs")])
        write_table(out / "costs.csv", table)
    if not parts or "survival" in parts:
        write_table(out / "survival.csv", pd.DataFrame(list(survival(of_packages, programs / "python"))))
    if not parts or "detection" in parts:
        pictures, rows = covers(photographs, PHOTOGRAPHS), []
        for peer in [peer for peer in found if peer.suffix]:
            rows.append(detection(peer, pictures))
            write_table(out / "detection.csv", pd.DataFrame(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for argument in ("photographs", "catalogue", "out"):
        parser.add_argument(argument, type=Path)
    parser.add_argument("parts", nargs="*", help="costs, survival, detection")
    given = parser.parse_args()
    with program():
        main(given.photographs, given.catalogue, given.out, given.parts)
