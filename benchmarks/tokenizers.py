"""Speed of the tokenizers on the first 2,000 training reviews of IMDB, in one thread.

    .venv/bin/python -m pip install -c constraints.txt '.[nltk,spacy,subwords]'
    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/tokenizers.py > tokenizers.json

Each round gives every tokenizer one turn, in another order; the figure is the median of the
rounds. The table goes to standard error, the JSON to standard output. Learning subwords (once, from
the same reviews) and building a tokenizer are timed apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from rnnlab.data import tokenizing
from rnnlab.data.sources import imdb
from rnnlab.data.texts import text_split
from rnnlab.data.token_cache import tokenize_all
from rnnlab.environment import library_versions, machine, now
from rnnlab.exceptions import UserError
from rnnlab.registry import TOKENIZERS, Component

NAMES = ("words", "whitespace", "treebank", "spacy", "subwords")


def reviews(count: int) -> list[str]:
    """The first training reviews."""
    source = imdb.open_source(imdb.Options())
    return text_split("imdb", imdb.VERSION, source, "train").texts(np.arange(count))


def prepared(name: str, texts: list[str]) -> dict[str, Any]:
    """A tokenizer with its default settings, and what it took to get it."""
    tokenizer = Component(TOKENIZERS, name, TOKENIZERS.load(name).Options())
    facts: dict[str, Any] = {"name": name, **tokenizing.provenance(tokenizer)}
    learned, started = None, time.perf_counter()
    if tokenizing.learns(tokenizer):
        learned = tokenizing.learn(tokenizer, texts)
        facts["learn_seconds"] = time.perf_counter() - started
    started = time.perf_counter()
    function = tokenizing.build(tokenizer, learned)
    facts["tokens"] = len(tokenize_all(texts[:1], function)[0].tokens)  # spaCy starts with a text
    facts["build_seconds"] = time.perf_counter() - started
    return {"function": function, "facts": facts, "rates": []}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    texts = reviews(arguments.texts)
    contenders, skipped = [], []
    for name in NAMES:
        try:
            contenders.append(prepared(name, texts))
        except UserError as error:
            skipped.append(f"{name}: {error}")
    for turn in range(arguments.rounds):
        shift = turn % len(contenders)
        for contender in contenders[shift:] + contenders[:shift]:
            started = time.perf_counter()
            ragged, types = tokenize_all(texts, contender["function"])
            contender["rates"].append(len(texts) / (time.perf_counter() - started))
            contender["facts"] |= {"tokens": len(ragged.tokens), "types": len(types)}
    results = [
        {
            **contender["facts"],
            "reviews_per_second": statistics.median(contender["rates"]),
            "slowest": min(contender["rates"]),
            "fastest": max(contender["rates"]),
        }
        for contender in contenders
    ]
    print(f"{'tokenizer':<12}{'reviews/s':>11}{'tokens':>11}{'types':>9}", file=sys.stderr)
    for row in results:
        print(
            f"{row['name']:<12}{row['reviews_per_second']:>11,.0f}{row['tokens']:>11,}"
            f"{row['types']:>9,}",
            file=sys.stderr,
        )
    for line in skipped:
        print(f"left out: {line}", file=sys.stderr)
    facts = {
        "texts": len(texts),
        "rounds": arguments.rounds,
        "tokenizers": results,
        "skipped": skipped,
        "finished": now(),
        "versions": library_versions(),
        "machine": machine(),
    }
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
