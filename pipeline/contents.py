"""Stage contents: what a pair makes of dark, flat, noisy, drawn and written pictures, from files."""

from functools import partial
from pathlib import Path

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.config import Config
from stegnet.core.measures import PSNR, SIDES
from stegnet.core.reproducible import make_deterministic
from stegnet.evaluation.contact_sheet import contact_sheet
from stegnet.evaluation.statistics import REAL, RENDERED
from stegnet.media import write_png
from study.trials import Proving, summarise_trials, table_of, to_show


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    proving = partial(Proving, Network.load(weights, backend="torch"), shards, config.evaluate.shift, config.seed)
    trials = proving((REAL, RENDERED)).run(lambda names: bar(names, "contents"))
    shown = proving((RENDERED, REAL)).tried(to_show(trials), lambda names: bar(names, "pictures"))
    write_table(out / "contents.csv", table_of(trials))
    write_png(out / "worst.png", contact_sheet([trial.trip for trial in shown if trial.trip], named=True))
    figures = summarise_trials(trials)
    write_json(out / "metrics.json", figures)
    sides = [f"{side} {figures['contents_' + PSNR.of(side, 'worst')]:.2f} dB" for side in SIDES]
    print(f"worst of {len(trials)} odd contents, {figures['contents_refused']} refused: {', '.join(sides)}")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
