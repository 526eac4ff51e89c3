"""Labelling texts of the test part is a use of it, and is entered in the ledger."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from rnnlab import compose
from rnnlab.data.dataset import Dataset
from rnnlab.data.download import found
from rnnlab.data.texts import plain
from rnnlab.ensemble import Ensemble, is_ensemble
from rnnlab.environment import now
from rnnlab.exceptions import UserError
from rnnlab.files import append_line
from rnnlab.run_records import LEDGER, one_run, run_config
from rnnlab.train.rundir import RunDirectory


class PredictedTexts:
    """Counts which texts that a run or an ensemble labels are among its data's test part.

    Texts are compared up to white space. Where the test part is not on this machine nothing is
    fetched, and none is counted; nor for a model folder alone, which does not know its data.

    Args:
        path: the run, ensemble or model folder.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.count = path, 0
        self._dataset = ""
        self._test: frozenset[str] = frozenset()
        with contextlib.suppress(UserError, OSError):
            self._read()

    def _read(self) -> None:
        run = one_run(self._path)
        if not run.config.is_file():
            return
        config = run_config(run)
        source = config.data.source
        if any(found(file) is None for file in getattr(source.module, "FILES", ())):
            return
        dataset: Dataset = compose.dataset_of(config)
        if "test" in dataset.splits:
            self._dataset = dataset.name
            self._test = frozenset(map(plain, dataset.texts("test").texts()))

    def see(self, texts: Sequence[str]) -> None:
        """Take in texts that are labelled."""
        if self._test:
            self.count += sum(plain(text) in self._test for text in texts)

    def enter(self) -> None:
        """Enter the use in the ledger, if there was one."""
        if not self.count:
            return
        is_many = is_ensemble(self._path)
        digest = (
            Ensemble.open(self._path).digest if is_many else RunDirectory(self._path).read()["hash"]
        )
        line = {
            "time": now(),
            "data": self._dataset,
            "run": self._path.resolve().name,
            "hash": digest,
            "predicted": self.count,
        }
        append_line(self._path.resolve().parent / LEDGER, json.dumps(line))
