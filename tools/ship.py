"""Puts a trained pair into the package: python -m tools.ship WEIGHTS SHARDS --note "how it was trained".

Measures it from files on the test split in SHARDS first, writes the figures into its card, and leaves them and
a film's frames in reports/shipped/.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.stage import bar, film_bar
from stegnet.codec import Network
from stegnet.config import load
from stegnet.evaluation.quality import SEALED, Bench, headline, summarise
from stegnet.evaluation.video import demonstrate, summarise_film
from stegnet.models import SHIPPED, load_pair
from stegnet.training.train import write_weights

REPORTS = Path("reports/shipped")
FILMS = Path("assets/cover.mp4"), Path("assets/secret.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--note", required=True, help="data, command, hardware and time, for the card")
    options = parser.parse_args()
    pair, card = load_pair(options.weights)
    figures = measure(options.weights, options.shards)
    training = card.training | {"note": options.note}
    write_weights(SHIPPED, pair, dataclasses.replace(card, training=training, figures=card.figures | figures))
    print(json.dumps(figures, indent=2))


def measure(weights: Path, shards: Path) -> dict[str, float]:
    """The headline figures on pictures and on the demonstration film; details go to REPORTS."""
    config = load(Path("params.yaml"))
    network = Network.load(weights)
    summary = summarise(
        Bench(network, shards, config.evaluate.shift, config.seed).measure(lambda indices: bar(indices, "evaluate"))
    )
    REPORTS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, film_bar() as progress:
        frames = demonstrate(network, *FILMS, Path(folder), config.seed, progress)
        film = summarise_film(frames, Path(folder) / "container.mkv")
        (REPORTS / "frames.png").write_bytes((Path(folder) / "frames.png").read_bytes())
    figures = headline(summary) | _by_kind(summary) | film
    for name, values in (("details", summary), ("metrics", figures)):
        (REPORTS / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return figures


def _by_kind(summary: dict[str, Any]) -> dict[str, float]:
    """Mean PSNR on each kind of test pictures."""
    sides = ("container_psnr", "secret_psnr")
    return {f"{kind}_{side}": summary[kind][SEALED][side]["mean"] for kind in summary for side in sides}


if __name__ == "__main__":
    main()
