"""What is proved: a preset, or a finished run with its own parameters and data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rnnlab import compose
from rnnlab.config.schema import Config
from rnnlab.tasks.classification import Classification
from rnnlab.train.rundir import RunDirectory
from rnnlab.verify import practice
from rnnlab.verify.evidence import NotApplicable
from rnnlab.verify.examples import Example, take_examples
from rnnlab.verify.weights import draw, show_padding

Kind = Literal["network", "fitted", "language_model"]


@dataclass
class Subject:
    """A config, its data, and the model of it that the checks look at.

    Attributes:
        name: of the preset or run.
        config: as it is proved.
        full: as the user has it.
        notes: in what the two differ.
        folder: for trainings; gone afterwards.
        prepared: the data as the model sees it.
        run: the finished run whose parameters these are; None for a preset.
        loaded: its predictor.
        foreign_data: the run's own data is not here, and the embedded set stands in for it.
        in_new_process: answers of a saved model in a process of its own; see `rnnlab.verify.fresh`.
    """

    name: str
    config: Config
    full: Config
    notes: list[str]
    folder: Path
    prepared: Any
    in_new_process: Callable[..., Any]
    run: RunDirectory | None = None
    loaded: Any = None
    foreign_data: bool = False

    @property
    def kind(self) -> Kind:
        """What sort of model it is."""
        module = self.config.model.module
        if module.TASK == "language_modeling":
            return "language_model"
        return "network" if module.TRAINED else "fitted"

    @property
    def reader(self) -> Any:
        """Tokenizer, vocabulary and truncation."""
        return self.prepared.reader if self.loaded is None else self.loaded.reader

    @property
    def dataset(self) -> Any:
        """Where the data is from."""
        return self.prepared.dataset

    @property
    def vocabulary_size(self) -> int:
        """Entries, the two special ones counted."""
        return len(self.reader.vocabulary)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of a classifier, in index order."""
        return self.dataset.labels if self.loaded is None else self.loaded.labels

    def require(self, *kinds: Kind, reason: str) -> None:
        """Leave a check to other kinds of models.

        Raises:
            NotApplicable: this one is not among `kinds`.
        """
        if self.kind not in kinds:
            raise NotApplicable(reason)

    def fresh(self) -> Any:
        """A new network as training begins with it, in float32 and without dropout."""
        torch.manual_seed(self.config.seed)
        sizes = {"vocabulary_size": self.vocabulary_size}
        if self.kind == "network":
            sizes["num_classes"] = len(self.labels)
        return self.config.model.module.build(self.config.model.options, **sizes).eval()

    def network(self, dtype: torch.dtype = torch.float64) -> Any:
        """The network that is proved, in evaluation mode: with a run's parameters, or with random
        ones of such a size that differences show. Padding has a vector like any other."""
        model = self.fresh()
        if self.loaded is None:
            draw(model)
        else:
            kept = self.loaded.model if self.kind == "language_model" else self.loaded.fitted.model
            model.load_state_dict(kept.state_dict())
            show_padding(model)
        return model.to(dtype)

    @cached_property
    def fitted(self) -> Any:
        """A model that is fitted in one go: the run's, or one fitted on part of the data."""
        return self.loaded.fitted if self.loaded is not None else self.trained.predictor.fitted

    @cached_property
    def task(self) -> Classification:
        """The loss of a classifier, every example the same."""
        return Classification()

    @cached_property
    def examples(self) -> list[Example]:
        """Five held-out texts of different lengths, as the model reads them."""
        self.require("network", "fitted", reason="a stream has no examples of different lengths")
        return take_examples(self.prepared)

    @cached_property
    def windows(self) -> torch.Tensor:
        """int64[5, 13]: five pieces of the validation stream."""
        tokens = self.prepared.val.tokens[: 5 * 13]
        tokens = np.resize(tokens, 5 * 13)  # of a shorter stream, again from its beginning
        return torch.from_numpy(tokens.astype(np.int64)).view(5, 13)

    @cached_property
    def practice_data(self) -> Any:
        """A small part of the data, to train on."""
        return practice.part_of(self.prepared)

    def practise(self, name: str, *, stop_after: int | None = None) -> Any:
        """Train on a part of the data by the code that `rnnlab train` runs, or go on with it.

        Args:
            name: of the run's folder.
            stop_after: updates after which the user interrupts; None for never.

        Returns:
            The run directory, and what training gave; None in its place where it was interrupted.
        """
        run = RunDirectory(self.folder / name)
        run.path.mkdir(parents=True, exist_ok=True)
        trained = practice.train(self.config, self.practice_data, run, stop_after=stop_after)
        return run, trained

    @cached_property
    def trained(self) -> Any:
        """A short training from its beginning to its end."""
        self.trained_run, trained = self.practise("whole")
        return trained

    @cached_property
    def predictor(self) -> Any:
        """A model as it is kept: the run's, or that of the short training."""
        return self.loaded if self.loaded is not None else self.trained.predictor

    def saved_model(self) -> Path:
        """The folder of that model on disk."""
        if self.run is not None:
            return self.run.model
        trained = self.trained
        compose.finish(self.config, self.practice_data, trained, self.trained_run)
        return self.trained_run.model

    def texts(self, count: int) -> list[str]:
        """The first held-out texts, as they are written."""
        split = "val" if len(self.prepared.val) else "train"
        rows = self.dataset.rows(split)[:count]
        return self.dataset.texts(self.dataset.holder(split)).texts(rows)
