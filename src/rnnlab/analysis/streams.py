"""What a language model finds hard: surprisal by how frequent a word is, and the hardest tokens.

The surprisal of a token is -ln of the probability that the model gave it before it saw it, in nats.
Legend: N tokens of the stream, V vocabulary.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.compose.language_modeling import read_stream
from rnnlab.data.streams import EOS, SPECIAL
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.environment import available_cores, use_threads
from rnnlab.evaluation import evaluate_run
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.perplexity import perplexity
from rnnlab.run_records import run_config, same_data
from rnnlab.train.rundir import RunDirectory

_CONTEXT = 12  # tokens shown before a hard one
_LEAST_OCCURRENCES = 5  # of a word that is listed as hard
_DECADES = 5


def analyze_stream(path: Path, split: str, examples: int) -> dict[str, Any]:
    """Analyze a language model on a split; a use of test is recorded in the ledger.

    Args:
        path: the run's directory.
        split: of its data set.
        examples: words and places to show.

    Raises:
        UserError: the run is not finished, or its data has changed or has no such split.
    """
    if split == "test":
        evaluate_run(path, split)
    run = RunDirectory.open(path)
    config = run_config(run)
    predictor = LanguagePredictor.load(run.model)
    use_threads(config.threads or available_cores())
    dataset = same_data(run, config, split, predictor.reader.learned)
    stream = read_stream(dataset, split, predictor.reader)
    train = stream if split == "train" else read_stream(dataset, "train", predictor.reader)
    words = predictor.reader.vocabulary.words
    nats = predictor.surprisals(stream.tokens).astype(np.float64)
    counts = np.bincount(train.tokens, minlength=len(words))
    loss = float(nats.mean())
    return {
        "run": str(path),
        "task": "language_modeling",
        "data": dataset.name,
        "split": split,
        "tokens": len(stream),
        "nats": float(nats.sum()),
        "loss": loss,
        "perplexity": perplexity(loss),
        "frequency": frequency_bands(stream.tokens, nats, counts),
        "hardest_words": hardest_words(stream.tokens, nats, counts, words, examples),
        "hardest_tokens": hardest_tokens(stream.tokens, nats, words, examples),
    }


def frequency_bands(
    tokens: npt.NDArray[np.int32],
    nats: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Surprisal by occurrences in the training part: special tokens, then decades of frequency.

    Every token is in one band, so that their tokens and nats add up to the stream's.

    Args:
        tokens, nats: of the stream, [N].
        counts: occurrences of each word in the training part, int64[V].
    """
    special = tokens < len(SPECIAL)
    often = counts[tokens]
    bands = [(SPECIAL[EOS], tokens == EOS), (SPECIAL[UNKNOWN], tokens == UNKNOWN)]
    limits = [0, *(10**power for power in range(1, _DECADES)), None]
    for low, high in itertools.pairwise(limits):
        assert low is not None
        inside = ~special & (often >= low) & (True if high is None else often < high)
        label = f"{low:,} or more" if high is None else f"{low:,} to {high - 1:,}"
        bands.append((label, inside))
    total = float(nats.sum())
    return [
        {
            "label": label,
            "tokens": int(inside.sum()),
            "nats": float(nats[inside].sum()),
            "loss": float(nats[inside].mean()),
            "perplexity": perplexity(float(nats[inside].mean())),
            "share_of_nats": float(nats[inside].sum()) / total,
        }
        for label, inside in bands
        if inside.any()
    ]


def hardest_words(
    tokens: npt.NDArray[np.int32],
    nats: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    words: Sequence[str],
    count: int,
) -> list[dict[str, Any]]:
    """The words of most surprisal on average, among those that occur five times or more."""
    often = np.bincount(tokens, minlength=len(words))
    sums = np.bincount(tokens, nats, minlength=len(words))
    means = np.where(often >= _LEAST_OCCURRENCES, sums / np.maximum(often, 1), -1.0)
    ranked = np.argsort(-means, kind="stable")[:count].tolist()
    return [
        {
            "word": words[number],
            "tokens": int(often[number]),
            "train_tokens": int(counts[number]),
            "loss": float(means[number]),
        }
        for number in ranked
        if means[number] >= 0
    ]


def hardest_tokens(
    tokens: npt.NDArray[np.int32],
    nats: npt.NDArray[np.float64],
    words: Sequence[str],
    count: int,
) -> list[dict[str, Any]]:
    """The places of most surprisal, with the words before them."""
    ranked = np.argsort(-nats, kind="stable")[:count].tolist()
    return [
        {
            "position": place,
            "word": words[int(tokens[place])],
            "nats": float(nats[place]),
            "context": " ".join(words[int(n)] for n in tokens[max(0, place - _CONTEXT) : place]),
        }
        for place in ranked
    ]
