"""What tests share of the modules that log to MLflow, which is slow to import."""

from pipeline.tracking.results import Result
from pipeline.tracking.store import STAGE, Tracker
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY

EXPERIMENT = "stegnet"
EXPERIMENT_PARAMS = {"beta": 0.5, "model.name": "invertible", "data.source": "scenes"}
