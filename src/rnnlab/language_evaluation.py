"""Score a language model's run on a split, and tell how surprising every token of a text is."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.compose.language_modeling import read_stream
from rnnlab.data.dataset import Dataset
from rnnlab.data.sources import KnownSource
from rnnlab.data.sources.lines import read_lines
from rnnlab.data.streams import SPECIAL, Stream, stream_of
from rnnlab.data.tables import EXTENSIONS, open_table, open_writer
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.environment import available_cores, use_threads
from rnnlab.exceptions import UserError
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.perplexity import perplexity
from rnnlab.run_records import enter_in_ledger, record_evaluation, run_config, same_data
from rnnlab.train.rundir import RunDirectory

log = logging.getLogger(__name__)

_TOKENS_PER_CHUNK = 1 << 16
COLUMNS = ("text", "position", "token", "known", "bits")


def is_language_model(run: RunDirectory) -> bool:
    """Whether a run is one of a language model."""
    return run_config(run).model.module.TASK == "language_modeling"


def evaluate_stream(
    run: RunDirectory, split: str, window: int | None = None, *, adapt: bool = False
) -> dict[str, Any]:
    """Score a finished run of a language model; see `rnnlab.evaluation.evaluate_run`.

    Args:
        run: its directory.
        split: of its data set.
        window: steps computed at a time.
        adapt: also score it with a softmax temperature, and with dynamic evaluation, both tuned on
            the validation part: separate figures, for they are those of other models.

    Raises:
        UserError: the run is not finished, or has no such split.
    """
    config = run_config(run)
    predictor = LanguagePredictor.load(run.model)
    use_threads(config.threads or available_cores())
    dataset = same_data(run, config, split, predictor.reader.learned)
    stream = read_stream(dataset, split, predictor.reader)
    metrics = predictor.score(stream, window)
    enter_in_ledger(
        run, split, dataset.name, run.read()["hash"], {"perplexity": metrics.perplexity}
    )
    more: dict[str, Any] = _per_character(dataset, split, metrics.nats)
    if isinstance(dataset.source, KnownSource):
        more["true"] = _true(dataset.source, split, metrics.tokens)
    if adapt:
        more["adapted"] = _adapted(predictor, dataset, stream)
    record_evaluation(run, split, metrics, **more)
    figures = {**metrics.to_dict(), **more}
    return {"run": str(run.path), "split": split, **figures, "texts": stream.facts()}


def _per_character(dataset: Dataset, split: str, nats: float) -> dict[str, float]:
    """Characters of a split, an end of line a text counted, and the bits that each costs."""
    texts = dataset.texts(dataset.holder(split)).texts(dataset.rows(split))
    characters = sum(len(text.strip()) + 1 for text in texts)
    return {
        "characters": characters,
        "bits_per_character": nats / math.log(2) / characters,
    }


def _true(source: KnownSource, split: str, tokens: int) -> dict[str, float]:
    """Perplexity of the distribution that the texts were drawn from: on them, and expected."""
    return {
        "perplexity": perplexity(source.true_nats(split) / tokens),
        "expected_perplexity": perplexity(source.true_loss),
    }


def _adapted(
    predictor: LanguagePredictor, dataset: Dataset, stream: Stream
) -> list[dict[str, Any]]:
    from rnnlab.tasks.dynamic_evaluation import gradient_sizes, score_dynamically, tune
    from rnnlab.tasks.softmax_temperature import fit_temperature, score_at_temperature

    model = predictor.model
    val = read_stream(dataset, "val", predictor.reader)
    log.info("fitting the softmax temperature to the validation part")
    temperature = fit_temperature(model, val)
    tempered = score_at_temperature(model, stream, temperature)
    log.info("choosing how to learn while reading, on the validation part: minutes")
    sizes = gradient_sizes(model, read_stream(dataset, "train", predictor.reader))
    adaptation = tune(model, val, sizes)
    log.info("reading %s tokens, and learning from them", f"{len(stream):,}")
    dynamic = score_dynamically(model, stream, adaptation, sizes)
    return [
        {"row": "softmax temperature", "temperature": temperature, **tempered.figures()},
        {"row": "dynamic evaluation", **adaptation._asdict(), **dynamic.figures()},
    ]


@dataclass(frozen=True)
class Surprisals:
    """Every token of some texts, the end of each among them, and how surprising it was.

    Attributes:
        tokens: as the tokenizer made them.
        text: number of the text, from 1, int64[N].
        position: of the token in it, from 1, int64[N].
        known: whether the model knows the token, bool[N]; else `bits` are those of any unknown
            word.
        bits: -log2 of the probability of the token after all tokens before it, float32[N].
    """

    tokens: Sequence[str]
    text: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    bits: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.bits)

    def facts(self) -> dict[str, float | int]:
        """Totals: `texts`, `tokens`, `unknown`, `perplexity`, `bits_per_token`."""
        bits = float(self.bits.sum(dtype=np.float64)) / max(len(self), 1)
        return {
            "texts": int(self.text[-1]) if len(self) else 0,
            "tokens": len(self),
            "unknown": int(np.count_nonzero(~self.known)),
            "perplexity": perplexity(bits * math.log(2)),
            "bits_per_token": bits,
        }

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The columns, some rows at a time."""
        for start in range(0, len(self), _TOKENS_PER_CHUNK):
            end = start + _TOKENS_PER_CHUNK
            yield {name: getattr(self, _ATTRIBUTES.get(name, name))[start:end] for name in COLUMNS}


_ATTRIBUTES = {"token": "tokens"}


def surprisals(predictor: LanguagePredictor, texts: Sequence[str]) -> Surprisals:
    """How surprising every token is, of texts that follow one another as those of a data set do."""
    ragged, types = predictor.reader.tokenize(texts)
    stream = stream_of(ragged, types, predictor.reader.vocabulary)
    lengths = ragged.lengths + 1
    starts = np.cumsum(lengths) - lengths
    words = [types[int(number)] for number in ragged.tokens]
    tokens = np.insert(np.array(words, object), ragged.offsets[1:], SPECIAL[0])
    return Surprisals(
        tokens.tolist(),
        text=np.repeat(np.arange(1, len(texts) + 1), lengths),
        position=np.arange(len(stream)) - np.repeat(starts, lengths) + 1,
        known=stream.tokens != UNKNOWN,
        bits=predictor.surprisals(stream.tokens) / np.float32(math.log(2)),
    )


def surprisal_table(
    predictor: LanguagePredictor,
    source: Path,
    target: Path,
    column: str | None,
    see: Callable[[Sequence[str]], None],
) -> dict[str, Any]:
    """Write a table with a row a token of a text file, a text a line, or of a table's column.

    Args:
        predictor: a language model.
        source: a table where its extension is that of one, else UTF-8 text.
        target: a table; the extension names the format.
        column: of the table's texts, by default "text".
        see: is given the texts.

    Raises:
        UserError: a file is malformed, or there is nothing to read.
    """
    texts = _texts_of(source, column)
    see(texts)
    found = surprisals(predictor, texts)
    if not len(found):
        raise UserError(f"{source}: no texts; give a file with at least one line")
    with open_writer(target, COLUMNS) as writer:
        for chunk in found.chunks():
            writer.write(chunk)
    return {"output": str(target), **found.facts()}


def _texts_of(source: Path, column: str | None) -> list[str]:
    if source.suffix.lower() in EXTENSIONS:
        table = open_table(source)
        table.require(column or "text", "--text")
        return [text for chunk in table.chunks() for text in chunk.texts(column or "text")]
    if column is not None:
        raise UserError(f"--text names a column, and {source} is not a table but lines of text")
    try:
        return read_lines(source)
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error.strerror}") from error
