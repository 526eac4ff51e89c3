"""An exported classifier: from texts to label probabilities with onnxruntime, without torch.

export.json        labels, tokenizer, limits, checks; written last
model.onnx         the graph and its weights
vocabulary.json    words in index order
tokenizer.model    what the tokenizer learned, if it is one that learns
README.md          the model card
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data import reader as reader_module
from rnnlab.data import tokenizing
from rnnlab.data.batching import evaluation_batches
from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import SPECIAL, Vocabulary
from rnnlab.environment import available_cores
from rnnlab.exceptions import UserError
from rnnlab.extras import Library
from rnnlab.files import read_json, sha256_file
from rnnlab.predictor import Predictions
from rnnlab.registry import TOKENIZERS, Component

log = logging.getLogger(__name__)

FORMAT = 1
ONNXRUNTIME = Library("onnxruntime", extra="onnx")
FACTS, GRAPH, WORDS = "export.json", "model.onnx", "vocabulary.json"
LEARNED, CARD = "tokenizer.model", "README.md"

_BATCH_TOKENS = 1 << 15
_ERRORS_ONLY = 3


def is_export(path: Path) -> bool:
    """Whether a folder holds an exported model."""
    return (path / FACTS).is_file()


def reading_versions(tokenizer: Component) -> dict[str, int]:
    """Versions of what reads a text for an exported model."""
    return {
        "reader": reader_module.VERSION,
        f"tokenizer {tokenizer.name}": tokenizer.module.VERSION,
    }


def open_session(graph: Path | bytes, threads: int | None = None, *, resting: bool = False) -> Any:
    """An onnxruntime session of a model file or its bytes.

    Args:
        graph: the model.
        threads: by default all cores that this process may use.
        resting: let threads sleep as soon as a call is done; by default they spin for a while, on
            cores that another part of the process may need.

    Raises:
        UserError: onnxruntime is not installed.
    """
    runtime = ONNXRUNTIME.load()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    if resting:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    source = graph if isinstance(graph, bytes) else str(graph)
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


class OnnxModel:
    """A session as a fitted model.

    Args:
        session: of onnxruntime.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def outputs(self, ragged: Ragged) -> dict[str, npt.NDArray[np.float32]]:
        """Return `scores` and `probabilities`, rows in the order of the texts."""
        names = [output.name for output in self._session.get_outputs()]
        parts: list[list[Any]] = []
        order = evaluation_batches(ragged.lengths, max_tokens=_BATCH_TOKENS)
        for rows in order:
            feed = {"tokens": ragged.pad(rows), "lengths": ragged.lengths[rows]}
            parts.append(self._session.run(names, feed))
        back = np.argsort(np.concatenate(order))
        return {
            name: np.concatenate(values)[back]
            for name, values in zip(names, zip(*parts, strict=True), strict=True)
        }

    def probabilities(self, ragged: Ragged) -> npt.NDArray[np.float32]:
        """Return float32[n, classes]."""
        return self.outputs(ragged)["probabilities"]


@dataclass(frozen=True)
class ExportedPredictor:
    """From texts to label probabilities, as `rnnlab.predictor.Predictor` has it.

    Attributes:
        fitted: the model.
        reader: from texts to token numbers.
        labels: names in the order of the probabilities' columns.
        text_column: of a table, unless another is named.
        facts: what is in export.json.
    """

    fitted: OnnxModel
    reader: TextReader
    labels: tuple[str, ...]
    text_column: str
    facts: dict[str, Any]

    @property
    def max_tokens(self) -> int | None:
        """Longer texts are cut; None for full length."""
        return self.reader.max_tokens

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Classify texts; empty ones and those of any length too."""
        if not texts:
            return Predictions(np.zeros((0, len(self.labels)), np.float32), 0, 0, 0, 0)
        encoded = self.reader.read(texts)
        return Predictions(
            self.fitted.probabilities(encoded.ragged),
            encoded.texts_cut,
            encoded.texts_empty,
            encoded.tokens,
            encoded.known,
        )

    @staticmethod
    def load(
        folder: Path, threads: int | None = None, *, resting: bool = False
    ) -> ExportedPredictor:
        """Read an exported model.

        Args:
            folder: of the export.
            threads, resting: see `open_session`.

        Raises:
            UserError: it is damaged or written by another version, or onnxruntime or the
                tokenizer's library is missing.
        """
        ONNXRUNTIME.load()
        try:
            facts = read_json(folder / FACTS)
            tokenizer = Component(
                TOKENIZERS,
                facts["tokenizer"],
                TOKENIZERS.load(facts["tokenizer"]).Options.model_validate(
                    facts["tokenizer_options"]
                ),
            )
            if (facts["format"], facts["versions"]) != (FORMAT, reading_versions(tokenizer)):
                raise UserError(
                    f"{folder}: exported by another version of rnnlab, which reads texts "
                    "differently; use that version, or export again"
                )
            _check_files(folder, facts["files"])
            reader = _reader(folder, tokenizer, facts)
            model = OnnxModel(open_session(folder / GRAPH, threads, resting=resting))
            labels = tuple(facts["labels"])
            return ExportedPredictor(model, reader, labels, facts["text_column"], facts)
        except UserError:
            raise
        except Exception as error:  # onnxruntime's errors have no class in common
            reason = " ".join(str(error).split())
            raise UserError(f"{folder}: the export is damaged ({reason}); export again") from error


def _check_files(folder: Path, files: dict[str, str]) -> None:
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{folder}: the export lacks {name}; export again")
        if sha256_file(path) != digest:
            raise UserError(f"{path}: not the file that was exported; export again")


def _reader(folder: Path, tokenizer: Component, facts: dict[str, Any]) -> TextReader:
    words = tuple(read_json(folder / WORDS))
    if words[: len(SPECIAL)] != SPECIAL:
        raise ValueError(f"{WORDS} is not a vocabulary")
    learned = (folder / LEARNED).read_bytes() if tokenizing.learns(tokenizer) else None
    saved, here = facts["tokenizer_provenance"], tokenizing.provenance(tokenizer, learned)
    for library in here.keys() & saved.keys():
        if here[library] != saved[library]:
            log.warning(
                "warning: the model was trained with %s %s, here is %s: tokens may differ",
                *(library, saved[library], here[library]),
            )
    reader = TextReader(
        tokenizer, Vocabulary(words), facts["max_tokens"], facts["truncation"], learned
    )
    reader.read(["a"])  # a missing library is named now, not with the first text
    return reader
