"""From a config to a language model of a stream."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnnlab.compose.cost import model_size
from rnnlab.compose.network import Finish, Trained, autocast_of, fit
from rnnlab.config.schema import Config
from rnnlab.data import streams
from rnnlab.data.dataset import Dataset
from rnnlab.data.extra import read_extra_lines, said_of_extra
from rnnlab.data.ragged import joined
from rnnlab.data.reader import TextReader, mostly_unknown
from rnnlab.data.streams import Stream, Variation, stream_of
from rnnlab.data.vocabulary import build_vocabulary
from rnnlab.exceptions import UserError
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.perplexity import perplexity
from rnnlab.selection import selection_metric
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Streams ready to be learned from.

    Attributes:
        dataset: where they are from.
        reader: tokenizer and vocabulary.
        train, val: the two parts.
        metric: by which the best epoch is kept.
        notes: what the user should know, a line each.
        extra: facts about the extra texts, or None.
    """

    dataset: Dataset
    reader: TextReader
    train: Stream
    val: Stream
    metric: str
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] | None = None

    @property
    def summary(self) -> str:
        """What there is to learn from, in a line."""
        extra = f" ({said_of_extra(self.extra, 'extra texts')})" if self.extra else ""
        return (
            f"{len(self.train):,} training{extra} and {len(self.val):,} validation tokens, "
            f"{len(self.reader.vocabulary):,} words"
        )

    def facts(self) -> dict[str, Any]:
        """Facts about what was read, for run.json."""
        return {
            "vocabulary": len(self.reader.vocabulary),
            "train": self.train.facts(),
            "val": self.val.facts(),
            **({"extra": self.extra} if self.extra else {}),
        }


def prepare(config: Config, dataset: Dataset) -> Prepared:
    """Tokenize, build the vocabulary from the training part, and encode both parts as streams.

    Raises:
        UserError: the data is malformed, or there is no validation part.
    """
    if not dataset.labels and dataset.cuts_validation:
        raise UserError(
            f"data.source={dataset.name} has no validation part, and one cannot be cut from a "
            "stream at random; give one"
        )
    ragged, types = dataset.ragged("train")
    settings = config.data.vocabulary
    vocabulary = build_vocabulary(
        ragged,
        types,
        max_size=settings.max_size,
        min_count=settings.min_count,
        special=streams.SPECIAL,
    )
    reader = TextReader(config.data.tokenizer, vocabulary, None, "head", dataset.learned)
    extra = None
    if config.data.extra is not None:
        lines = read_extra_lines(config.data.extra.path, config.data.extra.text, dataset)
        extra = lines.facts
        ragged, types = joined([(ragged, types), (lines.ragged, lines.types)])
    train = stream_of(ragged, types, vocabulary)
    val = read_stream(dataset, "val", reader)
    return Prepared(dataset, reader, train, val, selection_metric(config, dataset), extra=extra)


def read_stream(dataset: Dataset, split: str, reader: TextReader) -> Stream:
    """A split as a stream in a model's vocabulary; warn if the model knows little of it.

    Raises:
        UserError: no such split.
    """
    stream = stream_of(*dataset.ragged(split), reader.vocabulary)
    if mostly_unknown(stream.facts()):
        log.warning(
            "warning: %.0f %% of the tokens of '%s' are unknown to the model: is its text like "
            "that of 'train', and does data.tokenizer suit it?",
            *(100 * stream.alien / len(stream), split),
        )
    return stream


def train(
    config: Config,
    prepared: Prepared,
    run: RunDirectory,
    watcher: Watcher,
    stop_requested: Callable[[], bool],
) -> Trained:
    """Train the model of a config.

    Raises:
        Interrupted, Diverged: see `rnnlab.train.fit`.
    """
    import torch

    from rnnlab.tasks.activation_penalties import Penalties
    from rnnlab.tasks.language_modeling import LanguageModeling, StreamFeed

    device = torch.device(config.device)
    torch.manual_seed(config.seed)
    model = config.model.module.build(
        config.model.options, vocabulary_size=len(prepared.reader.vocabulary)
    )
    model.to(device)
    stream = config.train.stream
    penalties = Penalties(stream.ar, stream.tar)
    task = LanguageModeling(stream.loss, autocast_of(config, device), penalties)
    feed = StreamFeed(
        prepared.train,
        task,
        batch_size=config.train.batch_size,
        window=stream.window,
        variation=stream.variable and Variation(**dict(stream.variable), seed=config.seed),
        device=device,
    )
    predictor = LanguagePredictor(config.model, model, prepared.reader)
    facts = fit(
        config,
        model,
        task,
        feed=feed,
        validate=lambda: predictor.score(prepared.val),
        metric=prepared.metric,
        run=run,
        watcher=watcher,
        stop_requested=stop_requested,
    )
    return Trained(predictor, {"parameters": predictor.num_parameters, **facts})


def finish(prepared: Prepared, trained: Trained, run: RunDirectory) -> Finish:
    """Score a trained model on the validation part, and keep it in the run."""
    best = trained.facts.pop("best", {})
    started = time.perf_counter()
    val = trained.predictor.score(prepared.val)
    seconds = time.perf_counter() - started
    trained.predictor.save(run.model)
    loss = best["train_loss"]
    train = {"tokens": len(prepared.train), "loss": loss, "perplexity": perplexity(loss)}
    cost = {
        "tokens_per_second": round(len(prepared.val) / seconds, 1),
        **model_size(run.model),
    }
    return Finish(val, train, prepared.facts(), cost)
