"""The view "Comparison" of an experiment's runs in MLflow: the columns to compare by, training curves, and pictures.

MLflow (since 3.15) keeps saved views as tags of the experiment, and has no other way to choose columns for a user. The
tag's text is what its button "Views" writes, read from the source of MLflow 3.17; a version that can't read it ignores
it.
"""

import json

from pipeline.tracking.results import PREVIEW
from stegnet.core.measures import BASE_PSNR, CONTAINER_PSNR, GAIN_PSNR, SECRET_PSNR, SPEED

VIEW_TAG = "mlflow.sharedViewState.stegnet"  # its last part is the key in the view's address
_FIGURES = (CONTAINER_PSNR, SECRET_PSNR, BASE_PSNR, GAIN_PSNR, *SPEED)
_PARAMS = ("model.name", "beta", "train.pairs")
_SECTIONS = ("train", "evaluate", "video")  # of charts, the first ones; MLflow adds the others below them
_PICTURES = (PREVIEW, "evaluate/photographs", "evaluate/scenes", "video/frames")


def comparison_view() -> str:
    """Return the view as the text of the tag VIEW_TAG."""
    columns = [*(f"metrics.`{name}`" for name in _FIGURES), *(f"params.`{name}`" for name in _PARAMS)]
    state = {
        "selectedColumns": columns,
        "columnOrder": columns,
        "compareRunSections": [_section(name) for name in _SECTIONS],
        "isAccordionReordered": True,  # otherwise sections are sorted by name
        "compareRunCharts": [_picture_card(name) for name in _PICTURES],
    }
    return json.dumps({"name": "Comparison", "createdAt": 0, "state": json.dumps(state)})


def _section(name: str) -> dict[str, object]:
    """Return a section of charts, whose metrics MLflow fills in."""
    return {"uuid": name, "name": name, "display": True, "isReordered": False, "deleted": False, "isGenerated": True}


def _picture_card(name: str) -> dict[str, object]:
    """Return a chart of a run's pictures, without the list of all parameters, which leaves them no room."""
    section = name.partition("/")[0]
    return {
        **{"type": "IMAGE", "uuid": name, "metricSectionId": section, "imageKeys": [name], "showRunParams": False},
        **{"step": 0, "runsCountToCompare": 10, "deleted": False, "isGenerated": True},
    }
