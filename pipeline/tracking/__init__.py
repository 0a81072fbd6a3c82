"""MLflow tracking: a row for each training, with the measurements of its weights below it.

Runs go to the server in MLFLOW_TRACKING_URI, by default to mlflow.db and mlartifacts/ in the repository: one store for
its workspace and for the experiments that DVC runs elsewhere. `results` says what a stage logs, and imports no MLflow.
"""

import os

# Read when MLflow is imported. Stage publish logs what a server missed: none is waited for longer than two minutes.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds
