"""Stage evaluate: quality of the pair on test pictures, measured from files."""

from pathlib import Path

from pipeline.config import Config
from pipeline.evaluate.prediction_quality import PredictionEvaluator, load_network, measure_prediction_speed
from pipeline.evaluate.quality import Evaluator, PictureEvaluator, contact_sheet, measure_speed, setup_of
from pipeline.evaluate.statistics import headline, summarise
from pipeline.stage import bar, run_stage, write_json, write_table
from pipeline.tracking import track
from pipeline.tracking.results import evaluate_result
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import BASE_PSNR, HIDE_MS, REVEAL_MS
from stegnet.image.pictures import write_png
from stegnet.networks.predicting import PredictingNetwork


def main(config: Config, shards: Path, weights: Path, out: Path, speed: Path) -> None:
    """Measure the pair on test pictures: figures and pictures go to `out`, the networks' speed to `speed`."""
    make_deterministic(config.seed, config.train.threads)
    network = load_network(weights)
    setup = setup_of(network)
    with track(config, "evaluate", setup) as run:
        evaluator: PictureEvaluator
        if isinstance(network, PredictingNetwork):
            write_json(speed, {**measure_prediction_speed(network), **setup})
            evaluator = PredictionEvaluator(network, shards, config.evaluate.shift, config.seed)
        else:
            write_json(speed, {**measure_speed(network.engine), **setup})
            evaluator = Evaluator(network, shards, config.evaluate.shift, config.seed)
        table, shown = evaluator.evaluate(lambda indices: bar(indices, "evaluate"), config.evaluate.pictures)
        summary = summarise(table)
        write_table(out / "pairs.csv", table, index="pair")
        write_json(out / "details.json", summary)
        write_json(out / "metrics.json", headline(summary))
        (out / "pictures").mkdir(exist_ok=True)
        for kind, results in shown.items():
            write_png(out / "pictures" / f"{kind.replace(':', '-')}.png", contact_sheet(results))
        result = evaluate_result(weights, out, speed, shards)
        run.finish(result)
    figures = result.headline
    more = "{base_psnr:.2f} from its base alone" if BASE_PSNR in figures else "{secret_bpp:.2f} bits per pixel"
    line = f"on test pictures: container {{container_psnr:.2f}} dB, secret {{secret_psnr:.2f}} dB ({more})"
    print(line.format(**figures))
    print(f"networks: {figures[HIDE_MS]:.0f} ms for a megapixel to hide, {figures[REVEAL_MS]:.0f} to reveal")


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", "speed")
