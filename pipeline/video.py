"""Stage video: the demonstration film hidden in its cover, revealed and measured."""

from pathlib import Path

from pipeline.results import film_sets, open_tracker, video_result
from pipeline.stage import film_bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.evaluation.video import demonstrate, film_headline, measure_flicker, summarise_film
from stegnet.methods.network import Network


def main(config: Config, weights: Path, cover: Path, secret: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    out.mkdir(parents=True, exist_ok=True)
    with open_tracker(config).run("video", "video") as run:
        with film_bar() as progress:
            frames = demonstrate(Network.load(weights, backend="torch"), cover, secret, out, config.seed, progress)
        steps = measure_flicker(cover, out / "container.mkv", secret, out / "revealed.mkv")
        write_table(out / "frames.csv", frames, index="frame")
        write_table(out / "flicker.csv", steps, index="step")
        figures = summarise_film(frames, out / "container.mkv", steps)
        write_json(out / "details.json", figures)
        write_json(out / "metrics.json", film_headline(figures))
        run.finish(video_result(weights, out, film_sets(cover, secret)))
    container, secret, base = film_headline(figures).values()
    print(f"film: container {container:.2f} dB, secret {secret:.2f} dB ({base:.2f} from its base alone)")


if __name__ == "__main__":
    run_stage(main, "weights", "cover", "secret", "out")
