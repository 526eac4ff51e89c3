"""The training of a network, whatever its task."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rnnlab.config.schema import Config
from rnnlab.exceptions import UserError
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

if TYPE_CHECKING:
    import torch

    from rnnlab.train.average import Average
    from rnnlab.train.feed import Feed, Scores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Attributes:
        predictor: the model at its best epoch.
        facts: for run.json: epochs done, best epoch, steps.
    """

    predictor: Any
    facts: dict[str, Any]


class Metrics(Protocol):
    """What is known of a model's answers."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        ...


@dataclass(frozen=True)
class Finish:
    """How a training ended.

    Attributes:
        val: the kept model on the validation part.
        train: figures of the kept epoch on the training part, for run.json.
        data: facts about what was read, for run.json.
        cost: of using the model, for run.json; see `rnnlab.compose.cost`.
    """

    val: Metrics
    train: dict[str, Any]
    data: dict[str, Any]
    cost: dict[str, Any]


def autocast_of(config: Config, device: torch.device) -> torch.dtype | None:
    """The type of the forward pass, None for float32.

    Raises:
        UserError: the device lacks it.
    """
    import torch

    precision = config.train.precision
    if precision == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UserError("train.precision=bfloat16: this device lacks it; use float16 or float32")
    if precision == "float16" and device.type == "cpu":
        log.warning(
            "warning: train.precision=float16 gives a CPU what a GPU would compute, but many times "
            "more slowly than float32"
        )
    return None if precision == "float32" else getattr(torch, precision)


def _average_of(config: Config, model: Any, *, can_validate: bool) -> Average | None:
    """The average of parameters that a config asks for.

    Raises:
        UserError: it waits for a validation that there is none of.
    """
    from rnnlab.train.average import NonMonotoneAverage, WeightAverage

    chosen = config.train.average
    if chosen is None:
        return None
    if isinstance(chosen, float):
        return WeightAverage(model, chosen)
    if not can_validate:
        raise UserError(
            "train.average.non_monotone waits for validation, and there is no validation part; "
            "give one, or a decay such as train.average=0.999"
        )
    return NonMonotoneAverage(model, chosen.non_monotone)


def fit(
    config: Config,
    model: Any,
    task: Any,
    *,
    feed: Feed,
    validate: Callable[[], Scores] | None,
    metric: str,
    run: RunDirectory,
    watcher: Watcher,
    stop_requested: Callable[[], bool],
) -> dict[str, Any]:
    """Train a network to its best epoch; return facts for run.json.

    Raises:
        Interrupted, Diverged: see `rnnlab.train.fit`.
    """
    from rnnlab.nn import compiled
    from rnnlab.train.fit import Fit, FitSettings

    optimizer = config.train.optimizer.module.Optimizer(
        ((name, p) for name, p in model.named_parameters() if p.requires_grad),
        config.train.optimizer.options,
    )
    settings = FitSettings(
        epochs=config.train.epochs,
        clip_norm=config.train.clip_norm,
        warmup_steps=config.train.warmup_steps,
        metric=metric,
        patience=config.train.patience,
        scales_loss=config.train.precision == "float16",
        checkpoint_seconds=config.train.checkpoint_seconds,
    )
    training = Fit(
        model,
        task,
        feed=feed,
        validate=validate,
        optimizer=optimizer,
        schedule=lambda epoch, history: config.train.schedule.module.factor(
            config.train.schedule.options, epoch, config.train.epochs, history
        ),
        average=_average_of(config, model, can_validate=validate is not None),
        settings=settings,
        run=run,
        watcher=watcher,
        stop_requested=stop_requested,
    )
    state = training.run_to_end()
    return {
        "metric": metric,
        "kernel": compiled.name() if compiled.serves(next(model.parameters())) else "torch",
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "steps": state.step,
        "earlier_seconds": training.earlier_seconds,
        "train_seconds": round(sum(row["train_seconds"] for row in state.timings), 3),
        "cpu_seconds": round(state.cpu_seconds, 3),
        "best": state.rows[state.best_epoch - 1],
    }
