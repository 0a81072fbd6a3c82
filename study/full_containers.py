"""Full containers: what a cover gives that holds as much as it can, from files, with a key, by each way.

    python -m study.full_containers OUT.csv FOLDER...

Each PNG of a folder is the cover of the next one, which is hidden as a compressed copy, by the network, and as `auto`
chooses; and, in a container of its own, of as many random bytes as fit. All are hidden and revealed as a user does it.
"""

import random
import resource
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

import stegnet
from stegnet.core.measures import psnr
from stegnet.core.pixels import channels_of
from stegnet.image.pictures import read_picture
from stegnet.keys import Key
from stegnet.pixels.medium import bytes_capacity

KEY = Key(bytes(range(32)))
WAYS: dict[str, dict[str, Any]] = {
    "bytes": {"method": "sealed"},
    "picture": {"method": "sealed", "compress": True},
    "network": {"method": "network"},
    "auto": {},
}


def main(out: Path, folders: list[Path]) -> None:
    """Measure the pictures of all folders, write a table with a row for each container, and print means."""
    rows = []
    for folder in folders:
        pictures = sorted(folder.glob("*.png"))
        pairs = list(zip(pictures, [*pictures[1:], pictures[0]], strict=True))
        for cover, secret in tqdm(pairs, folder.name):
            rows += [{"set": folder.name} | row for row in measured(cover, secret)]
            pd.DataFrame(rows).round(4).to_csv(out, index=False)
    for (name, hidden), group in pd.DataFrame(rows).groupby(["set", "hidden"]):
        print(f"{name}, {hidden}: {summary(group)}")


def summary(rows: pd.DataFrame) -> str:
    """Return means and extremes of the containers with bytes, or with pictures; exact pictures count apart."""
    container = f"container {rows.container_psnr.mean():.1f} dB (worst {rows.container_psnr.min():.1f})"
    seconds = f"{rows.cpu_seconds.mean():.2f} CPU s"
    if rows.secret_psnr.isna().all():
        return f"{rows.bits_per_pixel.median():.2f} bits per pixel, {container}, {seconds}"
    others = rows.secret_psnr[np.isfinite(rows.secret_psnr)]
    secret = f"secret {others.mean():.1f} dB (worst {others.min():.1f}), {len(rows) - len(others)} exact"
    ways = ", ".join(f"{count} by {method}" for method, count in rows.method.value_counts().items())
    return f"{container}, {secret}, {ways}, {seconds}"


def measured(cover: Path, secret: Path) -> list[dict[str, object]]:
    """Return the rows of a cover that is full of random bytes, and of those that hold a picture."""
    original = read_picture(secret)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels_of_cover = read_picture(cover)
        height, width = pixels_of_cover.shape[:2]
        most = bytes_capacity(height, width, "b.bin", channels=channels_of(pixels_of_cover))
        (folder / "b.bin").write_bytes(random.Random(cover.name).randbytes(most))
        rows = []
        for kind, options in WAYS.items():
            hidden = folder / "b.bin" if kind == "bytes" else secret
            began = cpu_seconds()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what gives a container away, and of copies
                made = stegnet.hide(cover, hidden, folder / "sent.png", key=KEY, overwrite=True, **options)
            assert made.hiding is not None
            row = {
                "hidden": kind,
                "picture": cover.name,
                "method": made.hiding.method,
                "cpu_seconds": cpu_seconds() - began,
                "container_psnr": psnr(pixels_of_cover, read_picture(folder / "sent.png")),
            }
            if kind == "bytes":
                row["bits_per_pixel"] = 8 * most / (height * width)
            else:
                shown = folder / "shown.png"
                stegnet.reveal(folder / "sent.png", shown, key=KEY, overwrite=True)
                row["secret_psnr"] = psnr(original, read_picture(shown))
            rows.append(row)
        return rows


def cpu_seconds() -> float:
    """Return the CPU seconds of this process, and of those that it has started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
