"""Code of one's own, a network, loss or augmentation outside this repository: where it is, and its hashes."""

from importlib.util import find_spec
from pathlib import Path

from pipeline.fingerprint import source_hash
from pipeline.parameters.training import TrainParameters
from stegnet.core.names import MARK

_ROOT = Path(__file__).parents[2]


def code_hashes(config: TrainParameters) -> dict[str, str]:
    """Return the hashes of the code of network, loss and augmentation; "" is hashed without one of one's own.

    Of one's own, it is all code that `code` names, if that holds it.
    """
    watched = Path(config.code).resolve()
    paths = {key: watched if path.is_relative_to(watched) else path for key, path in own_code(config).items()}
    family = _ROOT / f"stegnet/networks/families/{config.model.name}.py"
    if family.is_file():
        paths["model.name"] = family
    keys = {"network": "model.name", "loss": "train.loss.own", "augmentation": "train.augment.own"}
    return {name: source_hash([paths[key]] if key in paths else []) for name, key in keys.items()}


def own_code(config: TrainParameters) -> dict[str, Path]:
    """Return the files of a network, loss and augmentation of one's own, by their keys in params.yaml.

    A module that is not found in its package has the package's folder; one that is not found at all has no path.
    """
    train = config.train
    names = {"model.name": config.model.name, "train.loss.own": train.loss.own, "train.augment.own": train.augment.own}
    paths = {key: _path(name) for key, name in names.items() if MARK in name}
    return {key: path for key, path in paths.items() if path}


def _path(name: str) -> Path | None:
    top, *inner = name.partition(MARK)[0].split(".")
    spec = find_spec(top)  # without importing it
    if spec is None or spec.origin in ("built-in", "frozen"):
        return None
    (place, *_) = spec.submodule_search_locations or [str(spec.origin)]
    module = Path(place, *inner).resolve()
    file = module.with_suffix(".py")
    return file if file.exists() else module if module.exists() else module.parent
