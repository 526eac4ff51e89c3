"""A language model as the server uses it: it goes on with texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlab.exceptions import UserError
from rnnlab.generation import Prompt, Sampling, generate
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.serve.bodies import CompleteBody
from rnnlab.serve.limits import Limits
from rnnlab.serve.replies import Refusal


class ServedWriter:
    """Completes texts.

    Args:
        path: of the run or model folder.
        predictor: its model.
        limits: on requests.

    Raises:
        UserError: the model does not give probabilities.
    """

    task = "language_modeling"
    labels: tuple[str, ...] = ()

    def __init__(self, path: Path, predictor: LanguagePredictor, limits: Limits) -> None:
        self.path, self.predictor, self._limits = path, predictor, limits
        (tried,) = generate(predictor, Prompt([], ()), Sampling(), tokens=1)
        if not math.isfinite(tried.nats):
            raise UserError(f"{path}: the model gives no probabilities; train it again")

    def describe(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {"task": self.task, "name": self.path.resolve().name, "labels": [], "methods": []}

    def answer(self, requests: Sequence[Sequence[str]]) -> list[Exception]:
        """It labels nothing."""
        return [_no_labels() for _ in requests]

    def explain(self, text: str, method: str | None, label: str | None) -> dict[str, Any]:
        """It explains nothing.

        Raises:
            Refusal: always.
        """
        raise _no_labels()

    def examples(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def complete(self, body: CompleteBody) -> dict[str, Any]:
        """Continuations of a text, each with the probability that the model gives it.

        Raises:
            Refusal: the prompt is too long.
        """
        prompt = Prompt.read(self.predictor, body.prompt)
        if len(prompt.tokens) > self._limits.explained_tokens:
            raise Refusal(
                413, f"the prompt is too long: at most {self._limits.explained_tokens:,} tokens"
            )
        found = generate(
            self.predictor,
            prompt,
            Sampling(temperature=body.temperature),
            count=body.count,
            tokens=body.tokens,
            seed=body.seed,
        )
        return {
            "continuations": [
                {
                    "text": each.text,
                    "joint": each.joint,
                    "ended": each.ended,
                    "nats": each.nats,
                }
                for each in found
            ],
            "unknown": prompt.unknown,
        }


def _no_labels() -> Refusal:
    return Refusal(501, "a language model has no labels; POST /complete goes on with a text")
