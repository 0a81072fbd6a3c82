"""Stage evaluate: the pair's quality on test pictures, measured from files."""

import json
from pathlib import Path

from pipeline.results import evaluate_result, open_tracker, params
from pipeline.stage import bar, run_stage
from stegnet.codec import Network
from stegnet.config import Config
from stegnet.evaluation.quality import PLAIN, REAL, Bench, headline, summarise
from stegnet.evaluation.sheet import sheet
from stegnet.media import write_png
from stegnet.training.precision import make_deterministic


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    bench = Bench(Network.load(weights), shards, config.evaluate.shift, config.seed)
    table = bench.measure(lambda indices: bar(indices, "evaluate"))
    summary = summarise(table)
    figures = {"beta": config.beta} | headline(summary)
    pictures = out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(out / "pairs.csv", index_label="pair", lineterminator="\n")
    (out / "details.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    (out / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for kind in bench.kinds:
        shown = range(min(config.evaluate.pictures, bench.count(kind)))
        trips = [bench.travel(kind, index, PLAIN) for index in shown]
        write_png(pictures / f"{kind}.png", sheet(trips))
    open_tracker().record(evaluate_result(weights, out), "evaluate", params(config))
    print(_spoken(figures, REAL if REAL in summary else "rendered scenes"))


def _spoken(figures: dict[str, float], kind: str) -> str:
    sides = [
        f"{side} {figures[f'{side}_psnr']:.2f} dB, SSIM {figures[f'{side}_ssim']:.4f}"
        for side in ("container", "secret")
    ]
    return f"on test {kind}, from PNG files: {'; '.join(sides)}"


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
