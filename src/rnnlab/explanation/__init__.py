"""Why a model says what it says of a text.

    explain(predictor, "a great film").pieces

The methods are the modules of `rnnlab.explanation.methods`.
"""

from __future__ import annotations

from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.ensemble import EnsemblePredictor
from rnnlab.exceptions import UserError
from rnnlab.explanation.attribution import Attribution, Explanation, Piece
from rnnlab.explanation.reading import Reading, ragged_of, read
from rnnlab.options import nearest
from rnnlab.predictor import Predictor
from rnnlab.registry import Registry

__all__ = ["METHODS", "Explanation", "Piece", "explain", "methods_of"]

METHODS = Registry("rnnlab.explanation.methods", "method of explanation")


def methods_of(predictor: Predictor) -> list[str]:
    """The methods that a model allows, the one that is taken by default first."""
    modules = {name: METHODS.load(name) for name in METHODS.names}
    serving = [name for name, module in modules.items() if not module.refusal(predictor)]
    return sorted(serving, key=lambda name: (modules[name].RANK, name))


def explain(
    predictor: Predictor | EnsemblePredictor,
    text: str,
    method: str | None = None,
    label: str | None = None,
) -> Explanation:
    """Explain a prediction.

    Args:
        predictor: a trained model.
        text: what it is asked about.
        method: a name from `METHODS`; None for the first of `methods_of`.
        label: whose score is explained; None for the predicted one.

    Raises:
        UserError: the model does not allow the method, has no such label, or knows no word of the
            text; or the method or the label is unknown.
    """
    if isinstance(predictor, EnsemblePredictor):
        raise UserError("an ensemble is explained member by member: name one of its runs")
    name = method or methods_of(predictor)[0]
    module = METHODS.load(name)
    if refusal := module.refusal(predictor):
        raise UserError(f"{refusal}; it allows {', '.join(methods_of(predictor))}")
    if label is not None and label not in predictor.labels:
        raise UserError(f"the model has no label '{label}'{nearest(label, predictor.labels)}")
    reading = read(predictor.reader, text)
    probabilities = predictor.fitted.probabilities(ragged_of([reading.numbers]))[0]
    predicted = int(probabilities.argmax())
    target = predicted if label is None else predictor.labels.index(label)
    attribution = module.attribute(predictor, reading, target)
    return Explanation(
        method=name,
        text=text,
        label=predictor.labels[predicted],
        explained=predictor.labels[target],
        probabilities=dict(zip(predictor.labels, probabilities.tolist(), strict=True)),
        pieces=_pieces(reading, attribution),
        quantity=attribution.quantity,
        note=attribution.note,
        signed=attribution.signed,
        score=attribution.score,
        baseline=attribution.baseline,
        gap=attribution.gap,
        cut=reading.cut,
        facts=attribution.facts,
    )


def _pieces(reading: Reading, attribution: Attribution) -> tuple[Piece, ...]:
    contributions = attribution.contributions.tolist()
    if attribution.spans is not None:
        pairs = zip(attribution.spans, contributions, strict=True)
        return tuple(
            Piece(reading.text[start:end], start, end, value, None) for (start, end), value in pairs
        )
    known = (reading.numbers != UNKNOWN).tolist()
    rows = zip(reading.tokens, reading.spans, contributions, known, strict=True)
    return tuple(
        Piece(token, None, None, value, is_known)
        if span is None
        else Piece(reading.text[span[0] : span[1]], *span, value, is_known)
        for token, span, value, is_known in rows
    )
