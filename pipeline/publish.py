"""Stage publish: prepare, train, evaluate and video have a run in MLflow each, and the headline is printed.

What `export` makes goes to the training's model; the page that `report` makes stays in reports/. Studies, which
take long and are run when they are wanted, are logged by a call that names their folder.

A stage that DVC restores from its run cache is not executed and logs nothing, and one whose server went away could
not log all. This one has no outputs and is therefore never restored.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.results import (
    evaluate_result,
    film_sets,
    name_of,
    open_tracker,
    picture_sets,
    prepare_result,
    study_result,
    train_result,
    training_sets,
    video_result,
)
from pipeline.stage import run_stage
from stegnet.core.config import Config
from stegnet.core.measures import APD, BARE, PSNR, SIDES, SSIM
from stegnet.data.shards import TEST


def main(config: Config, shards: Path, weights: Path, onnx: Path, reports: Path, studies: Path | None) -> None:
    tracker = open_tracker(config)
    stills = evaluate_result(weights, reports / "evaluate", picture_sets(shards, TEST))
    film = video_result(weights, reports / "video", film_sets(Path(config.video.cover), Path(config.video.secret)))
    curve = reports / "train" / "curve.csv"
    tracker.restore(prepare_result(shards, reports / "prepare.json"), "prepare")
    tracker.restore(train_result(weights, curve, datasets=training_sets(shards)), name_of(config))
    tracker.add_to_model(stills.weights, sorted(onnx.glob("*.onnx")))
    tracker.restore(stills, "evaluate")
    tracker.restore(film, "video")
    for figures in sorted(studies.glob("*/metrics.json")) if studies else ():
        tracker.restore(study_result(figures.parent.name, weights, figures.parent), figures.parent.name)
    print(_headline(config, stills.headline, film.headline, reports))


def _headline(config: Config, stills: Mapping[str, float], film: Mapping[str, float], reports: Path) -> str:
    rows = [
        f"{config.model.name}, beta {config.beta:g}; means, from files",
        f"{'':22}{'container':>14}{'secret':>14}",
        *(_row(f"pictures, {m.heading}", *(stills[m.of(side)] for side in SIDES)) for m in (PSNR, SSIM, APD)),
        _row(f"  no sealed bits, {PSNR.heading}", *(stills[PSNR.of(side, BARE)] for side in SIDES)),
        _row(f"film, {PSNR.heading}", *(film[f"film_{PSNR.of(side)}"] for side in SIDES)),
        f"see {reports / 'index.html'}, `dvc exp show` and `make ui`",
    ]
    return "\n".join(rows)


def _row(name: str, container: float, secret: float) -> str:
    return f"{name:22}{container:14.3f}{secret:14.3f}"


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "onnx", "reports", "studies?")
