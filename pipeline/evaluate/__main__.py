"""Stage evaluate: quality of the pair on test pictures, measured from files."""

from pathlib import Path

from pipeline.evaluate.gain import measure_gain
from pipeline.evaluate.quality import Evaluator, contact_sheet, measure_speed, setup_of
from pipeline.evaluate.statistics import headline, summarise
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import run_stage, write_json, write_table
from pipeline.tracking import track
from pipeline.tracking.results import evaluate_result
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import (
    BASE_PSNR,
    CONTAINER_PSNR,
    GAIN_HIGH,
    GAIN_LOW,
    GAIN_PSNR,
    HIDE_MS,
    REVEAL_MS,
    SECRET_PSNR,
)
from stegnet.image.pictures import write_png
from stegnet.networks import Network


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path, speed: Path) -> None:
    """Measure the pair on test pictures: figures and pictures go to `out`, the networks' speed to `speed`."""
    make_deterministic(config.seed, config.train.threads)
    network = Network.load(weights, backend="torch")
    setup = setup_of(network)
    with track("evaluate", setup) as run:
        write_json(speed, {**measure_speed(network.engine), **setup})
        evaluator = Evaluator(network, shards, config.evaluate.shift, config.seed)
        table, shown = evaluator.evaluate(config.evaluate.pictures)
        summary = summarise(table)
        write_table(out / "pairs.csv", table, index="pair")
        write_json(out / "details.json", summary)
        figures = headline(summary)
        figures |= measure_gain(figures, weights, shards, config.evaluate.shift, config.seed)
        write_json(out / "metrics.json", figures)
        (out / "pictures").mkdir(exist_ok=True)
        for kind, results in shown.items():
            write_png(out / "pictures" / f"{kind.replace(':', '-')}.png", contact_sheet(results))
        result = evaluate_result(weights, out, speed, shards)
        run.finish(result)
    container, secret, base = (result.headline[name] for name in (CONTAINER_PSNR, SECRET_PSNR, BASE_PSNR))
    hide, reveal = (result.headline[name] for name in (HIDE_MS, REVEAL_MS))
    print(f"on test pictures: container {container:.2f} dB, secret {secret:.2f} dB ({base:.2f} from its base alone)")
    gain, low, high = (figures[name] for name in (GAIN_PSNR, GAIN_LOW, GAIN_HIGH))
    print(f"training: {gain:+.2f} dB of the secret at equal containers ({low:+.2f} to {high:+.2f})")
    print(f"networks: {hide:.0f} ms for a megapixel to hide, {reveal:.0f} to reveal")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", "speed", reads=EvaluateParameters)
