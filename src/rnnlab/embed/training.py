"""Vectors by gensim's word2vec: from a corpus to a file of vectors with its description beside it.

Source: Mikolov et al. 2013 (arXiv:1301.3781, arXiv:1310.4546): skip-gram and continuous bag of
words with negative sampling.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.data.vectors import FORMS, form_of, write_vectors
from rnnlab.embed.corpus import Corpus
from rnnlab.environment import library_versions, machine, now
from rnnlab.exceptions import UserError
from rnnlab.extras import Library
from rnnlab.files import sha256_file, write_json

LIBRARY = Library("gensim", extra="embed")
_LONGEST = 10_000  # tokens; gensim cuts longer texts, so they are given in pieces
_TEXTS_PER_REPORT = 500
_FREQUENT, _MEANINGFUL = 4, 5  # words that are shown at the end; letters that they have

Progress = Callable[[float], None]
"""Is told how many passes over the texts are done."""


@dataclass(frozen=True)
class Settings:
    """How vectors are learned.

    Attributes:
        method: predict the words around from one ("skipgram"), or one from those around ("cbow").
        dim: values of a vector.
        epochs: passes over the texts.
        window: words on each side, at most.
        min_count: occurrences that a word needs.
        seed: of first values and of what is sampled.
        workers: threads; with one alone the same vectors come out again.
        negative: words drawn as counter-examples for each.
        sample: words more frequent than this share are left out at random.
    """

    method: Literal["skipgram", "cbow"]
    dim: int
    epochs: int
    window: int
    min_count: int
    seed: int
    workers: int
    negative: int = 5
    sample: float = 1e-3


def description_path(vectors: Path) -> Path:
    """The file that describes a file of vectors."""
    return vectors.with_name(f"{vectors.name}.json")


def check_target(path: Path) -> None:
    """Refuse a place for vectors before any work is done.

    Raises:
        UserError: its extension names no form, or there is a file.
    """
    if form_of(path) not in FORMS:
        raise UserError(
            f"{path}: '{path.suffix}' is not the extension of vectors, which is one of "
            f"{', '.join(FORMS)}, also with .gz"
        )
    if path.exists():
        raise UserError(f"{path} exists: choose another --out, or remove it")


def train_vectors(
    corpus: Corpus, settings: Settings, path: Path, progress: Progress
) -> dict[str, Any]:
    """Learn vectors and write them, with a description beside them.

    Args:
        corpus: the texts.
        settings: how to learn.
        path: of the vectors; its extension names the form.
        progress: is told where the training stands.

    Returns:
        The description; `vectors`, the path; `frequent`, some frequent words to look at.

    Raises:
        UserError: gensim is not installed, or no word occurs often enough.
    """
    started = time.monotonic()
    words, values = _learn(corpus, settings, progress)
    seconds = time.monotonic() - started
    write_vectors(path, words, values)
    facts = {
        "words": len(words),
        "dim": settings.dim,
        "texts": len(corpus.ragged),
        "tokens": len(corpus.ragged.tokens),
        "data": corpus.data,
        "tokenizer": corpus.tokenizer,
        "settings": asdict(settings),
        "reproducible": settings.workers == 1,
        "sha256": sha256_file(path),
        "seconds": round(seconds, 3),
        "tokens_per_second": round(settings.epochs * len(corpus.ragged.tokens) / seconds),
        "finished": now(),
        "versions": {**library_versions(), LIBRARY.name: LIBRARY.version()},
        "machine": machine(),
    }
    write_json(description_path(path), facts)
    return {"vectors": str(path), **facts, "frequent": _frequent(words)}


def _frequent(words: list[str]) -> list[str]:
    """Some frequent words that are likely to mean something: long ones."""
    long = [word for word in words if len(word) >= _MEANINGFUL and word.isalpha()]
    return (long or words)[:_FREQUENT]


def _learn(
    corpus: Corpus, settings: Settings, progress: Progress
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Return the words, most frequent first, and their vectors."""
    logging.getLogger("gensim").setLevel(logging.ERROR)  # it warns of small corpora
    word2vec = LIBRARY.load("models.word2vec")
    counts = np.bincount(corpus.ragged.tokens, minlength=len(corpus.types))
    kept = counts >= settings.min_count
    if not kept.any():
        raise UserError(
            f"no word of these {len(corpus.ragged):,} texts occurs "
            f"--min-count={settings.min_count} times: lower it, or read more texts"
        )
    frequencies = {
        word: int(count)
        for word, count, keep in zip(corpus.types, counts, kept, strict=True)
        if keep
    }
    texts = _Texts(_without_rare(corpus.ragged, kept), corpus.types, progress)
    model = word2vec.Word2Vec(
        sg=int(settings.method == "skipgram"),
        vector_size=settings.dim,
        window=settings.window,
        min_count=1,
        negative=settings.negative,
        sample=settings.sample,
        seed=settings.seed,
        workers=settings.workers,
    )
    model.build_vocab_from_freq(frequencies, corpus_count=len(texts))
    model.train(texts, total_examples=len(texts), total_words=texts.tokens, epochs=settings.epochs)
    return list(model.wv.index_to_key), model.wv.vectors


def _without_rare(ragged: Ragged, kept: npt.NDArray[np.bool_]) -> Ragged:
    """Leave out the tokens of types that are not kept."""
    keep = kept[ragged.tokens]
    offsets = np.concatenate([[0], np.cumsum(keep)])[ragged.offsets]
    return Ragged(ragged.tokens[keep], offsets)


class _Texts:
    """Texts as gensim wants them: lists of words, read anew for each epoch.

    Attributes:
        tokens: in all of them.
    """

    def __init__(self, ragged: Ragged, types: list[str], progress: Progress) -> None:
        self.tokens = len(ragged.tokens)
        self._ragged = ragged
        self._words = np.array(types, object)
        self._progress = progress
        self._epochs_done = 0

    def __len__(self) -> int:
        return int(np.ceil(self._ragged.lengths / _LONGEST).sum())

    def __iter__(self) -> Iterator[list[str]]:
        offsets = self._ragged.offsets.tolist()
        for number, (start, end) in enumerate(pairwise(offsets)):
            if number % _TEXTS_PER_REPORT == 0:
                self._progress(self._epochs_done + start / self.tokens)
            for piece in range(start, end, _LONGEST):
                tokens = self._ragged.tokens[piece : min(piece + _LONGEST, end)]
                yield self._words[tokens].tolist()
        self._epochs_done += 1
        self._progress(self._epochs_done)
