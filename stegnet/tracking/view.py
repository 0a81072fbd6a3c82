"""The saved view of MLflow's pages that sets trainings side by side: columns, and charts over beta.

MLflow 3.17 keeps saved views as tags of an experiment; what its pages do not understand, they leave out.
"""

import json
from typing import Any

from stegnet.tracking.names import EXPERIMENT

VIEW, VIEW_NAME = "trainings", "Trainings side by side"
_SECTION = "trainings"
_BIRTH = 1767225600000  # a view has a time, ms; a fixed one, so that the tag stays the same
_PARAMS = ("beta", "model.name", "train.pairs", "data.source")
_METRICS = ("container_psnr", "secret_psnr", "film_container_psnr", "film_secret_psnr")
_SHEET = "evaluate/photographs"


def saved_views(experiment: str) -> dict[str, str]:
    """An experiment's tags that hold its saved views."""
    if experiment != EXPERIMENT:
        return {}
    envelope = {"name": VIEW_NAME, "createdAt": _BIRTH, "updatedAt": _BIRTH, "state": json.dumps(_state())}
    return {f"mlflow.sharedViewState.{VIEW}": json.dumps(envelope)}


def _state() -> dict[str, Any]:
    columns = [*(f"params.`{name}`" for name in _PARAMS), *(f"metrics.`{name}`" for name in _METRICS)]
    return {
        "selectedColumns": columns,
        "compareRunCharts": _charts(),
        "compareRunSections": [{"uuid": _SECTION, "name": VIEW_NAME, "display": True, "isReordered": True}],
        "isAccordionReordered": True,  # or the pages sort this section behind the others
    }


def _charts() -> list[dict[str, Any]]:
    beta = {"key": "beta", "type": "PARAM"}
    container, secret = ({"key": name, "type": "METRIC"} for name in ("container_psnr", "secret_psnr"))
    return [
        _chart("parallel", "PARALLEL", selectedParams=["beta"], selectedMetrics=list(_METRICS[:2]), showAllRuns=False),
        _chart("container", "SCATTER", xaxis=beta, yaxis=container),
        _chart("secret", "SCATTER", xaxis=beta, yaxis=secret),
        _chart("exchange", "SCATTER", xaxis=container, yaxis=secret),
        _chart("pictures", "IMAGE", imageKeys=[_SHEET]),
    ]


def _chart(name: str, kind: str, **of_kind: Any) -> dict[str, Any]:
    return {
        "uuid": name, "type": kind, "metricSectionId": _SECTION, "runsCountToCompare": 100,
        "deleted": False, "isGenerated": False, **of_kind,
    }  # fmt: skip
