"""Parameters: the count is the formula's, layer by layer, at full size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rnnlab.describe import describe
from rnnlab.registry import CELLS
from rnnlab.verify.evidence import Evidence, Exhibit
from rnnlab.verify.subject import Subject

NUMBER = 7
TITLE = "parameter count"
PROVES = (
    "Every layer has as many parameters as its formula says: the textbook's, and the actual one "
    "with two bias vectors per gate."
)
ADVICE = (
    "The model is not the one that its description says: compare widths, directions, layers and "
    "biases with the formula."
)
READS = ("full",)


@dataclass(frozen=True)
class _Formula:
    """What a layer should have.

    Attributes:
        text: the formula with its numbers.
        count: its value.
        textbook: with one bias vector per gate; equal where there is no gate.
    """

    text: str
    count: int
    textbook: int


def run(subject: Subject) -> Evidence:
    """Compare `rnnlab show`'s counts, and torch's, with the formulas."""
    if subject.kind == "fitted":
        return _fitted(subject)
    evidence = Evidence()
    config = _with_sizes(subject)
    facts = describe(config)
    recorded = facts["recorded"]
    formulas = _formulas(config.model.options, recorded["vocabulary"], recorded.get("classes"))
    layers = {layer["name"]: layer for layer in facts["parameters"]["layers"]}
    missing = sorted(formulas.keys() ^ layers.keys())
    evidence.add("layers without formula, or the reverse", len(missing), 0, " ".join(missing))
    rows = []
    for name, formula in formulas.items():
        if name not in layers:
            continue
        actual = layers[name]["count"]
        evidence.add(f"{name}: parameters", abs(actual - formula.count), 0, formula.text)
        if "textbook" in layers[name]:
            gap = abs(layers[name]["textbook"] - formula.textbook)
            evidence.add(f"{name}: textbook count", gap, 0, formula.text)
        rows.append(
            [name, formula.text, *(f"{n:,}" for n in (formula.textbook, formula.count, actual))]
        )
    total = facts["parameters"]["total"]
    expected = sum(formula.count for formula in formulas.values())
    evidence.add("total", abs(total - expected), 0)
    evidence.add("total that torch counts on the meta device", abs(total - _counted(config)), 0)
    textbook = sum(formula.textbook for formula in formulas.values())
    rows.append(["total", "", f"{textbook:,}", f"{expected:,}", f"{total:,}"])
    evidence.exhibits.append(
        Exhibit(
            f"parameters at full size, {recorded['vocabulary']:,} words",
            ["layer", "formula", "textbook", "formula's", "actual"],
            rows,
            left=2,
        )
    )
    evidence.notes.append(f"{total:,} parameters, {textbook:,} by the textbook")
    return evidence


def _with_sizes(subject: Subject) -> Any:
    """The full config; of a run, with the sizes of its data."""
    if subject.run is None:
        return subject.full
    from rnnlab.describe import recorded_config

    return recorded_config(subject.run.path)


def _counted(config: Any) -> int:
    import torch

    recorded = describe(config)["recorded"]
    sizes = {"vocabulary_size": recorded["vocabulary"]}
    if "classes" in recorded:
        sizes["num_classes"] = recorded["classes"]
    with torch.device("meta"):
        model = config.model.module.build(config.model.options, **sizes)
    return sum(math.prod(parameter.shape) for parameter in model.parameters())


def _formulas(options: Any, vocabulary: int, classes: int | None) -> dict[str, _Formula]:
    """By the names that `rnnlab show` gives."""
    width = options.embedding.dim
    formulas = {"embedding": _product(vocabulary, width)}
    encoder = options.encoder
    if encoder is not None:
        directions = ("", "_reverse") if getattr(encoder, "bidirectional", False) else ("",)
        gates = CELLS.load(encoder.cell.name).GATES
        last = getattr(encoder, "last_hidden", None)
        for layer in range(encoder.layers - (last is not None)):
            for suffix in directions:
                formulas[f"encoder.l{layer}{suffix}"] = _gated(gates, width, encoder.hidden)
            width = encoder.hidden * len(directions)
        if last is not None:
            formulas["top.l0"], width = _gated(gates, width, last), last
    if classes is None:
        return formulas | _softmax(options, width, vocabulary)
    for number, name in enumerate(options.pooling):
        if formula := _pooling(name, width):
            formulas[f"pooling.{number}"] = formula
    pooled = width * len(options.pooling)
    if options.head_hidden is not None:
        formulas["hidden"] = _linear(pooled, options.head_hidden)
        pooled = options.head_hidden
    outputs = 1 if classes == 2 else classes
    formulas["head"] = _linear(pooled, outputs)
    return formulas


def _softmax(options: Any, width: int, vocabulary: int) -> dict[str, _Formula]:
    """What a language model reads its words from: a full softmax, one tied to the embedding, or
    clusters."""
    if options.tied:
        dim = options.embedding.dim
        projection = {"projection": _product(width, dim)} if width != dim else {}
        return projection | {"head": _Formula(f"{vocabulary}", vocabulary, vocabulary)}
    if options.adaptive is None:
        return {"head": _linear(width, vocabulary)}
    ends = [*options.adaptive.cutoffs, vocabulary]
    formulas = {"head.head": _linear(width, ends[0] + len(ends) - 1)}
    for number in range(len(ends) - 1):
        narrow = int(width // options.adaptive.divide_by ** (number + 1))
        formulas[f"head.tail.{number}.0"] = _product(width, narrow)
        formulas[f"head.tail.{number}.1"] = _product(narrow, ends[number + 1] - ends[number])
    return formulas


def _product(rows: int, columns: int) -> _Formula:
    return _Formula(f"{rows}·{columns}", rows * columns, rows * columns)


def _linear(inputs: int, outputs: int) -> _Formula:
    count = inputs * outputs + outputs
    return _Formula(f"{inputs}·{outputs} + {outputs}", count, count)


def _gated(gates: int, inputs: int, hidden: int) -> _Formula:
    """gates · (D·H + H·H + 2·H); the textbook has one bias, H."""
    matrices = inputs * hidden + hidden * hidden
    return _Formula(
        f"{gates}·({inputs}·{hidden} + {hidden}² + 2·{hidden})",
        gates * (matrices + 2 * hidden),
        gates * (matrices + hidden),
    )


def _pooling(name: str, width: int) -> _Formula | None:
    """Of poolings that have parameters."""
    if name == "attention_general":
        return _product(width, width)
    if name == "attention_additive":
        count = 2 * width * width + 2 * width
        return _Formula(f"2·{width}² + 2·{width}", count, count)
    return None


def _fitted(subject: Subject) -> Evidence:
    """A linear model has a coefficient for each term and output, and an intercept for each
    output; shares have one for each label."""
    evidence = Evidence()
    fitted, classes = subject.fitted, len(subject.labels)
    outputs = 1 if classes == 2 else classes
    if hasattr(fitted, "terms"):
        expected, text = outputs * (len(fitted.terms) + 1), f"{outputs}·({len(fitted.terms)} + 1)"
    else:
        expected, text = classes, f"{classes} shares"
    evidence.add("parameters = formula", abs(fitted.num_parameters - expected), 0, text)
    evidence.notes.append(f"{fitted.num_parameters:,} parameters = {text}")
    return evidence
