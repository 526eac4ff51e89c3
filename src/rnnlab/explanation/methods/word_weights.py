"""The weights of a model that is linear in its words: exact, with nothing estimated.

A text's score is an intercept and a sum over its n-grams (nb, tfidf) or over its word vectors (the
mean of embeddings, read as system D's report reads it). An n-gram's part is shared evenly among its
occurrences, and within each among its tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.explanation.attribution import Attribution
from rnnlab.explanation.reading import Reading, ragged_of
from rnnlab.models.linear import LinearModel
from rnnlab.predictor import Network, Predictor

SUMMARY = "the weights of a model that is linear in its words"
RANK = 0

_LISTED = 50
_NOTE = "What each token adds to the score; exact, since the model is linear in its words."


def refusal(predictor: Predictor) -> str:
    """Only linear models have a weight for a word."""
    fitted = predictor.fitted
    linear = isinstance(fitted, LinearModel)
    if linear or (isinstance(fitted, Network) and fitted.model.is_linear_in_words):
        return ""
    return f"this model of kind '{predictor.kind.name}' is not linear in its words"


def attribute(predictor: Predictor, reading: Reading, target: int) -> Attribution:
    """What each token adds to the score of the label."""
    if isinstance(predictor.fitted, LinearModel):
        return _of_ngrams(predictor, predictor.fitted, reading, target)
    return _of_vectors(predictor, predictor.fitted, reading, target)


def _of_ngrams(
    predictor: Predictor, model: LinearModel, reading: Reading, target: int
) -> Attribution:
    ragged = ragged_of([reading.numbers])
    sign, row = _output(len(model.coefficients), target)
    features = model.features(ragged)
    values = features.data.astype(np.float64)
    parts = sign * model.coefficients[row, features.indices].astype(np.float64) * values
    part_of = dict(zip(features.indices.tolist(), parts.tolist(), strict=True))
    counts: dict[int, int] = {}
    found = list(model.terms.occurrences(ragged))
    for _, columns, _ in found:
        for column in columns.tolist():
            counts[column] = counts.get(column, 0) + 1
    contributions = np.zeros(len(reading.tokens))
    for size, columns, starts in found:
        each = np.array([part_of[c] / counts[c] for c in columns.tolist()]) / size
        for shift in range(size):
            np.add.at(contributions, starts + shift, each)
    baseline = sign * float(model.intercepts[row])
    ranked = sorted(part_of.items(), key=lambda item: -abs(item[1]))[:_LISTED]
    words = predictor.reader.vocabulary.words
    terms = [
        {
            "term": " ".join(words[number] for number in model.terms.tokens(column)),
            "count": counts[column],
            "contribution": part,
        }
        for column, part in ranked
    ]
    return Attribution(
        contributions,
        quantity=f"linear score of '{predictor.labels[target]}'",
        note=f"{_NOTE} The part of an n-gram is shared evenly among its tokens.",
        score=sign * float((features @ model.coefficients[row] + model.intercepts[row])[0]),
        baseline=baseline,
        facts={"terms": terms},
    )


def _of_vectors(predictor: Predictor, network: Any, reading: Reading, target: int) -> Attribution:
    import torch

    model = network.model.eval()
    tokens_T = torch.from_numpy(reading.numbers.astype(np.int64))
    vectors_TD = model.embedding.weight.detach()[tokens_T].double()
    weight_CD, bias_C = model.head.weight.detach().double(), model.head.bias.detach().double()
    sign, row = _output(len(bias_C), target)
    contributions_T = sign * (vectors_TD @ weight_CD[row]) / len(vectors_TD)
    with torch.no_grad():
        logits_1C = model(tokens_T.unsqueeze(0), torch.tensor([len(tokens_T)]))
    return Attribution(
        contributions_T.numpy(),
        quantity=f"linear score of '{predictor.labels[target]}'",
        note=_NOTE,
        score=sign * logits_1C[0, row].item(),
        baseline=sign * bias_C[row].item(),
    )


def _output(outputs: int, target: int) -> tuple[int, int]:
    """Sign and row of a label's weights; two classes share a row."""
    return (1 if target == 1 else -1, 0) if outputs == 1 else (1, target)
