"""Stage publish: every stage has its run in MLflow, the restored ones too, and the headline is printed.

A stage that DVC restores from its run cache is not executed and logs nothing. This one has no outputs and is
therefore never restored.
"""

import json
from pathlib import Path

from pipeline.results import (
    evaluate_result,
    name_of,
    open_tracker,
    prepare_result,
    train_result,
    video_result,
)
from pipeline.stage import run_stage
from stegnet.config import Config


def main(config: Config, shards: Path, weights: Path, reports: Path) -> None:
    tracker = open_tracker(config)
    results = [
        prepare_result(shards, reports / "prepare.json"),
        train_result(weights, reports / "train" / "curve.csv"),
        evaluate_result(weights, reports / "evaluate"),
        video_result(weights, reports / "video"),
    ]
    for result in results:
        name = name_of(config) if result.stage == "train" else result.stage
        tracker.restore(result, name)
    print(_headline(config, reports))


def _headline(config: Config, reports: Path) -> str:
    stills = json.loads((reports / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    film = json.loads((reports / "video" / "metrics.json").read_text(encoding="utf-8"))
    rows = [
        f"{config.model.name}, beta {config.beta:g}; means, from files",
        f"{'':22}{'container':>14}{'secret':>14}",
        *(
            _row(f"pictures, {m.upper()}", stills[f"container_{m}"], stills[f"secret_{m}"])
            for m in ("psnr", "ssim", "apd")
        ),
        _row("  scrambled, PSNR", stills["container_psnr_scrambled"], stills["secret_psnr_scrambled"]),
        _row("film, scrambled, PSNR", film["film_container_psnr"], film["film_secret_psnr"]),
        f"see {reports / 'evaluate' / 'pictures'}, {reports / 'video'}, `dvc exp show` and `make ui`",
    ]
    return "\n".join(rows)


def _row(name: str, container: float, secret: float) -> str:
    return f"{name:22}{container:14.3f}{secret:14.3f}"


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "reports")
