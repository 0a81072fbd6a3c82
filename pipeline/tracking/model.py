"""Trained pairs as MLflow models: weights, card, signature and an example; nothing is pickled."""

import re
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import mlflow
import numpy as np
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from pipeline.tracking.provenance import NOTE, NOTES
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.temporary import temporary_folder

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*Any type hint is inferred")  # mlflow 3.17 warns of its own code
    import mlflow.pyfunc

REGISTERED, BEST = "stegnet", "best"  # MLflow itself has the alias "latest"
_Y, _X = np.mgrid[:48, :48] * 5
_COVER = np.stack([_X, _Y, (_X + _Y) // 2], -1).astype(np.uint8)  # ramps
EXAMPLE = {"cover": _COVER, "secret": _COVER[::-1].copy()}
_NAMES = ("cover", "secret"), ("container", "revealed")  # of what goes in and of what comes out
SIGNATURE = ModelSignature(
    *(Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, 3), name) for name in names]) for names in _NAMES)
)


def log_model(client: mlflow.MlflowClient, run_id: str, weights: Path, key: str) -> None:
    """Adds a weights file and its card as the model of a run, unless the run has one.

    Args:
        key: hash of the weights.
    """
    run = client.get_run(run_id)
    if run.outputs.model_outputs:
        return
    experiment, name = run.info.experiment_id, re.sub(r"[^\w=+ -]", "_", run.info.run_name)
    tags = {"stegnet.weights": key, NOTE: NOTES["model"]}
    started = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    model = next(iter(started), None) or client.create_logged_model(
        experiment, name, run_id, tags, dict(run.data.params), "hide/reveal pair"
    )
    with temporary_folder() as folder:
        (folder / "weights").mkdir()
        for path in (weights, weights.with_suffix(".json")):
            shutil.copy(path, folder / "weights")
        mlflow.pyfunc.save_model(
            folder / "model",
            loader_module="stegnet.served",  # imported by MLflow when it loads the model
            data_path=str(folder / "weights"),
            mlflow_model=Model(model.artifact_location, run_id, model_id=model.model_id),
            signature=SIGNATURE,
            input_example=EXAMPLE,
            pip_requirements=[],  # stegnet is in no package index: its name there would be another project's
            metadata={"needs": "the package stegnet, from the commit of the run"},
        )
        client.log_model_artifacts(model.model_id, str(folder / "model"))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])


def register(client: mlflow.MlflowClient, model_id: str, graphs: Sequence[Path]) -> None:
    """Makes a model a version of REGISTERED, with ONNX files, unless that is done; names the best version."""
    if not client.search_registered_models(f"name = '{REGISTERED}'"):
        client.create_registered_model(REGISTERED, description=NOTES["registered"])
    versions, model = client.search_model_versions(f"name = '{REGISTERED}'"), client.get_logged_model(model_id)
    if (source := f"models:/{model_id}") not in {version.source for version in versions}:
        for path in graphs:
            client.log_model_artifact(model_id, str(path), "data/weights")  # the folder that its loader reads
        run_id, tags = model.source_run_id, model.tags
        versions.append(client.create_model_version(REGISTERED, source, run_id, tags, model_id=model_id))
    measured, scores = _quality(model).keys(), dict[str, float]()
    for version in versions:
        quality = _quality(client.get_logged_model(version.source.removeprefix("models:/")))
        if measured and quality.keys() == measured:
            scores[version.version] = sum(quality.values())
    if scores:
        client.set_registered_model_alias(REGISTERED, BEST, max(scores, key=scores.__getitem__))


def _quality(model: LoggedModel) -> dict[tuple[str, str | None], float]:
    """PSNR of container and secret, with the digest of the pictures that gave it."""
    wanted = (CONTAINER_PSNR, SECRET_PSNR)
    return {(each.key, each.dataset_digest): each.value for each in model.metrics or () if each.key in wanted}
