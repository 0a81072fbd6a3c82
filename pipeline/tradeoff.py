"""Stage tradeoff: container against secret for networks, swapped bits, and compressed secrets carried as bits."""

from pathlib import Path

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.config import Config
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.reproducible import make_deterministic
from stegnet.evaluation.quality import PicturePairs
from study.tradeoff.curve import draw
from study.tradeoff.measure import headline, measure, read_rivals, summarise


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs = PicturePairs(shards, config.evaluate.shift)
    table = measure(weights, read_rivals(rivals), pairs, config.seed, lambda indices: bar(indices, "tradeoff"))
    means = summarise(table)
    write_table(out / "pairs.csv", table)
    write_table(out / "means.csv", means)
    draw(means, out / "tradeoff.png")
    figures = headline(means)
    write_json(out / "metrics.json", figures)
    print(f"container {figures[f'stegnet_{CONTAINER_PSNR}']:.2f} dB, secret {figures[f'stegnet_{SECRET_PSNR}']:.2f} dB")
    if (bits := f"bits_{CONTAINER_PSNR}_same_secret") in figures:
        print(f"as bits, the same secret costs less: {figures[bits]:.2f} dB")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "out")
