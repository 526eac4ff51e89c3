"""MLflow: a run in its database, by default one beside the runs, which needs no server.

`mlflow ui --backend-store-uri sqlite:///runs/mlflow.db` shows it. A server is named by `uri` or by
MLFLOW_TRACKING_URI; credentials come from MLflow's own environment variables.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlab import options
from rnnlab.extras import Library
from rnnlab.trackers import Point, Status, TrackedRun

SUMMARY = "MLflow: a database beside the runs, or a server"
LIBRARY = Library("mlflow-skinny", extra="mlflow")

_METRICS_PER_CALL = 1000
_PARAMETERS_PER_CALL = 100
_FILE = "sqlite:///"
_STATUS = {
    "completed": "FINISHED",
    "interrupted": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
}


class Options(options.Options):
    """Where.

    Attributes:
        uri: of the server or database; None for MLFLOW_TRACKING_URI, and where that is not set for
            `mlflow.db` in the folder of the runs.
        experiment: in which the run stands; made if need be.
    """

    uri: str | None = None
    experiment: str = "rnnlab"

    def portable(self) -> Options:
        """The same settings with a database's path that holds from any folder."""
        if self.uri is None or not self.uri.startswith(_FILE):
            return self
        path = Path(self.uri.removeprefix(_FILE)).absolute()
        return self.model_copy(update={"uri": f"{_FILE}{path}"})


def open_tracker(options: Options, run: TrackedRun) -> MlflowRun:
    """Begin a run, or go on with it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    folder = run.directory.parent
    uri = options.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{_FILE}{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    if run.id is not None:
        client.update_run(run.id, status="RUNNING")
        return MlflowRun(client, run.id)
    tags = {"mlflow.runName": run.name, "rnnlab.directory": str(run.directory)}
    created = client.create_run(_experiment(client, options.experiment), tags=tags)
    tracker = MlflowRun(client, created.info.run_id)
    tracker.describe(run.parameters)
    return tracker


def _experiment(client: Any, name: str) -> str:
    """The number of an experiment, made unless it is there; another process may be faster."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    try:
        return client.create_experiment(name)
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found.experiment_id


class MlflowRun:
    """See `rnnlab.trackers.Tracker`."""

    def __init__(self, client: Any, id: str) -> None:
        self._client, self.id = client, id

    def describe(self, parameters: dict[str, Any]) -> None:
        """Record the config."""
        from mlflow.entities import Param

        params = [Param(key, str(value)) for key, value in parameters.items()]
        for start in range(0, len(params), _PARAMETERS_PER_CALL):
            self._client.log_batch(self.id, params=params[start : start + _PARAMETERS_PER_CALL])

    def log(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(1000 * point.seconds), point.step)
            for point in points
            for name, value in point.values.items()
        ]
        for start in range(0, len(metrics), _METRICS_PER_CALL):
            self._client.log_batch(self.id, metrics=metrics[start : start + _METRICS_PER_CALL])

    def close(self, status: Status) -> None:
        self._client.set_tag(self.id, "rnnlab.status", status)
        self._client.set_terminated(self.id, _STATUS[status])
