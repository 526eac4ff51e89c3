"""The same proofs for any torch module that reads sequences of different lengths.

    def make_inputs(length, generator):
        return torch.randint(2, 100, (length,), generator=generator)

    report = check_module(model, make_inputs)
    assert report, report

Legend: B sequences, T steps of the longest.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from rnnlab.options import nearest
from rnnlab.verify.evidence import CheckResult, Evidence, NotApplicable, shown
from rnnlab.verify.weights import gradients

MakeInputs = Callable[[int, torch.Generator], Tensor]
Call = Callable[[nn.Module, Tensor, Tensor], Tensor]
Loss = Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor | int]]

LENGTHS = (11, 3, 17, 1, 6)
_OUTLIER_FACTOR = 10
_EXTRA = (1, 9)


@dataclass(frozen=True)
class ModuleReport:
    """What is proved of a module. True where everything passed; its text is a table.

    Attributes:
        name: of the module's class.
        checks: in order.
    """

    name: str
    checks: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(check.name for check in self.checks if check.passed is False)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        lines = [f"{self.name}: {'passed' if self.passed else 'FAILED'}"]
        for check in self.checks:
            verdict = {True: "passed", False: "FAILED", None: "skipped"}[check.passed]
            figures = ""
            if check.difference is not None and check.tolerance is not None:
                figures = f"{shown(check.difference):>9} (tolerance {shown(check.tolerance)})"
            lines.append(f"  {check.name:<12} {verdict:<8} {figures}".rstrip())
            if check.passed is not True:
                lines.append(f"    {check.detail}")
            if check.passed is False:
                lines.append(f"    {check.advice}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        checks = [check.to_dict() for check in self.checks]
        return {"module": self.name, "passed": self.passed, "checks": checks}


def check_module(
    module: nn.Module,
    make_inputs: MakeInputs,
    *,
    call: Call | None = None,
    loss: Loss | None = None,
    per_token: bool = False,
    padding: float = 0,
    lengths: Sequence[int] = LENGTHS,
    dtype: torch.dtype | None = torch.float64,
    only: Sequence[str] = (),
    seed: int = 0,
) -> ModuleReport:
    """Prove that a module answers for each sequence alone, whatever it is batched and padded with.

    The module itself is left as it is: a copy in evaluation mode is looked at.

    Args:
        module: yours, with its parameters.
        make_inputs: gives a sequence of a length: tokens int64[T], or features float[T, D].
        call: (module, batch [B, T, ...], lengths int64[B]) -> outputs whose row b is sequence b's;
            by default module(batch, lengths).
        loss: (module, batch, lengths) -> its sum over all targets, and how many those are; None
            where the loss is not to be looked at.
        per_token: outputs are [B, T, ...], and what is at padding does not matter.
        padding: what your batches have there.
        lengths: of the sequences, at least two, not all the same.
        dtype: to convert the copy to; None leaves it as it is.
        only: names of checks; all by default.
        seed: of the inputs.

    Raises:
        ValueError: lengths or names of checks are not as above.
    """
    if len(set(lengths)) < 2 or min(lengths) < 1:
        raise ValueError(f"lengths {list(lengths)}: give two different ones, each at least 1")
    for name in only:
        if name not in _CHECKS:
            raise ValueError(f"unknown check '{name}'{nearest(name, _CHECKS)}")
    copied = copy.deepcopy(module).eval()
    trial = _Trial(
        copied if dtype is None else copied.to(dtype),
        call or (lambda module, batch, lengths: module(batch, lengths)),
        loss,
        per_token,
        padding,
        dtype,
    )
    generator = torch.Generator().manual_seed(seed)
    trial.sequences = [trial.converted(make_inputs(length, generator)) for length in lengths]
    longest = _OUTLIER_FACTOR * max(lengths)
    trial.outlier = trial.converted(make_inputs(longest, generator))
    from rnnlab.verify.session import run_check

    results = (run_check(name, _CHECKS[name], trial) for name in only or _CHECKS)
    return ModuleReport(type(module).__name__, tuple(results))


class _Trial:
    """A module, its sequences, and how it is called."""

    def __init__(
        self,
        module: nn.Module,
        call: Call,
        loss: Loss | None,
        per_token: bool,
        padding: float,
        dtype: torch.dtype | None,
    ) -> None:
        self.module, self.call, self.loss = module, call, loss
        self.per_token, self.padding, self.dtype = per_token, padding, dtype
        self.sequences: list[Tensor] = []
        self.outlier = torch.empty(0)

    def converted(self, sequence: Tensor) -> Tensor:
        """Features in the precision that is computed in; tokens as they are."""
        if self.dtype is None or not sequence.is_floating_point():
            return sequence
        return sequence.to(self.dtype)

    @property
    def names(self) -> list[str]:
        """What the sequences are called."""
        return [f"the sequence of {len(sequence)}" for sequence in self.sequences]

    def batch(
        self, sequences: Sequence[Tensor], *, extra: int = 0, other: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Pad sequences; with `other`, with steps of the sequences themselves."""
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        width = int(lengths.max()) + extra
        steps = torch.cat(list(sequences))
        rows = []
        for sequence in sequences:
            missing = width - len(sequence)
            filling = steps[:1].expand(missing, *steps.shape[1:]).clone()
            if other:
                filling = steps.flip(0).repeat(missing // len(steps) + 1, *[1] * (steps.dim() - 1))
                filling = filling[:missing]
            else:
                filling = torch.full_like(filling, self.padding)
            rows.append(torch.cat([sequence, filling]))
        return torch.stack(rows), lengths

    def outputs(self, batch: Tensor, lengths: Tensor) -> list[Tensor]:
        """What the module says of each sequence; of its own steps alone where it speaks of each."""
        outputs = self.call(self.module, batch, lengths)
        if outputs.dim() == 0 or len(outputs) != len(batch):
            raise ValueError(
                f"outputs of shape {list(outputs.shape)} for {len(batch)} sequences: `call` has to "
                "return a row for each (batch first)"
            )
        if not self.per_token:
            return list(outputs)
        return [row[:length] for row, length in zip(outputs, lengths.tolist(), strict=True)]

    def alone(self) -> list[Tensor]:
        """What it says of each sequence by itself."""
        return [self.outputs(*self.batch([sequence]))[0] for sequence in self.sequences]


def _compare(evidence: Evidence, trial: _Trial, what: str, found: Any, expected: Any) -> None:
    gaps = torch.stack(
        [(f.double() - e.double()).abs().max() for f, e in zip(found, expected, strict=True)]
    )
    worst = trial.names[int(gaps.nan_to_num(torch.inf).argmax())]
    evidence.compare(what, torch.cat([f.flatten() for f in found]), _flat(expected))
    evidence.findings[-1] = evidence.findings[-1]._replace(example=worst)


def _flat(rows: Sequence[Tensor]) -> Tensor:
    return torch.cat([row.flatten() for row in rows])


@torch.no_grad()
def _batching(trial: _Trial) -> Evidence:
    evidence = Evidence()
    alone, own = trial.alone(), trial.sequences
    spread = max(float((row.flatten()[:1] - alone[0].flatten()[:1]).abs()) for row in alone)
    evidence.add("sequences that all get the same output", float(spread == 0), 0.0)
    _compare(evidence, trial, "in a batch = alone", trial.outputs(*trial.batch(own)), alone)
    permuted = trial.outputs(*trial.batch(own[::-1]))[::-1]
    _compare(evidence, trial, "in a permuted batch = alone", permuted, alone)
    beside = trial.outputs(*trial.batch([trial.outlier, *own]))[1:]
    what = f"beside one of {len(trial.outlier)} steps = alone"
    _compare(evidence, trial, what, beside, alone)
    return evidence


@torch.no_grad()
def _padding(trial: _Trial) -> Evidence:
    evidence = Evidence()
    expected = trial.outputs(*trial.batch(trial.sequences))
    for extra in _EXTRA:
        found = trial.outputs(*trial.batch(trial.sequences, extra=extra))
        _compare(evidence, trial, f"{extra} more steps of padding", found, expected)
    for extra in (0, _EXTRA[-1]):
        found = trial.outputs(*trial.batch(trial.sequences, extra=extra, other=True))
        _compare(evidence, trial, "other values at padding", found, expected)
    return evidence


def _loss(trial: _Trial) -> Evidence:
    if trial.loss is None:
        raise NotApplicable("no loss was given")
    evidence = Evidence()
    nats, targets = [], 0.0
    for sequence in trial.sequences:
        value, count = trial.loss(trial.module, *trial.batch([sequence]))
        nats.append(value)
        targets += float(count)
    total = torch.stack(nats).sum()
    expected = gradients(trial.module, total)
    for extra in (0, *_EXTRA):
        value, count = trial.loss(trial.module, *trial.batch(trial.sequences, extra=extra))
        what = f"with {extra} more steps of padding"
        evidence.compare(f"sum of losses {what} = of each alone", value, total)
        evidence.add(f"targets {what}, too many or too few", abs(float(count) - targets), 0.0)
        found = gradients(trial.module, value)
        evidence.compare_gradients(f"gradients of the loss {what}", found, expected)
    return evidence


@torch.no_grad()
def _extremes(trial: _Trial) -> Evidence:
    evidence = Evidence()
    shortest = min(trial.sequences, key=len)[:1]
    for what, sequence in (("one step", shortest), ("the longest", trial.outlier)):
        (row,) = trial.outputs(*trial.batch([sequence]))
        numbers = int((~torch.isfinite(row)).sum())
        evidence.add(f"{what}: outputs that are not finite", numbers, 0.0)
    return evidence


@torch.no_grad()
def _determinism(trial: _Trial) -> Evidence:
    evidence = Evidence()
    batch = trial.batch(trial.sequences)
    first, again = trial.outputs(*batch), trial.outputs(*batch)
    _compare(evidence, trial, "asked twice", again, first)
    return evidence


def _learning(trial: _Trial) -> Evidence:
    evidence = Evidence()
    if not any(parameter.requires_grad for parameter in trial.module.parameters()):
        raise NotApplicable("no parameter is trained")
    expected_rows = trial.alone()
    generator = torch.Generator().manual_seed(0)
    weights = [
        torch.randn(row.shape, generator=generator, dtype=torch.float64).to(row)
        for row in expected_rows
    ]

    def value(rows: Sequence[Tensor]) -> Tensor:
        return sum(((r * w).sum() for r, w in zip(rows, weights, strict=True)), torch.tensor(0.0))

    expected = gradients(trial.module, value(expected_rows))
    without = [name for name, gradient in expected.items() if not bool((gradient != 0).any())]
    what = f"parameters without a gradient, of {len(expected)}"
    evidence.add(what, len(without), 0.0, ", ".join(without))
    together = value(trial.outputs(*trial.batch(trial.sequences)))
    evidence.compare_gradients(
        "gradients in a batch = of each alone", gradients(trial.module, together), expected
    )
    return evidence


def _check(run: Callable[[_Trial], Evidence], advice: str) -> Any:
    return SimpleNamespace(run=run, ADVICE=advice)


_CHECKS: dict[str, Any] = {
    "batching": _check(
        _batching,
        "Something reads past a sequence's end: the final state has to be taken at its own length, "
        "the backward direction begun there, and averages taken over its own steps.",
    ),
    "padding": _check(
        _padding,
        "Padding is read: mask the softmax and the averages over time, or pack the sequences.",
    ),
    "loss": _check(
        _loss, "Padding is counted: mask the loss, and divide its sum by the real targets."
    ),
    "extremes": _check(
        _extremes, "An edge case breaks: look for empty softmaxes and divisions by zero."
    ),
    "determinism": _check(
        _determinism, "Something is random in evaluation: dropout that does not heed eval()."
    ),
    "learning": _check(
        _learning,
        "A part is cut off, or learns from padding: look for detached tensors and missing masks.",
    ),
}
