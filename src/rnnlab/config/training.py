"""What a config may say of a training."""

from __future__ import annotations

import contextlib
import math
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rnnlab.data.labels import normalise_label
from rnnlab.options import Options
from rnnlab.registry import OPTIMIZERS, SCHEDULES, component


def _class_weights(value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    if isinstance(value, dict) and value:
        with contextlib.suppress(TypeError, ValueError):
            names = (key if isinstance(key, str) else normalise_label(key) for key in value)
            weights = dict(zip(names, map(float, value.values()), strict=True))
            if all(0 < weight < math.inf for weight in weights.values()):
                return weights
    raise ValueError("give balanced, or a positive weight for each label, as in {bad: 2, good: 1}")


class VariableWindows(Options):
    """Windows of random lengths, so that no word is always at a window's beginning.

    Under "token_mean" the learning rate of an update is then in proportion to its window.

    Attributes:
        half_share: share of windows that are about half as long.
        deviation: standard deviation of the lengths, in steps.
        least: steps of the shortest.
    """

    half_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    deviation: NonNegativeFloat = 5.0
    least: PositiveInt = 5


class StreamConfig(Options):
    """How a language model reads its stream; classifiers do not use it.

    Attributes:
        window: steps of an update, through which gradients flow.
        loss: whose gradient is followed and clipped. "token_mean": nats per token; "time_sum": nats
            summed over a window's steps and averaged over its columns, `window` times as much.
            Published learning rates around 1 are for the latter.
        variable: windows of random lengths around `window`; None for windows that are all the same.
        ar: activation regularization: weight of the mean squared output of the top layer, after
            dropout; added to the loss of a token.
        tar: temporal activation regularization: weight of the mean squared difference between its
            outputs at neighbouring steps, before dropout.
    """

    window: PositiveInt = 35
    loss: Literal["token_mean", "time_sum"] = "token_mean"
    variable: VariableWindows | None = None
    ar: NonNegativeFloat = 0.0
    tar: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _settings_fit_the_window(self) -> StreamConfig:
        if self.variable is not None and self.variable.least > self.window:
            raise ValueError(
                f"variable.least={self.variable.least} is more than window={self.window}; lower it"
            )
        if self.tar and self.window == 1:
            raise ValueError("tar compares neighbouring steps, and window=1 has one; leave it out")
        return self


class NonMonotone(Options):
    """A plain average of the parameters of all updates since validation stopped improving.

    Attributes:
        non_monotone: epochs during which validation need not improve; averaging begins after an
            epoch that is worse than the best of all epochs but the last so many before it.
    """

    non_monotone: PositiveInt


def _average(value: Any) -> float | NonMonotone | None:
    if value is None or isinstance(value, NonMonotone):
        return value
    if isinstance(value, dict):
        try:
            return NonMonotone.model_validate(value)
        except ValidationError as error:
            context = {"problem": "", "errors": error.errors()}
            raise PydanticCustomError("component", "{problem}", context) from error
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    raise ValueError("give a decay between 0 and 1, as 0.999, or {non_monotone: 5}")


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Options) else value


class TrainConfig(Options):
    """How a model is trained. Models that are fitted in one go use `class_weights` alone.

    Attributes:
        epochs: passes over the training part, at most.
        batch_size: examples per update; of a language model, columns of the stream.
        stream: how a language model reads its text.
        batch_tokens: most tokens per update, padding included; batches of long texts then have
            fewer examples. None for no limit.
        optimizer: and its settings; `lr` is the base of the schedule.
        schedule: the learning rate's course.
        warmup_steps: updates over which the rate rises from 0.
        clip_norm: gradients are scaled down to this global norm; None or 0 for no clipping.
        metric: on validation; the best epoch by it is kept. "auto" is macro F1 where its labels
            are uneven (`rnnlab.data.balance`), else accuracy; of a language model, perplexity.
        patience: epochs without improvement after which training stops; None for never.
        class_weights: "balanced" weighs each class by the inverse of its frequency; a mapping of
            labels to weights weighs those that it names, and the others 1.
        label_smoothing: share of the target probability that is spread over all classes.
        average: of the parameters, which validation and the kept model use; None for none. A
            number is the decay of a running average, 0.999 is usual; {non_monotone: 5} averages
            from where validation stops improving, which makes NT-ASGD of SGD.
        precision: "bfloat16" or "float16" runs the forward pass under autocast; float16 scales the
            loss, so that small gradients survive, and is fast on GPUs alone.
        checkpoint_seconds: at most this much work is lost when the process is killed.
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 64
    batch_tokens: PositiveInt | None = None
    stream: StreamConfig = StreamConfig()
    optimizer: Annotated[Any, component(OPTIMIZERS)] = "adam"
    schedule: Annotated[Any, component(SCHEDULES)] = "constant"
    warmup_steps: NonNegativeInt = 0
    clip_norm: NonNegativeFloat | None = None
    metric: Literal["auto", "accuracy", "macro_f1", "loss", "perplexity"] = "auto"
    patience: PositiveInt | None = None
    class_weights: Annotated[
        Literal["balanced"] | dict[str, float] | None, PlainValidator(_class_weights)
    ] = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    average: Annotated[Any, PlainValidator(_average), PlainSerializer(_plain)] = None
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    checkpoint_seconds: NonNegativeFloat = 60.0
