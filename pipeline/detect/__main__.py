"""Stage detect: how often a small detector tells containers from covers, on pictures that it was not trained on."""

from pathlib import Path

from pipeline.parameters.detect import DetectParameters
from pipeline.stage import run_stage, write_json


def main(config: DetectParameters, shards: Path, weights: Path, out: Path) -> None:
    """Measure how well detectors tell containers from covers; with detect.pairs 0, write empty results to `out`."""
    if config.detect.pairs:
        from pipeline.detect.detection import measure_detection  # imports PyTorch, which takes seconds

        measure_detection(config, shards, weights, out)
        return
    write_json(out / "metrics.json", {})
    (out / "detect.csv").write_bytes(b"")
    print("detect: off, since detect.pairs is 0")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=DetectParameters)
