"""Trained pairs as MLflow models: weights, card, signature and an example; nothing is pickled."""

import re
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import mlflow
import numpy as np
from mlflow.entities import LoggedModel, LoggedModelOutput, Run
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from pipeline.tracking.provenance import WEIGHTS
from stegnet.core.temporary import temporary_folder

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*Any type hint is inferred")  # mlflow 3.17 warns of its own code
    import mlflow.pyfunc

LOADER = "stegnet.served"  # imported by MLflow when it loads a model
MODEL_TYPE = "hide/reveal pair"
_NOTE = """\
`mlflow.pyfunc.load_model(…).predict({"cover": …, "secret": …})` hides with a public key and reveals again. stegnet must
be installed, from the source run's commit; PyTorch is needed only if there are no ONNX files beside the weights. To
hide with a key of your own: `stegnet.load("pair.safetensors")`, with the files under Artifacts.
"""
REGISTERED = "stegnet"
_REGISTERED_NOTE = """\
One version for each exported pair, with ONNX files beside its weights. Where stegnet is installed,
`mlflow.pyfunc.load_model("models:/stegnet/1")` loads it, without pickle or PyTorch.
"""
_DATA = "data/weights"  # the folder in the model that its loader reads
EXAMPLE = 48  # side of the pictures in the example, in pixels


def log_model(client: mlflow.MlflowClient, run_id: str, weights: Path, key: str) -> None:
    """Adds a weights file and its card as the model of a run, unless the run has one.

    Args:
        key: hash of the weights.
    """
    run = client.get_run(run_id)
    if run.outputs.model_outputs:
        return
    started = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'")
    model = started[0] if started else _create(client, run, key)
    with temporary_folder() as folder:
        client.log_model_artifacts(model.model_id, str(_write(folder, weights, model, run_id)))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])


def add_files(client: mlflow.MlflowClient, model_id: str, paths: Sequence[Path]) -> None:
    """Adds files beside a model's weights, unless they are there already."""
    there = {Path(file.path).name for file in client.list_logged_model_artifacts(model_id, _DATA)}
    for path in paths:
        if path.name not in there:
            client.log_model_artifact(model_id, str(path), _DATA)


def register(client: mlflow.MlflowClient, model_id: str) -> None:
    """Adds a model as a version of the registered model REGISTERED, unless it is one already."""
    if not client.search_registered_models(f"name = '{REGISTERED}'"):
        client.create_registered_model(REGISTERED, description=_REGISTERED_NOTE)
    source = f"models:/{model_id}"
    if source not in {version.source for version in client.search_model_versions(f"name = '{REGISTERED}'")}:
        model = client.get_logged_model(model_id)
        client.create_model_version(REGISTERED, source, model.source_run_id, model.tags, model_id=model_id)


def _create(client: mlflow.MlflowClient, run: Run, key: str) -> LoggedModel:
    tags = {WEIGHTS: key, MLFLOW_RUN_NOTE: _NOTE}
    name = _name(run.info.run_name)
    return client.create_logged_model(
        run.info.experiment_id, name, run.info.run_id, tags, dict(run.data.params), MODEL_TYPE
    )


def _name(run_name: str) -> str:
    """A model's name: part of a path, without dots."""
    return re.sub(r"[^\w=+ -]", "_", run_name)


def _write(folder: Path, weights: Path, model: LoggedModel, run_id: str) -> Path:
    data = folder / "weights"
    data.mkdir()
    for path in (weights, weights.with_suffix(".json")):
        shutil.copy(path, data)
    mlflow.pyfunc.save_model(
        folder / "model",
        loader_module=LOADER,
        data_path=str(data),
        mlflow_model=Model(model.artifact_location, run_id, model_id=model.model_id),
        signature=SIGNATURE,
        input_example=example(),
        pip_requirements=[],  # stegnet is in no package index: its name there would be another project's
        metadata={"needs": "the package stegnet, from the commit of the run"},
    )
    return folder / "model"


def example() -> dict[str, np.ndarray]:
    """Two ramps, (EXAMPLE, EXAMPLE, 3) uint8."""
    y, x = np.mgrid[:EXAMPLE, :EXAMPLE] * (255 // (EXAMPLE - 1))
    cover = np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)
    return {"cover": cover, "secret": cover[::-1].copy()}


def _pictures(*names: str) -> Schema:
    return Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, 3), name) for name in names])


SIGNATURE = ModelSignature(_pictures("cover", "secret"), _pictures("container", "revealed"))
