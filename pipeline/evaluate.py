"""Stage evaluate: the pair's quality on test pictures, measured from files."""

from pathlib import Path

from pipeline.results import evaluate_result, open_tracker, picture_sets
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.config import Config
from stegnet.core.reproducible import make_deterministic
from stegnet.data.shards import TEST
from stegnet.evaluation.contact_sheet import sheet
from stegnet.evaluation.quality import Bench, headline, summarise
from stegnet.media import write_png
from stegnet.models import read_card


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    with open_tracker(config).run("evaluate", "evaluate") as run:
        bench = Bench(Network.load(weights, backend="torch"), shards, config.evaluate.shift, config.seed)
        _write_figures(bench, weights, out)
        _write_pictures(bench, config.evaluate.pictures, out / "pictures")
        result = evaluate_result(weights, out, picture_sets(shards, TEST))
        run.finish(result)
    sides = [f"{side} {result.headline[f'{side}_psnr']:.2f} dB" for side in ("container", "secret")]
    print(f"on test pictures, from PNG files: {', '.join(sides)}")


def _write_figures(bench: Bench, weights: Path, out: Path) -> None:
    beta = read_card(weights).training["beta"]
    table = bench.measure(lambda indices: bar(indices, "evaluate"))
    summary = summarise(table)
    write_table(out / "pairs.csv", table, index="pair")
    write_json(out / "details.json", summary)
    write_json(out / "metrics.json", {"trained_beta": beta} | headline(summary))


def _write_pictures(bench: Bench, most: int, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for kind in bench.kinds:
        trips = bench.trips(kind, range(min(most, bench.count(kind))))
        write_png(out / f"{kind.replace(':', '-')}.png", sheet(trips))


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
