"""Gives a film modem one more rung: python -m tools.add_rung WEIGHTS OUT NAME BITS RUN SCALE PSNR LOWEST HIGHEST

The networks say nothing on it, so it is quantisation index modulation alone (`stegnet.models.modem`) until it is
trained; what they give for all others stays the same. `stegnet export` then makes the ONNX files.
"""

import argparse
import dataclasses
from pathlib import Path

import torch
from torch import Tensor

from stegnet.models import load_pair
from stegnet.models.modem import COEFFICIENTS, Modem
from stegnet.training.artifacts import write_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("name")
    kinds = {"bits": int, "run": int, "scale": float, "psnr": float, "lowest": int, "highest": int}
    for name, kind in kinds.items():
        parser.add_argument(name, type=kind, help="as in params.yaml")
    options = vars(parser.parse_args())
    weights, out = options.pop("weights"), options.pop("out")
    pair, card = load_pair(weights)
    assert isinstance(pair, Modem)
    larger = with_rung(pair, options)
    training = card.training | {"untrained_rung": options["name"]}
    options = card.options | {"rungs": larger.rungs}
    write_weights(out, larger, dataclasses.replace(card, options=options, training=training))


def with_rung(pair: Modem, rung: dict) -> Modem:
    """A modem with one more rung, whose weights are zero."""
    body = pair.modulator.body
    larger = Modem([*pair.rungs, rung], pair.frames, body[0].wide.in_channels, len(body))
    free, phases, bits = pair.frames * COEFFICIENTS, (pair.phases, larger.phases), (pair.bits, larger.bits)
    of_features = [(free, free), phases, phases]
    parts = {
        "modulator.first.weight": [*of_features, bits],
        "modulator.last.weight": of_features,
        "modulator.last.bias": of_features,
        "demodulator.first.weight": of_features,
        "demodulator.last.weight": [bits],
        "demodulator.last.bias": [bits],
    }
    tensors = larger.state_dict()
    for name, tensor in pair.state_dict().items():
        if name == "likelihoods":
            tensors[name][: pair.bits] = tensor
        else:
            tensors[name] = _padded(tensor, parts.get(name, []), int(name.endswith("first.weight")))
    larger.load_state_dict(tensors)
    return larger


def _padded(tensor: Tensor, sizes: list[tuple[int, int]], axis: int) -> Tensor:
    """With zeros at the end of each of its parts along an axis, of these sizes before and after; of none, as it is."""
    if not sizes:
        return tensor
    parts = tensor.movedim(axis, 0).split([size for size, _ in sizes])
    padded = [
        torch.cat([part, part.new_zeros(after - len(part), *part.shape[1:])])
        for part, (_, after) in zip(parts, sizes, strict=True)
    ]
    return torch.cat(padded).movedim(0, axis)


if __name__ == "__main__":
    main()
