"""The model that is served, and how another takes its place."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rnnlab.ensemble import is_ensemble
from rnnlab.environment import available_cores, use_threads
from rnnlab.exceptions import UserError
from rnnlab.export.predictor import ExportedPredictor, is_export
from rnnlab.serve.classifier import ServedClassifier
from rnnlab.serve.limits import Limits
from rnnlab.serve.writer import ServedWriter

log = logging.getLogger(__name__)

Served = ServedClassifier | ServedWriter


def load(path: Path, limits: Limits) -> Served:
    """The model of a run, a model folder, an ensemble or an export, tried once.

    This is done in a thread that ends with it. OpenMP keeps a team of threads for each thread that
    has computed, and where all teams together have more threads than there are cores, it lets them
    sleep after every operator; so the thread that answers must have the only one.

    Raises:
        UserError: there is none, it is damaged, or it gives no probabilities.
    """
    if not is_export(path):
        from rnnlab.nn.process import share_memory

        use_threads(available_cores())
        share_memory()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_load, path, limits).result()


def _load(path: Path, limits: Limits) -> Served:
    if is_export(path):
        return ServedClassifier(path, ExportedPredictor.load(path, resting=True), limits)
    from rnnlab.evaluation import load_model
    from rnnlab.language_predictor import LanguagePredictor
    from rnnlab.model_folder import task_of
    from rnnlab.train.rundir import model_folder

    if not is_ensemble(path) and task_of(model_folder(path)) == "language_modeling":
        return ServedWriter(path, LanguagePredictor.load(model_folder(path)), limits)
    return ServedClassifier(path, load_model(path), limits)


class Holder:
    """The model that answers now.

    Args:
        path: where it is loaded from.
        limits: on requests.

    Raises:
        UserError: see `load`.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self._limits = path, limits
        self.model = load(path, limits)
        self.generation = 1
        self.failure: str | None = None
        self.failures = 0
        self._lock = threading.Lock()

    def reload(self) -> bool:
        """Load the model anew; if that fails the old one stays, and `failure` says why."""
        with self._lock:
            try:
                model = load(self.path, self._limits)
            except (UserError, OSError, MemoryError) as error:
                self.failure = " ".join(str(error).split())
                self.failures += 1
                log.warning("warning: the old model stays: %s", self.failure)
                return False
            self.model, self.failure = model, None
            self.generation += 1
            log.info("the model was loaded anew")
            return True
