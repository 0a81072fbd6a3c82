"""Films by messenger, encoded again in many ways: python -m study.messenger OUT FILM..."""

import argparse
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from pipeline.stage import bar
from stegnet.core.errors import CapacityError
from stegnet.core.parallel import ordered
from stegnet.media import scan
from stegnet.methods.robust import RobustOptions
from stegnet.methods.robust_film import FilmModem, hidden_pixels
from study.film_trial import Row, fill_film, read, survival
from study.reencodings import Reencoding

CRF = 28  # the promised one
TEXT = 43  # bytes
_WAYS = (
    Reencoding("x264 medium", True),
    Reencoding("x264 veryfast", True, options={"preset": "veryfast"}),
    Reencoding("x264 ultrafast", False, options={"preset": "ultrafast"}),
    Reencoding("x264 veryfast, CRF +3", False, above=3, options={"preset": "veryfast"}),
    Reencoding("x264 veryfast, twice", False, options={"preset": "veryfast"}, generations=2),
    *(
        Reencoding(f"x264 veryfast, {rate} kbit/s", False, options={"preset": "veryfast", "b:v": f"{rate}k"})
        for rate in (500, 1000, 2000)
    ),
    Reencoding(
        "x264 baseline, 1500 kbit/s, a key frame a second", False,
        options={"preset": "veryfast", "profile:v": "baseline", "g": 30, "b:v": "1500k"},
    ),
    Reencoding("x265 fast", False, encoder="libx265", options={"preset": "fast", "x265-params": "log-level=error"}),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("films", type=Path, nargs="+")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    modem, rows, ways = FilmModem.load(), [], []
    for film in bar(options.films, "messenger"):
        for size in (TEXT, None):
            row, survived = trial(modem, film, size)
            rows.append(row)
            ways += [{"film": film.name, "size": size} | way for way in survived]
            pd.DataFrame(rows).to_csv(options.out / "films.csv", index=False)
            pd.DataFrame(ways).to_csv(options.out / "ways.csv", index=False)


def trial(modem: FilmModem, film: Path, size: int | None) -> tuple[Row, list[Row]]:
    """A film in which a text, or as much as there is room for, is hidden: its figures, and what comes back."""
    row: Row = {"film": film.name, "size": size}
    with TemporaryDirectory() as folder:
        sizes = {} if size is None else {"size": size}
        try:
            filled = fill_film(modem, film, RobustOptions("messenger"), Path(folder), 0, **sizes)
        except CapacityError:
            return row | {"refused": True}, []
        info, found = scan(filled.path), read(modem, filled.path, filled.key)
        assert found is not None, "hiding checks that what it writes comes back"
        pixels = hidden_pixels(info.height, info.width, len(info.pts))
        row |= {"refused": False, "width": info.width, "height": info.height, "frames": len(info.pts)}
        row |= {"bytes": len(filled.content), "bits": 8 * len(filled.content) / pixels, "groups": found.groups}
        row |= {"file": filled.path.stat().st_size, "seconds": filled.seconds}
        ways = [way for way in _WAYS if size or way.promised]
        jobs = [partial(survival, modem, filled, CRF, way, found.groups) for way in ways]
        return row, list(ordered(lambda job: job(), jobs, 2))


if __name__ == "__main__":
    main()
