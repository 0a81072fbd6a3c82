"""Stage video: the demonstration film hidden in its cover, revealed again, and measured."""

import json
from pathlib import Path

from pipeline.results import open_tracker, video_result
from pipeline.stage import film_bar, run_stage
from stegnet.codec import Network
from stegnet.config import Config
from stegnet.evaluation.video import demonstrate, summarise_film
from stegnet.training.precision import make_deterministic


def main(config: Config, weights: Path, cover: Path, secret: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    out.mkdir(parents=True, exist_ok=True)
    tracker = open_tracker(config)
    with tracker.run("video", "video") as run:
        with film_bar() as progress:
            table = demonstrate(Network.load(weights), cover, secret, out, config.seed, progress)
        table.round(4).to_csv(out / "frames.csv", index_label="frame", lineterminator="\n")
        figures = summarise_film(table, out / "container.mkv")
        (out / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        result = video_result(weights, out)
        run.finish(result)
    tracker.adopt(result)
    sides = [f"{side} {figures[f'film_{side}_psnr']:.2f} dB" for side in ("container", "secret")]
    print(f"film, from file: {', '.join(sides)}")


if __name__ == "__main__":
    run_stage(main, "weights", "cover", "secret", "out")
