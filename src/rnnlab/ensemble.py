"""Several finished runs that answer as one: a weighted mean of their probabilities.

An ensemble is a directory with `ensemble.json`: its members by path, each with the hash of its
identity and of its parameters, and their weights. The members stay where they are; a member that is
gone, or was trained anew since, is an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.exceptions import UserError
from rnnlab.files import read_json, sha256_json, write_json
from rnnlab.model_folder import parameters_sha256
from rnnlab.predictor import Predictions, Predictor
from rnnlab.train.rundir import RunDirectory

_FORMAT = 1
_FILE = "ensemble.json"


def is_ensemble(path: Path) -> bool:
    """Whether a directory holds an ensemble."""
    return (path / _FILE).is_file()


def recorded_digest(path: Path) -> str | None:
    """Hash of the ensemble in a directory, its members unchecked; None if its file is damaged."""
    try:
        return str(read_json(path / _FILE)["hash"])
    except (ValueError, KeyError, TypeError):
        return None


def average(
    probabilities: Sequence[npt.NDArray[np.float32]], weights: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Weighted mean of float32[n, classes], one a member; summed in float64."""
    total = np.zeros(probabilities[0].shape)
    for part, weight in zip(probabilities, weights, strict=True):
        total += weight * part.astype(np.float64)
    return total.astype(np.float32)


@dataclass(frozen=True)
class Member:
    """A run in an ensemble.

    Attributes:
        run: its directory.
        identity: hash of its identity, the seed included.
        parameters: hash of its parameters.
        weight: its share of the mean.
    """

    run: RunDirectory
    identity: str
    parameters: str
    weight: float

    @staticmethod
    def of(run: RunDirectory, weight: float) -> Member:
        """A finished run as it is now.

        Raises:
            UserError: it has no model.
        """
        identity = sha256_json(run.read()["identity"])
        return Member(run, identity, parameters_sha256(run.model), weight)


@dataclass(frozen=True)
class Ensemble:
    """Members and their weights.

    Attributes:
        members: at least two; the weights add up to 1.
    """

    members: tuple[Member, ...]

    @property
    def weights(self) -> list[float]:
        """Of the members, in order."""
        return [member.weight for member in self.members]

    @cached_property
    def digest(self) -> str:
        """Hash of the members and their weights, in whatever order."""
        return sha256_json(sorted([m.identity, m.parameters, m.weight] for m in self.members))

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """Write ensemble.json; paths are relative to it, so that a folder of runs can be moved."""
        members = [
            {
                "run": os.path.relpath(member.run.path.resolve(), folder.resolve()),
                "identity": member.identity,
                "parameters": member.parameters,
                "weight": member.weight,
            }
            for member in self.members
        ]
        record = {"format": _FORMAT, "hash": self.digest, "members": members, **facts}
        write_json(folder / _FILE, record)

    @staticmethod
    def open(folder: Path) -> Ensemble:
        """Read an ensemble and check that its members are what they were.

        Raises:
            UserError: its file is damaged, or a member is missing or was trained anew.
        """
        path = folder / _FILE
        try:
            record = read_json(path)
            if record["format"] != _FORMAT:
                raise UserError(f"{path}: written by a newer rnnlab; use that version")
            listed = [
                Member(
                    RunDirectory(Path(os.path.normpath(folder.resolve() / str(item["run"])))),
                    str(item["identity"]),
                    str(item["parameters"]),
                    float(item["weight"]),
                )
                for item in record["members"]
            ]
            ensemble = Ensemble(tuple(listed))
            if ensemble.digest != record["hash"]:
                raise ValueError("its hash does not fit its members")
        except (ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{path}: damaged ({reason}); make the ensemble again") from error
        for member in ensemble.members:
            _check(folder, member)
        return ensemble


def _check(folder: Path, member: Member) -> None:
    path = member.run.path
    if not path.is_dir():
        raise UserError(
            f"{folder}: its member {path} is missing; restore it, or make the ensemble again"
        )
    now = Member.of(RunDirectory.open(path), member.weight)
    if (now.identity, now.parameters) != (member.identity, member.parameters):
        raise UserError(
            f"{folder}: its member {path} was trained anew since; make the ensemble again"
        )


@dataclass(frozen=True)
class EnsemblePredictor:
    """From texts to label probabilities, as `rnnlab.predictor.Predictor` has it.

    Attributes:
        members: models with the same labels.
        weights: of their probabilities; they add up to 1.
    """

    members: tuple[Predictor, ...]
    weights: tuple[float, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names in the order of the probabilities' columns."""
        return self.members[0].labels

    @property
    def text_column(self) -> str:
        """Of a table, unless another is named: the first member's."""
        return self.members[0].text_column

    @property
    def max_tokens(self) -> int | None:
        """The shortest limit among the members; None where none cuts texts."""
        limits = [member.max_tokens for member in self.members]
        return min((limit for limit in limits if limit is not None), default=None)

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Classify texts; counts of cut and empty texts are those of the member with most, those of
        tokens are of the member that knows the smallest share."""
        results = [member.predict(texts) for member in self.members]
        strangest = min(results, key=lambda result: result.tokens_known / max(result.tokens, 1))
        return Predictions(
            average([result.probabilities for result in results], self.weights),
            max(result.texts_cut for result in results),
            max(result.texts_empty for result in results),
            strangest.tokens,
            strangest.tokens_known,
        )

    @staticmethod
    def load(folder: Path) -> EnsemblePredictor:
        """Read an ensemble's members.

        Raises:
            UserError: a member is missing, damaged, or was trained anew.
        """
        ensemble = Ensemble.open(folder)
        predictors = [Predictor.load(member.run.model) for member in ensemble.members]
        return EnsemblePredictor(tuple(predictors), tuple(ensemble.weights))
