"""A linear model over n-grams as ONNX operators, sparse as it is in NumPy.

An n-gram's key is found in the sorted keys of the known ones by halving; the terms that a text has
are counted by sorting (text, term) pairs; their weights are added up text by text. No matrix with a
column for every term is ever laid out.

Legend: B texts, T time, M n-grams that are known, U distinct (text, term) pairs, C outputs.
"""

from __future__ import annotations

import numpy as np

from rnnlab.export.network import token_mask
from rnnlab.models.linear import LinearModel
from rnnlab.models.ngrams import Numbers
from rnnlab.onnx_graph import Graph

_INT64, _FLOAT = 7, 1


def scores(graph: Graph, model: LinearModel, tokens_BT: str, lengths_B: str) -> str:
    """Add a linear model; its scores [B, C] are returned."""
    texts_M, terms_M = _known_terms(graph, model, tokens_BT, lengths_B)
    count = graph.constant(np.int64(len(model.terms)))
    pairs_M = graph.apply("Add", graph.apply("Mul", texts_M, count), terms_M)
    pairs_U, _, _, counts_U = graph.apply_many("Unique", 4, pairs_M, sorted=1)
    texts_U, terms_U = graph.apply("Div", pairs_U, count), graph.apply("Mod", pairs_U, count)
    values_U = graph.apply("Cast", counts_U, to=_FLOAT)
    if model.sublinear:
        values_U = graph.apply("Add", graph.apply("Log", values_U), graph.constant(np.float32(1)))
    else:
        values_U = graph.apply("Sign", values_U)
    texts = graph.apply("Shape", lengths_B)
    if model.norms is not None:
        weights_U = graph.apply("Gather", graph.constant(model.norms), terms_U)
        values_U = _scaled(graph, graph.apply("Mul", values_U, weights_U), texts_U, texts)
    coefficients_UC = graph.apply("Gather", graph.constant(model.coefficients.T), terms_U)
    last, outputs = graph.integers(1), graph.integers(len(model.coefficients))
    added_UC = graph.apply("Mul", coefficients_UC, graph.apply("Unsqueeze", values_U, last))
    zeros_BC = _zeros(graph, graph.apply("Concat", texts, outputs, axis=0))
    rows_U1 = graph.apply("Unsqueeze", texts_U, last)
    sums_BC = graph.apply("ScatterND", zeros_BC, rows_U1, added_UC, reduction="add")
    return graph.apply("Add", sums_BC, graph.constant(model.intercepts))


def _known_terms(
    graph: Graph, model: LinearModel, tokens_BT: str, lengths_B: str
) -> tuple[str, str]:
    """The text and the term, int64[M] each, of every n-gram that the model knows."""
    terms = model.terms
    time = graph.apply("Shape", tokens_BT, start=1, end=2)
    padding = graph.integers(0, 0, 0, terms.last)  # so that every window begins somewhere
    padded = graph.apply("Pad", tokens_BT, padding, graph.constant(np.int64(0)))
    base = graph.constant(np.int64(terms.base))
    parts, offset = [], 0
    for size, known in enumerate(terms.keys, terms.first):
        keys_BT = graph.constant(np.int64(0))
        for shift in range(size):
            start = graph.integers(shift)
            window = graph.apply(
                "Slice", padded, start, graph.apply("Add", start, time), graph.integers(1)
            )
            keys_BT = graph.apply("Add", graph.apply("Mul", keys_BT, base), window)
        if len(known):
            reach_B = graph.apply("Sub", lengths_B, graph.constant(np.int64(size - 1)))
            inside = token_mask(graph, tokens_BT, reach_B)
            places_N2 = graph.apply("Transpose", graph.apply("NonZero", inside), perm=[1, 0])
            keys_N = graph.apply("GatherND", keys_BT, places_N2)
            texts_N = graph.apply("Gather", places_N2, graph.constant(np.int64(0)), axis=1)
            parts.append(_found(graph, known, keys_N, texts_N, offset))
        offset += len(known)
    texts, columns = zip(*parts, strict=True)
    return graph.apply("Concat", *texts, axis=0), graph.apply("Concat", *columns, axis=0)


def _found(graph: Graph, known: Numbers, keys_N: str, texts_N: str, offset: int) -> tuple[str, str]:
    """Those of the n-grams that are known: their texts and columns. Halves the sorted keys."""
    table = graph.constant(known)
    count, last = graph.constant(np.int64(len(known))), graph.constant(np.int64(len(known) - 1))
    place_N = graph.apply("Mul", keys_N, graph.constant(np.int64(0)))
    for bit in reversed(range(len(known).bit_length())):
        next_N = graph.apply("Add", place_N, graph.constant(np.int64(1 << bit)))
        probe_N = graph.apply("Gather", table, graph.apply("Min", next_N, last))
        is_left = graph.apply("LessOrEqual", probe_N, keys_N)
        goes_N = graph.apply("And", is_left, graph.apply("Less", next_N, count))
        place_N = graph.apply("Where", goes_N, next_N, place_N)
    hits_N = graph.apply("Equal", graph.apply("Gather", table, place_N), keys_N)
    columns_N = graph.apply("Add", place_N, graph.constant(np.int64(offset)))
    return (
        graph.apply("Compress", texts_N, hits_N, axis=0),
        graph.apply("Compress", columns_N, hits_N, axis=0),
    )


def _scaled(graph: Graph, values_U: str, texts_U: str, texts: str) -> str:
    """Values divided by the length of their text's vector."""
    squares_U = graph.apply("Mul", values_U, values_U)
    sums_B = graph.apply(
        "ScatterElements", _zeros(graph, texts), texts_U, squares_U, axis=0, reduction="add"
    )
    tiny = graph.constant(np.finfo(np.float32).tiny)
    length_B = graph.apply("Sqrt", graph.apply("Max", sums_B, tiny))
    return graph.apply("Div", values_U, graph.apply("Gather", length_B, texts_U))


def _zeros(graph: Graph, shape: str) -> str:
    return graph.apply("Expand", graph.constant(np.float32(0)), shape)
