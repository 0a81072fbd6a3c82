"""Stage export: the pair as ONNX files, checked against its weights; serving them needs no PyTorch."""

import logging
from pathlib import Path

from pipeline.config import Config
from pipeline.stage import run_stage, write_json
from stegnet.core.errors import WeightsError
from stegnet.networks.onnx_export import export


def main(config: Config, weights: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    try:
        networks = export(weights, out)
    except WeightsError as error:  # the other stages go on, since not every backbone can be exported
        logging.warning("%s; without ONNX files, the model needs PyTorch", error)
        return
    # By network: largest difference of a sample, and share of samples that are equal as 8 bits.
    figures = {
        graph.network: {"difference": float(f"{graph.difference:.1e}"), "equal": round(graph.equal, 5)}
        for graph in networks
    }
    write_json(out / "agreement.json", figures)
    for graph in networks:
        print(f"{graph.network}: {graph.difference:.1e} apart at most, {100 * graph.equal:.3f} % equal as 8 bits")


if __name__ == "__main__":
    run_stage(main, "weights", "out")
