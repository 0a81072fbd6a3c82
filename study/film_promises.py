"""Films by any channel, encoded in ways within and beyond the promise.

python -m study.film_promises OUT CHANNEL FILM...
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from pipeline.stage import bar
from stegnet.core.errors import CapacityError
from stegnet.core.parallel import ordered
from stegnet.media import scan
from stegnet.methods.robust import CONTAINER_PSNR, RobustOptions
from stegnet.methods.robust_film import WRITTEN, hidden_pixels
from study.film_trial import Row, encode_again, fill_film, film_quality, picture_bytes, read, survival, write_plainly
from study.reencodings import av1, vp9, x264, x265

TEXT = 43  # bytes
_BASELINE = {"preset": "veryfast", "profile:v": "baseline", "g": 30, "b:v": "1500k"}
_RATES = (
    *(x264(f"veryfast, {rate} kbit/s", False, preset="veryfast", **{"b:v": f"{rate}k"}) for rate in (500, 1000, 2000)),
    x264("baseline, 1500 kbit/s, a key frame a second", False, **_BASELINE),
)
_ONCE = (
    x264("fast", True, preset="fast"), x264("medium", True), x264("slow", True, preset="slow"),
    x264("veryfast", False, preset="veryfast"),
    x264("baseline, a key frame a second", False, g=25, **{"profile:v": "baseline"}),
    x264("medium, twice", False, generations=2), x264("medium, CRF +2", False, above=2),
)  # fmt: skip
WAYS = {  # by channel: the constant rate factor, and ways of encoding
    **{f"h264:{crf}": (crf, _ONCE) for crf in (18, 23, 28)},
    "messenger": (28, (
        x264("medium", True), x264("veryfast", True, preset="veryfast"), x264("ultrafast", False, preset="ultrafast"),
        x264("veryfast, CRF +3", False, above=3, preset="veryfast"),
        x264("veryfast, twice", False, generations=2, preset="veryfast"), *_RATES, x265("fast", False, preset="fast"),
    )),
    "h264:23+veryfast": (23, (
        x264("veryfast", True, preset="veryfast"), x264("faster", True, preset="faster"), x264("medium", True),
        x264("veryfast, CRF −2", True, above=-2, preset="veryfast"),
        x264("superfast", False, preset="superfast"), x264("veryfast, CRF +2", False, above=2, preset="veryfast"),
    )),
    "h264:23+twice": (23, (
        x264("fast, twice", True, generations=2, preset="fast"), x264("medium, twice", True, generations=2),
        x264("slow, twice", True, generations=2, preset="slow"), x264("medium", True),
        x264("medium, three times", False, generations=3),
        x264("veryfast, twice", False, generations=2, preset="veryfast"),
    )),
    "hevc:28": (28, (
        x265("fast", True, preset="fast"), x265("medium", True), x265("slow", True, preset="slow"),
        x265("fast, CRF −3", True, above=-3, preset="fast"),
        x265("veryfast", False, preset="veryfast"), x265("medium, CRF +2", False, above=2),
    )),
    "vp9:33": (33, (
        vp9("speed 5", True), vp9("speed 3", True, speed=3), vp9("speed 5, CRF −4", True, above=-4),
        vp9("speed 5, CRF +3", False, above=3),
    )),
    "av1:35": (35, (
        av1("preset 8", True), av1("preset 6", True, preset=6), av1("preset 8, CRF −4", True, above=-4),
        av1("preset 10", False, preset=10), av1("preset 8, CRF +3", False, above=3),
    )),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("channel", choices=WAYS)
    parser.add_argument("films", type=Path, nargs="+")
    options = parser.parse_args()
    folder = options.out / options.channel.replace(":", "_").replace("+", "_")
    folder.mkdir(parents=True, exist_ok=True)
    rows, ways = [], []
    for film in bar(options.films, options.channel):
        for size in (TEXT, None):
            row, survived = trial(options.channel, film, size)
            rows.append(row)
            ways += [{"film": film.name, "size": size} | way for way in survived]
            pd.DataFrame(rows).to_csv(folder / "films.csv", index=False)
            pd.DataFrame(ways).to_csv(folder / "ways.csv", index=False)


def trial(channel: str, film: Path, size: int | None) -> tuple[Row, list[Row]]:
    """A film in which a text, or as much as there is room for, is hidden: its figures, and what comes back."""
    row, (crf, ways) = {"film": film.name, "size": size}, WAYS[channel]
    with TemporaryDirectory() as folder:
        sizes = {} if size is None else {"size": size}
        try:
            filled = fill_film(film, RobustOptions(channel, CONTAINER_PSNR), Path(folder), 0, **sizes)
        except CapacityError:
            return row | {"refused": True}, []
        info, found = scan(filled.path), read(filled.path, filled.key)
        assert found is not None, "hiding checks that what it writes comes back"
        pixels = hidden_pixels(info.height, info.width, len(info.pts))
        row |= {"refused": False, "width": info.width, "height": info.height, "frames": len(info.pts)}
        row |= {"bytes": len(filled.content), "bits": 8 * len(filled.content) / pixels, "groups": found.groups}
        row |= {"seconds": filled.seconds} | against_cover(film, filled.path)
        jobs = [partial(survival, filled, crf, way, found.groups) for way in ways]
        return row, list(ordered(lambda job: job(), jobs, 2))


def against_cover(cover: Path, container: Path) -> Row:
    """Bytes against those of the cover as anyone writes it, and with the same options, and quality.

    None where the cover was reduced.
    """
    before, after = scan(cover), scan(container)
    if (before.height, before.width, len(before.pts)) != (after.height, after.width, len(after.pts)):
        return {}
    plain = write_plainly(cover, container.with_name("plain.mp4"))
    alike = encode_again(cover, replace(WRITTEN, paced=False), container.with_name("alike.mp4"))
    size = picture_bytes(container)
    larger = {"larger": size / picture_bytes(plain), "larger_alike": size / picture_bytes(alike)}
    return larger | film_quality(cover, container)


if __name__ == "__main__":
    main()
