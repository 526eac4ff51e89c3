"""Batched = single: whatever else is in its batch, a text has the same loss and output."""

from __future__ import annotations

from typing import Any

import torch

from rnnlab.verify.evidence import Evidence, Exhibit, shown
from rnnlab.verify.examples import Example, batch_of, losses, outlier, token_losses
from rnnlab.verify.subject import Subject

NUMBER = 1
TITLE = "batched = single"
PROVES = (
    "A text has the same loss and output alone, in a batch, in a permuted batch, and beside a text "
    "of ten times its length."
)
ADVICE = (
    "Something reads past a text's end: look at lengths and masks, at where the final state is "
    "taken, and at averages over time."
)
READS = ("model", "data")

_ORDER = (3, 0, 4, 1, 2)


def run(subject: Subject) -> Evidence:
    """Compare each example alone with the same in other company."""
    evidence = Evidence()
    if subject.kind == "fitted":
        _fitted(subject, evidence)
    elif subject.kind == "language_model":
        _columns(subject, evidence)
    else:
        for dtype in (torch.float64, torch.float32):
            _network(subject, evidence, dtype)
    return evidence


def _network(subject: Subject, evidence: Evidence, dtype: torch.dtype) -> None:
    model, examples = subject.network(dtype), subject.examples
    names = [example.name for example in examples]
    companies = _companies(examples)
    with torch.no_grad():
        alone = torch.cat([model(*batch_of([one])[:2]) for one in examples])
        nats = [subject.task.loss_sum(model, batch_of([one])).nats for one in examples]
        alone_nats = torch.stack(nats)
        columns = [alone_nats]
        precision = str(dtype).removeprefix("torch.")
        for where, (members, places) in companies.items():
            batch = batch_of(members)
            logits = model(batch.tokens, batch.lengths)
            evidence.compare(f"outputs {where}, {precision}", logits[places], alone, names=names)
            own = losses(logits, batch.labels)
            columns.append(own[places])
            evidence.compare(f"loss {where}, {precision}", own[places], alone_nats, names=names)
            if len(places) == len(members):
                together = subject.task.loss_sum(model, batch).nats
                evidence.compare(f"sum of losses {where}, {precision}", together, alone_nats.sum())
    if dtype == torch.float64:
        evidence.exhibits.append(_table(names, list(companies), columns, dtype))


def _companies(examples: list[Example]) -> dict[str, tuple[list[Example], list[int]]]:
    """Batches, and where in each the examples are."""
    permuted = [examples[i] for i in _ORDER]
    places = [_ORDER.index(i) for i in range(len(examples))]
    beside = [outlier(examples), *examples]
    return {
        "in a batch": (examples, list(range(len(examples)))),
        "permuted": (permuted, places),
        "beside outlier": (beside, list(range(1, len(beside)))),
    }


def _table(
    names: list[str], companies: list[str], columns: list[torch.Tensor], dtype: torch.dtype
) -> Exhibit:
    whole = torch.stack(columns, dim=1)
    apart = (whole - whole[:, :1]).abs().amax(dim=1) / whole.abs().max()
    return Exhibit(
        f"loss of each of {len(names)} texts in nats, {str(dtype).removeprefix('torch.')}",
        ["text", "alone", *companies, "difference"],
        [
            [name, *(f"{value:.8f}" for value in row), shown(float(gap))]
            for name, row, gap in zip(names, whole.tolist(), apart, strict=True)
        ],
    )


def _fitted(subject: Subject, evidence: Evidence) -> None:
    from rnnlab.data.ragged import Ragged

    examples = subject.examples
    names = [example.name for example in examples]

    def probabilities(members: list[Example]) -> torch.Tensor:
        tokens = torch.cat([one.tokens for one in members]).numpy().astype("int32")
        lengths = torch.tensor([len(one.tokens) for one in members]).numpy()
        return torch.from_numpy(
            subject.fitted.probabilities(Ragged.from_lengths(tokens, lengths)).copy()
        )

    def nats(rows: torch.Tensor) -> torch.Tensor:
        labels = torch.tensor([one.label for one in examples])
        return -rows.gather(1, labels.unsqueeze(1))[:, 0].log()

    alone = torch.cat([probabilities([one]) for one in examples])
    columns = [nats(alone)]
    companies = _companies(examples)
    for where, (members, places) in companies.items():
        found = probabilities(members)[places]
        columns.append(nats(found))
        evidence.compare(f"probabilities {where}, float32", found, alone, names=names)
        evidence.compare(f"loss {where}, float32", columns[-1], columns[0], names=names)
    evidence.exhibits.append(_table(names, list(companies), columns, torch.float32))


def _columns(subject: Subject, evidence: Evidence) -> None:
    """Columns of a stream have one length; what is left is that none reads another."""
    from rnnlab.tasks.language_modeling import LanguageModeling, Window

    pieces = subject.windows
    names = [f"column {number + 1}" for number in range(len(pieces))]
    places = [_ORDER.index(i) for i in range(len(pieces))]
    for dtype in (torch.float64, torch.float32):
        model, precision = subject.network(dtype), str(dtype).removeprefix("torch.")

        def nats(rows: torch.Tensor, model: Any = model) -> torch.Tensor:
            return LanguageModeling().loss_sum(model, Window(rows[:, :-1], rows[:, 1:])).nats

        with torch.no_grad():
            alone = torch.cat([model(one.unsqueeze(0), None)[0] for one in pieces])
            together = model(pieces, None)[0]
            permuted = model(pieces[list(_ORDER)], None)[0][places]
            single = torch.stack([nats(one.unsqueeze(0)) for one in pieces])
            evidence.compare(f"features in a batch, {precision}", together, alone, names=names)
            evidence.compare(f"features permuted, {precision}", permuted, alone, names=names)
            evidence.compare(f"sum of losses, {precision}", nats(pieces), single.sum())
        if dtype == torch.float64:
            with torch.no_grad():
                columns = [single] + [
                    token_losses(model, features[:, :-1], pieces[:, 1:])
                    .view(len(pieces), -1)
                    .sum(1)
                    for features in (together, permuted)
                ]
            evidence.compare("loss in a batch, float64", columns[1], single, names=names)
            evidence.compare("loss permuted, float64", columns[2], single, names=names)
            evidence.exhibits.append(_table(names, ["in a batch", "permuted"], columns, dtype))
    evidence.notes.append("columns of a stream have one length, so there is no outlier")
