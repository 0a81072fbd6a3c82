"""MLflow, and the one door to it: a row for each training, and below it what was measured of its weights.

Everything goes to the server that MLFLOW_TRACKING_URI names, else to mlflow.db and mlartifacts/ in the
repository, one store for its workspace and for the experiments that DVC runs elsewhere.
"""

import logging
import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # five seconds; what can wait, an Outbox sends again

from stegnet.tracking.names import DATA_EXPERIMENT, EXPERIMENT, KEY, PARAMS, RESTORED, STAGE, WEIGHTS
from stegnet.tracking.run import LiveRun
from stegnet.tracking.store import Tracker

for _name in ("alembic", "mlflow"):
    logging.getLogger(_name).setLevel(logging.WARNING)
for _name in ("mlflow.store.db.utils", "urllib3.connectionpool"):  # of a store that fails, stegnet says one line
    logging.getLogger(_name).setLevel(logging.CRITICAL)

__all__ = ["DATA_EXPERIMENT", "EXPERIMENT", "KEY", "PARAMS", "RESTORED", "STAGE", "WEIGHTS", "LiveRun", "Tracker"]
