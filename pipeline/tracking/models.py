"""Trained pairs as MLflow models: weights, card, signature and an example, nothing pickled; and the best of them."""

import logging
import math
import re
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import mlflow
import numpy as np
from mlflow.entities import Run
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from pipeline.tracking.provenance import NOTE, NOTES, PICTURES, WEIGHTS
from stegnet.core.disk import temporary_folder
from stegnet.core.measures import CONTAINER_PSNR, GAIN_PSNR, SECRET_PSNR

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*Any type hint is inferred")  # mlflow 3.17 warns about its own code
    import mlflow.pyfunc

REGISTERED = "stegnet"
BEST = "best"  # MLflow itself has the alias "latest"
SIGNATURE = ModelSignature(
    inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, 3), name) for name in ("cover", "secret")]),
    outputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, 3), name) for name in ("container", "revealed")]),
)
_log = logging.getLogger(__name__)


def register(client: mlflow.MlflowClient, run: Run, weights: Path, graphs: Sequence[Path]) -> None:
    """Log a training's weights, with card and ONNX files, as a version of REGISTERED, unless that is done.

    MLflow adds the figures of the run. Then name the best version.
    """
    versions = client.search_model_versions(f"name = '{REGISTERED}'")
    version = next((each for each in versions if each.run_id == run.info.run_id), None)
    if not version:
        if not client.search_registered_models(f"name = '{REGISTERED}'"):
            client.create_registered_model(REGISTERED, description=NOTES["registered"])
        tags = {WEIGHTS: run.data.tags[WEIGHTS]}
        rows, columns = np.mgrid[:48, :48] * 5
        ramps = np.stack([columns, rows, (columns + rows) // 2], -1).astype(np.uint8)
        with temporary_folder() as folder:
            (folder / "weights").mkdir()
            for path in (weights, weights.with_suffix(".json"), *graphs):
                shutil.copy(path, folder / "weights")
            logged = Model.log(
                None,
                mlflow.pyfunc,
                name=re.sub(r"[^\w=+ -]", "_", run.info.run_name),
                run_id=run.info.run_id,
                model_type="hide/reveal pair",
                tags={**tags, NOTE: NOTES["model"]},
                loader_module="stegnet.served",  # imported by MLflow when it loads the model
                data_path=str(folder / "weights"),
                signature=SIGNATURE,
                input_example={"cover": ramps, "secret": ramps[::-1].copy()},
                pip_requirements=[],  # stegnet is in no package index: its name there would be another project's
                metadata={"needs": "the package stegnet, from the commit of the run"},
            )
        version = client.create_model_version(
            REGISTERED,
            f"models:/{logged.model_id}",
            run.info.run_id,
            tags,
            description=NOTES["model"],
            model_id=logged.model_id,
        )
        versions.append(version)
    losses: dict[str, float] = {}
    for each in versions:
        other = client.get_run(str(each.run_id))
        figures = other.data.metrics
        if _measured_on(other) == _measured_on(run) and figures.get(GAIN_PSNR, -math.inf) > 0:
            beta = float(other.data.params["beta"])
            # The container's mean squared error plus β times the secret's, of values in [0, 1].
            losses[each.version] = 10 ** (-figures[CONTAINER_PSNR] / 10) + beta * 10 ** (-figures[SECRET_PSNR] / 10)
        elif each.version == version.version:
            why = "training gained nothing" if GAIN_PSNR in figures else "the gain of training is not measured"
            _log.info("version %s of model %s is not @%s: %s", version.version, REGISTERED, BEST, why)
    if losses:
        client.set_registered_model_alias(REGISTERED, BEST, min(losses, key=losses.__getitem__))


def _measured_on(training: Run) -> tuple[str | None, str | None]:
    """Return β, and the digest of the test pictures that gave the headline."""
    return training.data.params.get("beta"), training.data.tags.get(PICTURES)
