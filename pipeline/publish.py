"""Stage publish: each stage that measures, and each study, has a run in MLflow; prints the headline.

A stage that DVC restores from its run cache is not executed and logs nothing, and a server may have been down. This
stage logs the missing runs; it has no outputs and is therefore never restored. ONNX files go to the training's model.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.config import Config
from pipeline.stage import run_stage
from pipeline.tracking import open_store, results
from stegnet.core.measures import BASE_PSNR, GAIN_PSNR, PSNR, SECRET, SIDES, SSIM, UNTRAINED_SECRET_PSNR


def main(config: Config, shards: Path, weights: Path, onnx: Path, reports: Path, studies: Path | None) -> None:
    """Log the results that MLflow lacks, link them to the training, and print the headline figures as a table."""
    tracker = open_store(config)
    stills = results.evaluate_result(weights, reports / "evaluate", reports / "speed.json", shards)
    film = results.video_result(weights, reports / "video", Path(config.video.cover), Path(config.video.secret))
    detection = results.detect_result(weights, reports / "detect", shards)
    tracker.log_result(results.prepare_result(shards, reports / "prepare.json"))
    tracker.log_result(results.train_result(weights, reports / "train" / "curve.csv", shards))
    tracker.log_result(stills)
    tracker.log_result(film)
    if detection.headline:  # it can be off
        tracker.log_result(detection)
    for figures in sorted(studies.glob("*/metrics.json")) if studies else ():
        study = figures.parent
        tracker.log_result(results.study_result(study.name, weights, study))
    tracker.add_to_training(results.experiment_result(weights, onnx, reports, studies))
    still = stills.headline
    moving = film.headline
    shares = detection.headline
    print(
        f"{config.model.name}, beta {config.beta:g}; means, from files",
        f"{'':26}{'container':>14}{'secret':>14}",
        *(_row(f"pictures, {m.heading}", *(still[m.of(side)] for side in SIDES)) for m in (PSNR, SSIM)),
        *(_row(f"  {name}", None, still[column]) for column, name in _MORE.items()),
        _row(f"film, {PSNR.heading}", *(moving[f"film_{PSNR.of(side)}"] for side in SIDES)),
        _row(f"  its base alone, {PSNR.heading}", None, moving[f"film_{BASE_PSNR}"]),
        *(_share(name, shares) for name in ("network", "sealed", "control", "smooth_control") if shares),
        f"see {reports / 'index.html'}, `dvc exp show` and `make ui`",
        sep="\n",
    )


# Further figures of the secret, by column.
_MORE = {
    BASE_PSNR: f"its base alone, {PSNR.heading}",
    PSNR.of(SECRET, "worst"): f"worst, {PSNR.heading}",
    UNTRAINED_SECRET_PSNR: "before training",
    GAIN_PSNR: "gain of training, dB",
}


def _row(name: str, container: float | None, secret: float) -> str:
    return f"{name:26}{'–' if container is None else f'{container:.3f}':>14}{secret:14.3f}"


def _share(name: str, detection: Mapping[str, float]) -> str:
    right, low, high = (detection[f"detect_{name}_{key}"] for key in ("accuracy", "low", "high"))
    heading = f"detector, {name.replace('_', ' ')}"
    return f"{heading:26}{right:>14.0%}{f'{low:.0%}–{high:.0%}':>14}"


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "onnx", "reports", "studies?")
