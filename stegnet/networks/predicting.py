"""A network that predicts pictures, ready to compute."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from stegnet import near
from stegnet.core.errors import WeightsError, extra
from stegnet.core.names import SHIPPED_PREDICTOR
from stegnet.core.parallel import AUTO
from stegnet.near import GRAPHS, Predictor
from stegnet.networks.card import MULTISCALE, read_card, weights_id
from stegnet.networks.engines import check_choices, graph_file


@dataclass(frozen=True)
class PredictingNetwork:
    """A network that predicts pictures; no GPU computes it, whose fast algorithms would round.

    Attributes:
        predictor: what codes pictures by it.
        weights: id of the weights file.
        beta: weight of the secret's error for which it was trained; None for the shipped network, which fills covers.
        backend: "torch" or "onnx".
    """

    predictor: Predictor
    weights: str
    beta: float | None
    backend: str

    @classmethod
    def load(
        cls, path: Path = SHIPPED_PREDICTOR, device: str = AUTO, precision: str = AUTO, backend: str = AUTO
    ) -> Self:
        """Load a weights file; its ONNX files, if any, are next to it.

        Args:
            path: weights file.
            device: checked to exist; the CPU computes.
            precision: as for pairs; these networks are computed in integers.
            backend: "torch", "onnx" or "auto": ONNX Runtime if the weights are exported; else PyTorch.

        Raises:
            WeightsError: there is no such file, it is damaged, or hides pictures.
            ConfigError: backend, device or precision is unknown.
            PackageError: the backend's package is not installed.
        """
        check_choices(backend, precision)
        if device not in (AUTO, "cpu"):
            from stegnet.core.compute import pick_device  # imports PyTorch

            pick_device(device)
        card = read_card(path)
        if card.model != MULTISCALE:
            raise WeightsError("its network predicts no pictures", "take those of `multiscale`", subject=path)
        beta = card.training.get("beta")
        if backend == AUTO:
            exported = all(graph_file(path, graph).is_file() for graph in GRAPHS)
            backend = "onnx" if exported or find_spec("torch") is None else "torch"
        own = None if path == SHIPPED_PREDICTOR or not isinstance(beta, float) or not 0 < beta < 1e9 else beta
        return cls(_predictor(path, backend), weights_id(path), own, backend)


def _predictor(path: Path, backend: str) -> Predictor:
    if backend == "onnx":
        return near.OnnxPredictor(path)
    with extra("torch", "backend torch"):
        from stegnet.networks.engines.torch_predictor import TorchPredictor  # imports PyTorch

    return TorchPredictor(path)
