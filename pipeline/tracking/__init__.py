"""MLflow tracking: a row for each training, with the measurements of its weights below it.

Runs go to the server in MLFLOW_TRACKING_URI, by default to mlflow.db and mlartifacts/ in the repository: one store for
its workspace and for the experiments that DVC runs elsewhere. Only the modules of this package import mlflow; `result`
does not, nor does this file.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # five seconds; an Outbox tries again
