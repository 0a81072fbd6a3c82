"""An audit of every form that is written: `python -m study.form_audit COVERS OUT.csv [FORM …]`.

COVERS is what `study.form_writers` writes: COVERS/FORM/PROGRAM/NAME. Containers are made of them as `stegnet hide`
makes them, and decision trees of one and of two features of the file, whatever its samples, look for what tells
containers from covers: from those of all programs, and from those of the container's own program. Where the container
has the form of a named program, what that program makes of the same cover stands for the cover.

A tree that is right in more than 55 %, and by its interval not by chance, has found a fault. Forms whose name begins
with "control" have one, which must be found.
"""

import re
import shlex
import subprocess
import sys
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import stegnet
from pipeline.evaluate.statistics import share_interval
from stegnet.core.pixels import is_grey
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg
from study.film_features import FormFeatures
from study.form_features import features
from study.stumps import FAULT, Table, Tree, best_tree, faults, table_of

SEED = 61
_BYTES = (100, 1000)  # of what is hidden, at least and at most; less where it does not fit
_LEAST_BYTES = 8
_FILMS = ("mp4", "mkv")  # forms by FFmpeg
_LEAST_PAIRS = 6  # of a program that is looked at alone
_FFV1 = "-c:v ffv1 -level 3 -g 1 -slicecrc 1 -slices 4 -pix_fmt bgr0 -enc_time_base demux -c:a copy"
_X264RGB = "-c:v libx264rgb -preset veryfast -qp 0 -pix_fmt bgr0 -c:a copy"

# What changes from one release of FFmpeg to the next, as from 8.1, whose libraries write containers, to 9.0, the
# program: names, lengths that follow from them, the clock of a whole MP4, durations in Matroska; and x264's threads.
_OF_RELEASE = re.compile(
    r"^(bytes of |least length|most length|first cluster|vendor|x264|blocks of flags)"
    r"|udta|stsd|mvhd 1[26]|elst 8|tkhd 20|DefaultDuration|BlockGroup|SimpleBlock"
)
_RELEASE = re.compile(r"(Lav[cf])[\d.]+")

Maker = Callable[[Path, Path], None]


@dataclass(frozen=True)
class ContainerForm:
    """A form that containers have.

    Attributes:
        name: in the table.
        covers: folder of the covers.
        suffix: of the containers.
        options: of `stegnet.hide`.
        named: writes what the named program makes of a cover; None: a container has the form of its cover.
        control: writes what is looked at instead of a container.
    """

    name: str
    covers: str
    suffix: str
    options: Mapping[str, Any] = field(default_factory=dict)
    named: Maker | None = None
    control: Maker | None = None


def _pillow(**options: Any) -> Maker:
    """Pillow's writer, as the named program; a grey picture stays grey."""

    def write(cover: Path, out: Path) -> None:
        with Image.open(cover) as image:
            pixels = np.asarray(image.convert("RGB"))
        grey = Image.fromarray(pixels[..., 0] if is_grey(pixels) else pixels)
        if side := options.get("side"):
            scale = side / max(grey.size)
            grey = grey.resize(tuple(round(scale * length) for length in grey.size))
        grey.save(out, **{name: value for name, value in options.items() if name != "side"})

    return write


def _ffmpeg(options: str) -> Maker:
    def write(cover: Path, out: Path) -> None:
        command = [bundled_ffmpeg(), "-v", "error", "-y", "-i", cover, *shlex.split(options), out]
        subprocess.run(command, check=True, capture_output=True)

    return write


def _robust_film(cover: Path, out: Path) -> None:
    """A film coded by ffmpeg at a fixed pace, to which the cover's sound is copied; in BT.709, without metadata."""
    film = out.with_name("silent.mp4")
    _ffmpeg(
        "-c:v libx264 -preset medium -crf 18 -trellis 2 -psy 0 -bf 3 -b_strategy 0 -sc_threshold 0 -g 240 -an"
        " -pix_fmt yuv420p -vf scale=out_color_matrix=bt709:out_range=tv"
        ",setparams=color_primaries=bt709:color_trc=bt709"
    )(cover, film)
    maps = f"-i {shlex.quote(str(cover))} -map 0:v -map 1:a? -c copy -map_metadata -1 -metadata:s:v encoder=Lavc"
    _ffmpeg(f"{maps} -movflags +faststart")(film, out)


def _standard_tables(cover: Path, out: Path) -> None:
    """The JPEG with libjpeg's default Huffman tables instead of its own, as a writer that forgets them gives it."""
    subprocess.run(["jpegtran", "-copy", "all", "-outfile", out, cover], check=True)


def _libflac_blocks(cover: Path, out: Path) -> None:
    """The FLAC coded again by libFLAC, with its cover's metadata, whoever wrote that."""
    wav = out.with_suffix(".wav")
    subprocess.run(["flac", "-s", "-f", "-d", cover, "-o", wav], check=True)
    subprocess.run(["flac", "-s", "-f", "--no-padding", "--no-seektable", wav, "-o", out], check=True)
    wav.unlink()
    (old, metadata), (new, _) = (_after_streaminfo(path.read_bytes()) for path in (cover, out))
    frames = out.read_bytes()
    start = _after_streaminfo(frames)[0]
    out.write_bytes(frames[:42] + metadata + frames[start:])
    assert old and new


def _after_streaminfo(data: bytes) -> tuple[int, bytes]:
    """Where a FLAC's frames begin, and all of its metadata but the first block, STREAMINFO."""
    place = 4
    while True:
        last, length = data[place] & 0x80, int.from_bytes(data[place + 1 : place + 4], "big")
        place += 4 + length
        if last:
            return place, data[42:place]


def _remuxed(cover: Path, out: Path) -> None:
    """The film copied packet by packet, as a writer that does not keep its boxes gives it."""
    _ffmpeg("-c copy -map_metadata 0")(cover, out)


_MADE_JPEG = {"quality": 95, "subsampling": "4:2:0", "format": "JPEG"}
FORMS = (
    ContainerForm("PNG of a PNG", "png", ".png"),
    ContainerForm("PNG of a BMP", "bmp", ".png", named=_pillow(format="PNG")),
    ContainerForm("PNG of a TIFF", "tif", ".png", named=_pillow(format="PNG")),
    ContainerForm("JPEG of a JPEG", "jpg", ".jpg"),
    ContainerForm("JPEG of a PNG", "png", ".jpg", named=_pillow(**_MADE_JPEG)),
    ContainerForm("JPEG of a JPEG, resized", "jpg", ".jpg", {"resize": 200}, _pillow(**_MADE_JPEG, side=200)),
    ContainerForm("JPEG of a JPEG, robust", "jpg", ".jpg", {"method": "robust", "survive": "jpeg:75"}),
    ContainerForm(
        "JPEG of a PNG, robust", "png", ".jpg", {"method": "robust", "survive": "jpeg:75"}, _pillow(**_MADE_JPEG)
    ),
    ContainerForm("MKV of an MP4", "mp4", ".mkv", named=_ffmpeg(_FFV1)),
    ContainerForm("MKV of an MKV", "mkv", ".mkv", named=_ffmpeg(_FFV1)),
    ContainerForm("MP4 of an MP4, lossless", "mp4", ".mp4", {"method": "sealed"}, _ffmpeg(_X264RGB)),
    ContainerForm("MP4 of an MP4, its own H.264", "mp4", ".mp4", {"method": "h264"}),
    ContainerForm("MP4 of an MP4, robust", "mp4", ".mp4", {"method": "robust"}, _robust_film),
    ContainerForm("WAV of a WAV", "wav", ".wav"),
    ContainerForm("FLAC of a FLAC", "flac", ".flac"),
    ContainerForm(
        "control: PNG by run lengths", "png", ".png", control=_pillow(format="PNG", compress_type=zlib.Z_RLE)
    ),
    ContainerForm("control: JPEG by default tables", "jpg", ".jpg", control=_standard_tables),
    ContainerForm("control: FLAC by libFLAC's blocks", "flac", ".flac", control=_libflac_blocks),
    ContainerForm("control: MP4 copied by packets", "mp4", ".mp4", control=_remuxed),
)


@dataclass(frozen=True)
class FormPair:
    """Features of a cover and of its container."""

    program: str
    name: str  # of the picture, film or sound
    cover: FormFeatures
    container: FormFeatures


def pairs(form: ContainerForm, covers: Path) -> Iterator[FormPair]:
    """Pairs of a form, one for each cover that can carry something."""
    with TemporaryDirectory() as folder:
        for number, path in enumerate(sorted((covers / form.covers).glob(f"*/*.{form.covers}"))):
            container, named = Path(folder, f"container{form.suffix}"), Path(folder, f"named{form.suffix}")
            if not _write_container(form, path, container, number):
                continue
            if form.named:
                form.named(path, named)
            found = features(named if form.named else path), features(container)
            if form.covers in _FILMS and form.named:
                found = without_release(found[0]), without_release(found[1])
            yield FormPair(path.parent.name, path.stem, *found)


def without_release(found: FormFeatures) -> FormFeatures:
    """Features without those that the release of FFmpeg decides."""
    kept = {name: value for name, value in found.items() if not _OF_RELEASE.search(name)}
    return {name: _RELEASE.sub(r"\1", value) if isinstance(value, str) else value for name, value in kept.items()}


def _write_container(form: ContainerForm, cover: Path, out: Path, number: int) -> bool:
    """Writes a container, of the most bytes that fit; False if nothing fits."""
    out.unlink(missing_ok=True)
    if form.control:
        form.control(cover, out)
        return True
    random = np.random.default_rng((SEED, number))
    size = int(random.integers(*_BYTES))
    while size >= _LEAST_BYTES:
        key = stegnet.Key(random.bytes(32))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of covers that are no good: it is the form that is looked at
                stegnet.hide(cover, random.bytes(size), out, key=key, **form.options)
        except stegnet.CapacityError:
            size //= 2
        except stegnet.StegnetError as error:
            print(f"{cover}: {error}", file=sys.stderr)
            return False
        else:
            return True
    print(f"{cover}: carries nothing", file=sys.stderr)
    return False


def audited(form: ContainerForm, found: list[FormPair]) -> Iterator[dict[str, Any]]:
    """Rows of the table: what tells containers from covers of all programs, and of one program alone."""
    for depth in (1, 2):
        for tree in faults(_table(found), depth, SEED):
            yield _row(form, "all programs", depth, tree)
        programs = defaultdict(list)
        for pair in found:
            programs[pair.program].append(pair)
        trees = {
            name: best_tree(_table(own), depth, SEED) for name, own in programs.items() if len(own) >= _LEAST_PAIRS
        }
        if trees:
            yield _row(form, "own program", depth, _pooled(list(trees.values())))
        for name, tree in trees.items():
            if tree.is_fault:
                yield _row(form, name, depth, tree)


def _table(found: list[FormPair]) -> Table:
    names = {name: number for number, name in enumerate(sorted({pair.name for pair in found}))}
    groups = [names[pair.name] for pair in found]
    return table_of([pair.cover for pair in found], [pair.container for pair in found], groups)


def _pooled(trees: list[Tree]) -> Tree:
    """All programs together, each by its own tree."""
    count = sum(tree.pairs for tree in trees)
    share = sum(tree.pairs * tree.right for tree in trees) / count
    return Tree(("each its own",), share, *share_interval(share, count), count)


def _row(form: ContainerForm, against: str, depth: int, tree: Tree) -> dict[str, Any]:
    figures = {"right": tree.right, "low": tree.low, "high": tree.high, "pairs": tree.pairs}
    found = {"fault": tree.is_fault, "features": "; ".join(tree.names)}
    return {"form": form.name, "against": against, "depth": depth} | figures | found


def main(covers: Path, out: Path, *wanted: str) -> None:
    unknown = set(wanted) - {form.name for form in FORMS}
    if unknown:
        raise SystemExit(
            f"no such form: {', '.join(sorted(unknown))}; known are {', '.join(form.name for form in FORMS)}"
        )
    rows = []
    for form in FORMS:
        if not wanted or form.name in wanted:
            found = list(pairs(form, covers))
            if len({pair.name for pair in found}) < 2:
                print(f"{form.name}: too few covers", file=sys.stderr)
                continue
            rows += audited(form, found)
            pd.DataFrame(rows).to_csv(out, index=False)
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    missed = {form.name for form in FORMS if form.control} & set(table["form"]) - set(table[table["fault"]]["form"])
    if missed:
        raise SystemExit(f"not found, so that nothing is said by what was not found: {', '.join(sorted(missed))}")
    print(f"faults: {int(table['fault'].sum())} of {len(table)}, told in more than {FAULT:.0%}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]), *sys.argv[3:])
