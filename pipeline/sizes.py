"""Stage sizes: the pair's quality on pictures of 64² to 1024², from files."""

from pathlib import Path

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.config import Config
from stegnet.core.reproducible import make_deterministic
from study.sizes import draw_sizes, measure_sizes, pictures_of_all_sizes, summarise_sizes


def main(config: Config, catalogue: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pictures = pictures_of_all_sizes(catalogue, config.seed)
    network = Network.load(weights, backend="torch")
    table = measure_sizes(network, pictures, config.evaluate.shift, config.seed, lambda jobs: bar(jobs, "sizes"))
    write_table(out / "sizes.csv", table)
    draw_sizes(table, out / "sizes.png")
    figures = summarise_sizes(table)
    write_json(out / "metrics.json", figures)
    print(f"on scenes, from PNG files: {', '.join(f'{name} {value:.2f} dB' for name, value in figures.items())}")


if __name__ == "__main__":
    run_stage(main, "catalogue", "weights", "out")
