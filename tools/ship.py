"""Ships a trained network with the package: python -m tools.ship WEIGHTS CURVE SHARDS --note "how it was trained".

Measures a pair on the test split in SHARDS first, from files, and writes the figures to the card beside it, not to the
one in the weights file, whose bytes name the network in each container. `make report` then builds its report.
"""

import argparse
import dataclasses
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.config import load
from pipeline.evaluate.quality import Evaluator
from pipeline.evaluate.statistics import headline, summarise
from pipeline.export import export
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import film_bar
from pipeline.train.run import write_weights
from pipeline.video import demonstrate, summarise_film
from stegnet.core.measures import SEALED
from stegnet.networks import Network
from stegnet.networks.card import SHIPPED
from stegnet.networks.pair import load_pair

CURVE = Path("reports/shipped/curve.csv")
FILMS = Path("assets/cover.mp4"), Path("assets/secret.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("curve", type=Path, help="its training curve")
    parser.add_argument("shards", type=Path)
    parser.add_argument("--note", required=True, help="data, command, hardware and duration, for the card")
    options = parser.parse_args()
    pair, card = load_pair(options.weights)
    training = card.training | {"note": options.note}
    figures = measure(options.weights, options.shards)
    card = dataclasses.replace(card, training=training)
    write_weights(SHIPPED, pair, card)
    beside = dataclasses.asdict(card) | {"figures": card.figures | figures}
    SHIPPED.with_suffix(".json").write_text(json.dumps(beside, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    export(SHIPPED, SHIPPED.parent)
    CURVE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(options.curve, CURVE)
    print(json.dumps(figures, indent=2))


def measure(weights: Path, shards: Path) -> dict[str, float]:
    """The headline figures on pictures and on the demonstration film."""
    config = load(Path("params.yaml"), EvaluateParameters)
    network = Network.load(weights, backend="torch")
    evaluator = Evaluator(network, shards, config.evaluate.shift, config.seed)
    table, _ = evaluator.evaluate()
    summary = summarise(table)
    with TemporaryDirectory() as folder, film_bar() as progress:
        frames = demonstrate(network, *FILMS, Path(folder), config.seed, progress)
        return headline(summary) | _by_kind(summary) | summarise_film(frames, Path(folder) / "container.mkv")


def _by_kind(summary: dict[str, Any]) -> dict[str, float]:
    """Mean PSNR on each kind of test pictures."""
    sides = ("container_psnr", "secret_psnr")
    return {f"{kind}_{side}": summary[kind][SEALED][side]["mean"] for kind in summary for side in sides}


if __name__ == "__main__":
    main()
