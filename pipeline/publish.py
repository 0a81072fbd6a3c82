"""Stage publish: each stage that measures, and each study, has a run in MLflow.

A stage that DVC restores from its run cache is not executed and logs nothing, and a server may have been down. This
stage logs the missing runs; it has no outputs and is therefore never restored. ONNX files go to the training's model.
"""

from pathlib import Path

from pipeline.parameters.whole import Config
from pipeline.stage import run_stage
from pipeline.tracking import open_store, results


def main(config: Config, shards: Path, weights: Path, onnx: Path, reports: Path, studies: Path | None) -> None:
    """Log the results that MLflow lacks, and link them to the training."""
    tracker = open_store()
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
    print(f"see {reports / 'index.html'}, `dvc exp show` and `make ui`")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "onnx", "reports", "studies?", reads=Config)
