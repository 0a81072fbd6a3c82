"""Bits that pictures take near-losslessly: coded by the shipped network, as JPEG XL, and as lossless WebP.

    python -m study.predicted_sizes OUT.csv FOLDER...

Each PNG of a folder is quantised with errors of up to 0, 1 and 2 levels, and decoded again. PSNR is in dB, of levels as
they are, and as the network restores them.
"""

import io
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from stegnet.core.measures import psnr
from stegnet.image.pictures import read_picture
from stegnet.near import Coded, Coder, Steps, decode, encode_jpeg_xl, quantise, shipped_predictor
from stegnet.near.predicted import encode_predicted
from stegnet.near.quantisation import restore

EFFORT = 9  # libjxl's


def main(out: Path, folders: list[Path]) -> None:
    """Measure the pictures of all folders, write a table with a row for each picture and error, and print means."""
    rows = []
    for folder in folders:
        for path in tqdm(sorted(folder.glob("*.png")), folder.name):
            rows += [{"set": folder.name, "picture": path.name} | measured(path, error) for error in range(3)]
            pd.DataFrame(rows).round(4).to_csv(out, index=False)
    columns = ["network", "jpeg_xl", "webp", "psnr", "restored_psnr", "encode_seconds", "decode_seconds"]
    means = pd.DataFrame(rows).groupby(["set", "error"])[columns].mean()
    means["change_percent"] = 100 * (means.network / means.jpeg_xl - 1)
    print(means.round(3).to_string())


def measured(path: Path, error: int) -> dict[str, object]:
    """Return the bits per pixel of a picture, and the CPU seconds of the network's coder per megapixel."""
    picture = read_picture(path)
    pixels = picture[..., 0].size
    steps = Steps.even(2 * error + 1)
    levels = quantise(picture, steps)
    began = time.process_time()
    data = encode_predicted(levels, steps, shipped_predictor())
    coded = time.process_time()
    shown = decode(Coded(*levels.shape[:2], steps, Coder.NETWORK, data))
    decoded = time.process_time()
    plain = restore(levels, steps)
    largest = np.abs(shown.astype(int) - picture).max()
    if largest > Coder.NETWORK.largest_error(steps):
        raise AssertionError(f"{path}: a sample is {largest} levels off")
    Image.fromarray(levels).save(webp := io.BytesIO(), "WEBP", lossless=True)
    return {
        "error": error,
        "network": 8 * len(data) / pixels,
        "jpeg_xl": 8 * len(encode_jpeg_xl(levels, EFFORT)) / pixels,
        "webp": 8 * len(webp.getvalue()) / pixels,
        "psnr": psnr(picture, plain),
        "restored_psnr": psnr(picture, shown),
        "encode_seconds": (coded - began) / pixels * 1e6,
        "decode_seconds": (decoded - coded) / pixels * 1e6,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
