"""Stage publish: prepare, train, evaluate, video and the studies have a run in MLflow each; prints the headline.

A stage that DVC restores from its run cache is not executed and logs nothing, and a server may have been down. This
stage logs what is missing; it has no outputs and is therefore never restored. ONNX files go to the training's model.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline import results
from pipeline.stage import run_stage
from stegnet.core.config import Config
from stegnet.data.shards import TEST


def main(config: Config, shards: Path, weights: Path, onnx: Path, reports: Path, studies: Path | None) -> None:
    tracker, curve = results.open_tracker(config), reports / "train" / "curve.csv"
    films = results.film_sets(Path(config.video.cover), Path(config.video.secret))
    train = results.train_result(weights, curve, datasets=results.training_sets(shards))
    stills = results.evaluate_result(weights, reports / "evaluate", results.picture_sets(shards, TEST))
    film = results.video_result(weights, reports / "video", films)
    tracker.log_result(results.prepare_result(shards, reports / "prepare.json"), "prepare")
    tracker.log_result(train, results.training_name(config))
    tracker.add_to_model(train.weights, sorted(onnx.glob("*.onnx")))
    tracker.log_result(stills, "evaluate")
    tracker.log_result(film, "video")
    for figures in sorted(studies.glob("*/metrics.json")) if studies else ():
        study = figures.parent
        tracker.log_result(results.study_result(study.name, weights, study), study.name)
    print(_headline(config, stills.headline, film.headline, reports))


def _headline(config: Config, stills: Mapping[str, float], film: Mapping[str, float], reports: Path) -> str:
    pictures = [(f"pictures, {name.upper()}", name) for name in ("psnr", "ssim", "apd")]
    rows = [
        f"{config.model.name}, beta {config.beta:g}; means, from files",
        f"{'':22}{'container':>14}{'secret':>14}",
        *(_row(heading, stills[f"container_{name}"], stills[f"secret_{name}"]) for heading, name in pictures),
        _row("  no sealed bits, PSNR", stills["container_psnr_bare"], stills["secret_psnr_bare"]),
        _row("film, PSNR", film["film_container_psnr"], film["film_secret_psnr"]),
        f"see {reports / 'index.html'}, `dvc exp show` and `make ui`",
    ]
    return "\n".join(rows)


def _row(name: str, container: float, secret: float) -> str:
    return f"{name:22}{container:14.3f}{secret:14.3f}"


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "onnx", "reports", "studies?")
