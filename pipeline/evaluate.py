"""Stage evaluate: the pair's quality on test pictures, measured from files."""

import json
from pathlib import Path

from pipeline.results import evaluate_result, open_tracker
from pipeline.stage import bar, run_stage
from stegnet.codec import Network
from stegnet.config import Config
from stegnet.evaluation.quality import SEALED, Bench, headline, summarise
from stegnet.evaluation.sheet import sheet
from stegnet.media import write_png
from stegnet.training.precision import make_deterministic


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    tracker = open_tracker(config)
    with tracker.run("evaluate", "evaluate") as run:
        bench = Bench(Network.load(weights), shards, config.evaluate.shift, config.seed)
        _write_figures(bench, config.beta, out)
        _write_pictures(bench, config.evaluate.pictures, out / "pictures")
        result = evaluate_result(weights, out)
        run.finish(result)
    tracker.adopt(result)
    sides = [f"{side} {result.headline[f'{side}_psnr']:.2f} dB" for side in ("container", "secret")]
    print(f"on test pictures, from PNG files: {', '.join(sides)}")


def _write_figures(bench: Bench, beta: float, out: Path) -> None:
    table = bench.measure(lambda indices: bar(indices, "evaluate"))
    summary = summarise(table)
    out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(out / "pairs.csv", index_label="pair", lineterminator="\n")
    for name, values in (("details", summary), ("metrics", {"trained_beta": beta} | headline(summary))):
        (out / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _write_pictures(bench: Bench, most: int, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for kind in bench.kinds:
        shown = range(min(most, bench.count(kind)))
        write_png(out / f"{kind.replace(':', '-')}.png", sheet([bench.travel(kind, index, SEALED) for index in shown]))


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
