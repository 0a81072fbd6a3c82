"""The method jpeg through channels that the sender can run: messages that are lost, and detectors of what is sent.

`PYTHONPATH=. python -m study.oracle PHOTOGRAPHS OUT`, of photographs of 320×320 and more: reduced to 256×256, saved as
JPEG, sent with 32 random bytes through a command that saves them again, and read from what arrives. A cover whose steps
are coarser than the channel's is first sent through it, as the error says. The classifiers of what is sent against its
cover are those of the stage jpeg_steganalysis, and SPAM of what viewers show.
"""

import shlex
import sys
from collections.abc import Iterator
from itertools import cycle, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import stegnet
from pipeline.stage import bar, run_stage, write_table
from stegnet.config.config import Config
from stegnet.core.errors import CapacityError, StegnetError
from stegnet.core.jpeg import encode_jpeg
from stegnet.evaluation.demonstration import seeded
from stegnet.keys import KEY_BYTES, Key
from stegnet.media.jpeg import read_jpeg
from stegnet.methods.jpeg import Command, ThroughChannel, jpeg_cover
from study.ensemble import Features, by_folds
from study.features import spam
from study.jpeg_features import dctr, luma_of
from study.jpeg_hiders import LEAST_BITS
from study.jpeg_steganalysis import covers
from study.pairs import evenly
from study.scores import summarise

MESSAGES, PICTURES, RATE, DIMENSIONS, BYTES = 300, 240, 0.05, 400, 32
QUALITIES, CHANNELS = (75, 85, 92), (72, 75, 85, 92)
_PILLOW = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2], {})"
# Quality of the cover and of the channel; True: the cover is what arrived of the one of that quality.
_DETECTED = ((75, 75, False), (85, 75, False), (92, 75, False), (95, 75, False), (92, 85, False), (92, 85, True))


def main(config: Config, photographs: Path, out: Path) -> None:
    pictures = covers(photographs)
    write_table(out / "oracle_lost.csv", lost(evenly(pictures, MESSAGES)))
    chosen = evenly(pictures, PICTURES)
    rows = [row for case in _DETECTED for row in detected(chosen, *case, config.seed)]
    write_table(out / "oracle_detected.csv", pd.DataFrame(rows))


def commands() -> dict[str, str]:
    """The channels by name."""
    found = {f"convert {quality}": f"convert {{in}} -quality {quality} {{out}}" for quality in CHANNELS}
    for quality, sampling in product(CHANNELS, ("4:2:0", "4:4:4")):
        code = shlex.quote(_PILLOW.format(f"'JPEG', quality={quality}, subsampling='{sampling}'"))
        found[f"Pillow {quality} {sampling}"] = f"{sys.executable} -c {code} {{in}} {{out}}"
    return found


def lost(pictures: list[np.ndarray]) -> pd.DataFrame:
    """Rows of messages that were sent, refused, and lost, by the channel and the cover's quality."""
    counts: dict[tuple[str, int], list[int]] = {}
    cases = cycle(product(commands().items(), QUALITIES))
    for picture, ((name, command), quality) in zip(bar(pictures), cases, strict=False):
        sent, refused, missing = counts.setdefault((name, quality), [0, 0, 0])
        try:
            arrived = _arrives(picture, quality, command)
            counts[name, quality] = [sent + 1, refused, missing + (not arrived)]
        except StegnetError as error:
            print(f"{name}, {quality}: {error}", file=sys.stderr)
            counts[name, quality] = [sent + 1, refused + 1, missing]
    return pd.DataFrame(
        [[*case, *figures] for case, figures in counts.items()],
        columns=["channel", "quality", "sent", "refused", "lost"],
    )


def detected(
    pictures: list[np.ndarray], quality: int, through: int, first: bool, seed: int
) -> Iterator[dict[str, Any]]:
    """Rows of detectors of what is sent through a channel that saves with a quality, against its cover.

    Args:
        first: the cover is what arrived of the JPEG of this quality.
    """
    command = Command(commands()[f"Pillow {through} 4:2:0"])
    pairs, rates = [], []
    with TemporaryDirectory() as folder:
        path, other = Path(folder) / "cover.jpg", Path(folder) / "container.jpg"
        for number, picture in enumerate(bar(pictures)):
            path.write_bytes(encode_jpeg(picture, quality))
            if first:
                command.run(path, other)
                path.write_bytes(other.read_bytes())
            random, sending = seeded(number), ThroughChannel(jpeg_cover(path, quality), command)
            nonzero = np.count_nonzero(sending.carrier.picture.planes[0][..., 1:])
            record = random(max(round((RATE * nonzero - LEAST_BITS) / 8), 0))
            try:
                planes = sending.planes(record, Key(random(KEY_BYTES)).new_keys(random), random)
            except CapacityError as error:
                print(f"{number}: {error}", file=sys.stderr)
                continue
            other.write_bytes(sending.cover.picture.with_planes(planes))
            pairs.append([_features(each, through if first else quality) for each in (path, other)])
            rates.append((8 * len(record) + LEAST_BITS) / nonzero)
    for name, place in (("DCTR", 0), ("SPAM", 1)):
        features = Features(*(np.array([pair[side][place] for pair in pairs]) for side in range(2)))
        found = {"quality": quality, "channel": through, "sent before": first, "rate": np.mean(rates)}
        found |= {"features": name, "pairs": len(pairs)}
        yield found | summarise([by_folds(features, seed, DIMENSIONS)], seed)


def _arrives(picture: np.ndarray, quality: int, command: str) -> bool:
    """Returns whether 32 bytes arrive through a command."""
    channel, random = Command(command), np.random.default_rng()
    key, secret = stegnet.Key(random.bytes(KEY_BYTES)), random.bytes(BYTES)
    with TemporaryDirectory() as folder:
        names = ("cover.jpg", "arrived.jpg", "sent.jpg", "received.jpg")
        cover, arrived, sent, received = (Path(folder) / name for name in names)
        cover.write_bytes(encode_jpeg(picture, quality))
        channel.run(cover, arrived)
        if np.median(read_jpeg(arrived).steps(0) / read_jpeg(cover).steps(0)) < 1:
            cover = arrived
        stegnet.hide(cover, secret, sent, key=key, channel=command)
        channel.run(sent, received)
        try:
            found = stegnet.reveal(received, key=key)
        except StegnetError:
            return False
        return found.data == secret and not found.trouble


def _features(path: Path, quality: int) -> tuple[np.ndarray, np.ndarray]:
    with Image.open(path) as image:
        shown = np.asarray(image.convert("RGB"))
    return dctr(luma_of(read_jpeg(path), quality)), spam(shown)


if __name__ == "__main__":
    run_stage(main, "photographs", "out")
