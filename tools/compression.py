"""Measures what `--compress` makes of pictures and films, for `stegnet/media/forecast.py`: dB by bits per pixel.

    python tools/compression.py PATH... [--rates 0.5,1,2] [--every 20] [--frames 50]

A folder is one of photographs, of which each n-th in the order of names counts, its middle square shrunk to 256 pixels
as for the evaluation; a file is a film, of which the first frames are shrunk to a width of 640 pixels. A table in
Markdown is printed: the mean over pictures, without those that fit exactly, and over films.
"""

import argparse
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.data.groups import fit_square
from stegnet.media import FilmWriter, frame_rate, read_frames, read_picture, resize, write_png
from stegnet.media.compress import Compressed, compress_film, compress_picture

SIZE, FILM_WIDTH = 256, 640
RATES = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 4.2, 4.3, 6.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--rates", type=lambda text: [float(rate) for rate in text.split(",")], default=RATES)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--frames", type=int, default=50)
    options = parser.parse_args()
    print("| | bits per pixel | dB | worst | exact | bytes used |\n|---|---|---|---|---|---|", flush=True)
    for path in options.paths:
        for rate in options.rates:
            if path.is_dir():
                results = [_picture(picture, rate) for picture in _photographs(path, options.every)]
            else:
                results = [_film(path, rate, options.frames)]
            print(_row(path.name, rate, results), flush=True)


def _photographs(folder: Path, every: int) -> list[np.ndarray]:
    files = sorted(path for path in folder.iterdir() if path.is_file())[every - 1 :: every]
    fitted = [fit_square(read_picture(path), SIZE) for path in files]
    return [picture for picture in fitted if picture is not None]


def _picture(picture: np.ndarray, rate: float) -> tuple[float, float]:
    """PSNR, and the share of the bytes that is used."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "picture.png", picture)
        limit = int(rate * picture[..., 0].size / 8)
        made = compress_picture(folder / "picture.png", folder, limit)
        return made.psnr, _share(made, limit)


def _film(path: Path, rate: float, count: int) -> tuple[float, float]:
    frames = list(islice(read_frames(path), count))
    height = round(frames[0].shape[0] * FILM_WIDTH / frames[0].shape[1] / 2) * 2
    per_second = frame_rate(path)
    with TemporaryDirectory() as name:
        folder = Path(name)
        with FilmWriter(folder / "film.mkv", FILM_WIDTH, height, per_second) as film:
            for index, frame in enumerate(frames):
                film.write(resize(frame, height, FILM_WIDTH), index / per_second)
        limit = int(rate * len(frames) * height * FILM_WIDTH / 8)
        made = compress_film(folder / "film.mkv", folder, limit)
        pairs = zip(read_frames(folder / "film.mkv"), read_frames(made.path), strict=True)
        return psnr_from_mse(np.mean([mean_squared_error(*pair) for pair in pairs]), PEAK), _share(made, limit)


def _share(made: Compressed, limit: int) -> float:
    return made.path.stat().st_size / limit


def _row(name: str, rate: float, results: list[tuple[float, float]]) -> str:
    lossy = np.array([result for result in results if np.isfinite(result[0])])
    exact = len(results) - len(lossy)
    if not len(lossy):
        return f"| {name} | {rate:g} | – | – | {exact} of {len(results)} | – |"
    mean, worst, share = lossy[:, 0].mean(), lossy[:, 0].min(), lossy[:, 1].mean()
    return f"| {name} | {rate:g} | {mean:.1f} | {worst:.1f} | {exact} of {len(results)} | {share:.3f} |"


if __name__ == "__main__":
    main()
