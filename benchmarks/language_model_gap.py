"""Where two language models of the Penn Treebank differ on validation, token by token.

    .venv/bin/python benchmarks/language_model_gap.py RUN OTHER

Tables in Markdown: by the longest run of words that ends at a token and occurs in train; by place
in the sentence; over blocks of the stream; and what forgetting the carried state costs each model.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import torch

from rnnlab.compose.language_modeling import read_stream
from rnnlab.data.streams import EOS, with_context
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.run_records import run_config, same_data
from rnnlab.train.rundir import RunDirectory

LONGEST = 16
RUNS_OF_WORDS = [(0, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 9), (10, 15), (16, 16)]
PLACES = [(0, 1), (1, 3), (3, 10), (10, 20), (20, 1000)]
BLOCK = 1000
PIECES = (100, 400, 1600)
PIECES_AT_A_TIME = 32


def longest_known_run(tokens: np.ndarray, train: np.ndarray) -> np.ndarray:
    """For each token the length of the longest run of tokens that ends there and is in train."""
    chance = np.random.default_rng(0)
    words = int(max(tokens.max(), train.max())) + 1
    hashes = chance.integers(1, 2**63 - 1, words, dtype=np.uint64) | np.uint64(1)
    found = np.zeros(len(tokens), np.int64)
    for length in range(1, LONGEST + 1):
        is_seen = np.isin(_hashed(tokens, hashes, length), _hashed(train, hashes, length))
        found[is_seen & (found == length - 1)] = length
    return found


def _hashed(tokens: np.ndarray, hashes: np.ndarray, length: int) -> np.ndarray:
    padded = np.concatenate([np.full(length - 1, EOS, tokens.dtype), tokens])
    value = np.zeros(len(tokens), np.uint64)
    for place in range(length):
        value = value * np.uint64(0x9E3779B97F4A7C15) + hashes[padded[place:][: len(tokens)]]
    return value


@torch.inference_mode()
def loss_with_forgetting(predictor: LanguagePredictor, tokens: np.ndarray, length: int) -> float:
    """Nats a token where the state is zero at the beginning of every piece of so many tokens."""
    count = len(tokens) // length
    whole = torch.from_numpy(with_context(tokens))
    inputs = whole[: count * length].view(count, length)
    targets = whole[1 : count * length + 1].view(count, length)
    nats = 0.0
    for x, y in zip(inputs.split(PIECES_AT_A_TIME), targets.split(PIECES_AT_A_TIME), strict=True):
        features, _ = predictor.model(x, None)
        nats += float(predictor.model.nats(features.flatten(0, 1), y.flatten()))
    return nats / (count * length)


def main() -> None:
    """Compare the runs that the command line names."""
    predictors, nats = [], []
    for path in map(Path, sys.argv[1:3]):
        run = RunDirectory.open(path)
        predictors.append(LanguagePredictor.load(run.model))
        predictors[-1].model.eval()
        dataset = same_data(run, run_config(run), "val", predictors[-1].reader.learned)
        val, train = (
            read_stream(dataset, part, predictors[-1].reader).tokens for part in ("val", "train")
        )
        nats.append(predictors[-1].surprisals(val).astype(np.float64))
    difference = nats[0] - nats[1]
    print(
        "| run of words in train | share | nats | nats, other | difference |\n|---|---|---|---|---|"
    )
    known = longest_known_run(val, train)
    for low, high in RUNS_OF_WORDS:
        inside = (known >= low) & (known <= high)
        means = [float(values[inside].mean()) for values in nats]
        print(
            f"| {low} to {high} | {inside.mean():.4f} | {means[0]:.2f} | {means[1]:.2f} | "
            f"{means[0] - means[1]:+.3f} |"
        )
    starts = np.flatnonzero(np.concatenate([[True], val[:-1] == EOS]))
    place = np.arange(len(val)) - np.repeat(starts, np.diff([*starts, len(val)]))
    print("\n| place in the sentence | difference |\n|---|---|")
    for low, high in PLACES:
        inside = (place >= low) & (place < high)
        print(f"| {low} to {high - 1} | {difference[inside].mean():+.3f} |")
    count = len(val) // BLOCK
    blocks = difference[: count * BLOCK].reshape(count, BLOCK).mean(1)
    error = blocks.std(ddof=1) / math.sqrt(count)
    print(
        f"\ndifference {difference.mean():+.4f} nats, standard error {error:.4f} by blocks of "
        f"{BLOCK}; blocks from {blocks.min():+.3f} to {blocks.max():+.3f}"
    )
    print("\n| state forgotten every | nats more | nats more, other |\n|---|---|---|")
    for length in PIECES:
        end = len(val) // length * length
        more = [
            loss_with_forgetting(predictor, val, length) - float(values[:end].mean())
            for predictor, values in zip(predictors, nats, strict=True)
        ]
        print(f"| {length} tokens | {more[0]:+.4f} | {more[1]:+.4f} |")


if __name__ == "__main__":
    main()
