"""What tests share of the modules that log to MLflow, which is slow to import."""

from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY
from stegnet.tracking.provenance import DATA_EXPERIMENT, EXPERIMENT, STAGE
from stegnet.tracking.result import Result
from stegnet.tracking.store import Tracker

__all__ = ["DATA_EXPERIMENT", "EXPERIMENT", "PUBLIC_DEMONSTRATION_KEY", "STAGE", "Result", "Tracker"]
