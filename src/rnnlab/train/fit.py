"""Epochs around the loop: validation, the best epoch, early stopping, checkpoints, resume.

Everything that decides the result is in the checkpoint, so that a resumed run is bit for bit the
uninterrupted one: parameters, optimizer, random state, position, sums of the epoch under way, rows,
and what the task carries from batch to batch.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from rnnlab.exceptions import Diverged, Interrupted
from rnnlab.train.average import Average
from rnnlab.train.checkpoint import (
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
    save_tensors,
)
from rnnlab.train.feed import Feed, Scores
from rnnlab.train.loop import training_steps
from rnnlab.train.loss_scale import LossScale
from rnnlab.train.optimizers._base import Optimizer
from rnnlab.train.rundir import RunDirectory, write_csv
from rnnlab.train.state import FitState, Watcher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitSettings:
    """How long, and by what measure; see `rnnlab.config.schema.TrainConfig`."""

    epochs: int
    clip_norm: float | None
    warmup_steps: int
    metric: str
    patience: int | None
    scales_loss: bool
    checkpoint_seconds: float


class Fit:
    """One training, from its last checkpoint or from the start.

    Args:
        model: on its device, initialised.
        task: gives the loss.
        feed: the training part in batches.
        validate: scores the model on validation; None where there is no validation part: the last
            epoch is then the best, and patience has no part in it.
        optimizer: over the trainable parameters.
        schedule: factor of the learning rate at a position in epochs, given the validation metric
            of each finished epoch (larger is better).
        average: of the model's parameters, by which it is validated and kept; None for none.
        settings: see FitSettings.
        run: where rows, checkpoints and the best parameters go.
        watcher: is told of every step and epoch.
        stop_requested: asked after each update; true ends the training resumably.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Any,
        *,
        feed: Feed,
        validate: Callable[[], Scores] | None,
        optimizer: Optimizer,
        schedule: Callable[[float, list[float]], float],
        average: Average | None,
        settings: FitSettings,
        run: RunDirectory,
        watcher: Watcher,
        stop_requested: Callable[[], bool],
    ) -> None:
        self.model, self.task, self.optimizer = model, task, optimizer
        self.feed, self.validate = feed, validate
        self.schedule, self.settings, self.run = schedule, settings, run
        self.watcher, self.stop_requested = watcher, stop_requested
        self.device = next(model.parameters()).device
        self.loss_scale = LossScale() if settings.scales_loss else None
        self.average = average
        self.state = FitState()
        self.earlier_seconds = 0.0  # spent before this process took over
        self._clock = self._saved_at = time.monotonic()
        self._cpu_clock = time.process_time()

    def run_to_end(self) -> FitState:
        """Train until the last epoch or until patience is spent; return the final state.

        The model then holds the best epoch's parameters.

        Raises:
            Interrupted: a stop was requested; the state is saved.
            Diverged: a gradient or a figure of validation is not finite; the last checkpoint is
                kept.
        """
        self._restore()
        while self.state.epoch < self.settings.epochs and not self._patience_is_spent():
            self._one_epoch()
        self.model.load_state_dict(load_file(self._best_path(self.state.best_epoch)))
        return self.state

    def _one_epoch(self) -> None:
        state, settings = self.state, self.settings
        batches = self.feed.batches(state.epoch)
        if state.batch == 0:
            self.feed.begin_epoch()
        base = self.optimizer.options.lr
        history = self._history()

        def learning_rate() -> float:
            position = state.epoch + state.batch / len(batches)
            warm = min(1.0, (state.step + 1) / max(settings.warmup_steps, 1))
            own = self.feed.rate(batches[state.batch])
            return base * warm * self.schedule(position, history) * own

        self.model.train()
        pending = batches[state.batch :]
        steps = training_steps(
            self.model,
            self.task.loss_sum,
            map(self.feed.collate, pending),
            self.optimizer,
            learning_rate=learning_rate,
            clip_norm=settings.clip_norm,
            first_step=state.step,
            loss_scale=self.loss_scale,
            objective=self.task.objective,
        )
        for item, info in zip(pending, steps, strict=True):
            state.step += 1
            state.batch += 1
            state.learning_rate = info.learning_rate
            if self.average is not None:
                self.average.update(state.step)
            parts = self.feed.sums(item, info.loss)
            sums = state.sums or [0.0] * len(parts)
            state.sums = [total + part for total, part in zip(sums, parts, strict=True)]
            self._tick()
            self.watcher.step(
                state,
                batches=len(batches),
                epochs=settings.epochs,
                tokens=self.feed.tokens(item),
                loss=parts[0] / parts[1],
            )
            if self.stop_requested():
                self._save()
                raise Interrupted
            if time.monotonic() - self._saved_at >= settings.checkpoint_seconds:
                self._save()
        self._finish_epoch()

    def _finish_epoch(self) -> None:
        with nullcontext() if self.average is None else self.average.in_use():
            self._score_epoch()
        if self.average is not None:
            self.average.consider(self._history())
        self._save()
        self.watcher.epoch(self.state)
        if self.stop_requested() and self.state.epoch < self.settings.epochs:
            raise Interrupted

    def _score_epoch(self) -> None:
        state = self.state
        train_seconds = state.epoch_seconds
        row = {"epoch": state.epoch + 1, "step": state.step, **self.feed.row(state.sums)}
        if self.validate is not None:
            figures = self.validate().figures()
            for name, value in figures.items():  # a loss may be finite, and its perplexity not
                if not math.isfinite(value):
                    raise Diverged(state.step, f"validation {name} is {value}")
            row |= {f"val_{name}": value for name, value in figures.items()}
        self._tick()
        state.epoch += 1
        state.rows.append(row)
        tokens = self.feed.epoch_tokens
        state.timings.append(
            {
                "epoch": state.epoch,
                "seconds": round(state.epoch_seconds, 3),
                "train_seconds": round(train_seconds, 3),
                "tokens_per_second": round(tokens / max(train_seconds, 1e-9), 1),
            }
        )
        best = state.epoch
        if self.validate is not None:
            best = best_row(state.rows, self.settings.metric)["epoch"]
        if best == state.epoch:
            save_tensors(self._best_path(best), self.model.state_dict())
        state.best_epoch = best
        state.batch, state.sums, state.epoch_seconds = 0, [], 0.0
        write_csv(self.run.path / "epochs.csv", state.rows)
        write_csv(self.run.path / "timings.csv", state.timings)

    def _history(self) -> list[float]:
        """The validation metric of each finished epoch, larger is better."""
        scored = self.state.rows if self.validate else []
        return [goodness(row, self.settings.metric) for row in scored]

    def _patience_is_spent(self) -> bool:
        patience = self.settings.patience
        return patience is not None and self.state.epoch - self.state.best_epoch >= patience

    def _tick(self) -> None:
        now, cpu_now = time.monotonic(), time.process_time()
        self.state.epoch_seconds += now - self._clock
        self.state.seconds += now - self._clock
        self.state.cpu_seconds += cpu_now - self._cpu_clock
        self._clock, self._cpu_clock = now, cpu_now

    def _best_path(self, epoch: int) -> Any:
        return self.run.checkpoints / f"best-{epoch:04d}.safetensors"

    def _save(self) -> None:
        if self.loss_scale is not None:
            self.state.loss_scale = [self.loss_scale.value, self.loss_scale.clean]
        tensors: dict[str, Tensor] = {
            **{f"model/{name}": t for name, t in self.model.state_dict().items()},
            **{f"optimizer/{name}": t for name, t in self.optimizer.state_tensors().items()},
            **{f"carried/{name}": t for name, t in self.feed.state_tensors().items()},
            **random_state(self.device),
        }
        if self.average is not None:
            tensors |= {f"average/{name}": t for name, t in self.average.averages.items()}
            self.state.averaged = self.average.iterates
        save_checkpoint(self.run.checkpoints, self.state.step, tensors, asdict(self.state))
        for old in sorted(self.run.checkpoints.glob("best-*"))[:-2]:
            old.unlink()
        self._saved_at = time.monotonic()

    def _restore(self) -> None:
        found = load_checkpoint(self.run.checkpoints)
        if found is None:
            return
        tensors, saved = found
        self.state = FitState(**saved)
        self.earlier_seconds = self.state.seconds
        if self.loss_scale is not None:
            value, clean = self.state.loss_scale
            self.loss_scale = LossScale(value, int(clean))
        parts = {"model": {}, "optimizer": {}, "average": {}, "carried": {}}
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            if part in parts:
                parts[part][name] = tensor
        self.model.load_state_dict(parts["model"])
        self.optimizer.load_state_tensors(parts["optimizer"])
        if self.average is not None:
            self.average.load(parts["average"], self.state.averaged)
        self.feed.load_state_tensors(parts["carried"])
        restore_random_state(tensors, self.device)
        if self.state.rows:
            write_csv(self.run.path / "epochs.csv", self.state.rows)
            write_csv(self.run.path / "timings.csv", self.state.timings)
        log.info("going on at step %d, epoch %d", self.state.step, self.state.epoch + 1)


def best_row(rows: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """The first row with the best validation metric; loss and perplexity are best when lowest."""
    return max(rows, key=lambda row: (goodness(row, metric), -row["epoch"]))


def goodness(row: dict[str, Any], metric: str) -> float:
    """The validation metric of an epoch, with its sign turned where less is better."""
    value = row[f"val_{metric}"]
    return -value if metric in ("loss", "perplexity") else value
