"""Data sets as MLflow lists them."""

import json
from collections.abc import Iterable

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from stegnet.tracking.result import DataSet


def inputs(sets: Iterable[DataSet]) -> list[DatasetInput]:
    """What a run worked on: what kind of source each has, MLflow is told as "local", a file or folder."""
    return [DatasetInput(_entity(each), [InputTag(MLFLOW_DATASET_CONTEXT, each.context)]) for each in sets]


def _entity(each: DataSet) -> Dataset:
    return Dataset(
        each.name, each.digest, "local", json.dumps({"uri": each.source}), profile=json.dumps(dict(each.profile))
    )
