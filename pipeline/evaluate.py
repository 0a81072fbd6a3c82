"""Stage evaluate: quality of the pair on test pictures, measured from files."""

from pathlib import Path

from pipeline.results import evaluate_result, open_tracker, picture_sets
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.compute import make_deterministic
from stegnet.core.config import Config
from stegnet.core.measures import PSNR, SIDES
from stegnet.data.shards import TEST
from stegnet.evaluation.contact_sheet import contact_sheet
from stegnet.evaluation.quality import Evaluator
from stegnet.evaluation.statistics import headline, summarise
from stegnet.media import write_png
from stegnet.models import read_card


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    with open_tracker(config).run("evaluate", "evaluate") as run:
        evaluator = Evaluator(Network.load(weights, backend="torch"), shards, config.evaluate.shift, config.seed)
        _write_figures(evaluator, weights, out)
        _write_contact_sheets(evaluator, config.evaluate.pictures, out / "pictures")
        result = evaluate_result(weights, out, picture_sets(shards, TEST))
        run.finish(result)
    print(f"on test pictures, from PNG files: {', '.join(f'{s} {result.headline[PSNR.of(s)]:.2f} dB' for s in SIDES)}")


def _write_figures(evaluator: Evaluator, weights: Path, out: Path) -> None:
    beta = read_card(weights).training["beta"]
    table = evaluator.evaluate(lambda indices: bar(indices, "evaluate"))
    summary = summarise(table)
    write_table(out / "pairs.csv", table, index="pair")
    write_json(out / "details.json", summary)
    write_json(out / "metrics.json", {"trained_beta": beta} | headline(summary))


def _write_contact_sheets(evaluator: Evaluator, most: int, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for kind in evaluator.kinds:
        results = evaluator.results(kind, range(min(most, evaluator.count(kind))))
        write_png(out / f"{kind.replace(':', '-')}.png", contact_sheet(results))


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
