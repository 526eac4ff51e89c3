"""Subwords that are learned from the training part: frequent words whole, rare ones in pieces.

A piece that begins a word starts with "▁". Characters that are rare in the training part (one in
two thousand, together) belong to no piece: a run of them is one "<unk>", with the "▁" before it.
Texts are normalised by NFKC. The learning is SentencePiece's, in one thread, for the same pieces
on every machine; what is learned is its model file.

Source: Sennrich et al. 2016 (arXiv:1508.07909), byte-pair encoding; Kudo 2018 (arXiv:1804.10959),
unigram; Kudo and Richardson 2018 (arXiv:1808.06226), SentencePiece.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from rnnlab import options
from rnnlab.data.tokenizers._breaks import without_breaks
from rnnlab.data.vocabulary import SPECIAL, UNKNOWN
from rnnlab.exceptions import UserError
from rnnlab.extras import Library

SUMMARY = "subwords learned from the training part"
VERSION = 1
LIBRARY = Library("sentencepiece", extra="subwords")

_COVERAGE = 0.9995  # of the occurrences of characters
_LONGEST_WORD = 256  # characters; longer ones teach nothing, and SentencePiece has limits
_SPACE = "▁"
_TOO_FEW = re.compile(r"required_chars\. \d+ vs (\d+)")


class Options(options.Options):
    """Settings of the subword tokenizer.

    Attributes:
        method: "bpe" merges the most frequent pairs again and again; "unigram" starts from many
            pieces and drops those that explain least.
        size: pieces at most; fewer where the texts have no more.
        lowercase: fold case.
        html_breaks: read `<br />` as white space rather than as characters.
    """

    method: Literal["bpe", "unigram"] = "bpe"
    size: Annotated[int, Field(ge=2, le=1_000_000)] = 8000
    lowercase: bool = True
    html_breaks: bool = True


def learn(options: Options, texts: Iterable[str]) -> bytes:
    """Return SentencePiece's model file, learned from the words of texts and their counts.

    Raises:
        UserError: SentencePiece is not installed, or the texts have no words, or have too many
            characters for `size`.
    """
    sentencepiece = LIBRARY.load()
    prepare = _preparation(options)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(prepare(text).split())
    lines = [
        f"{word}\t{count}"
        for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if len(word) <= _LONGEST_WORD
    ]
    if not lines:
        raise UserError("no subwords can be learned: the training texts have no words")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            input_format="tsv",
            model_writer=model,
            model_type=options.method,
            vocab_size=options.size,
            hard_vocab_limit=False,
            normalization_rule_name="nmt_nfkc",
            character_coverage=_COVERAGE,
            num_threads=1,
            unk_id=0,
            unk_piece=SPECIAL[UNKNOWN],
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(
            f"data.tokenizer.size={options.size}: no subwords can be learned from the training "
            f"texts; choose a larger size ({_reason(error)})"
        ) from error
    return model.getvalue()


def build(options: Options, learned: bytes) -> Callable[[str], list[str]]:
    """Return a function from a text to its tokens.

    Args:
        learned: SentencePiece's model file.

    Raises:
        UserError: SentencePiece is not installed.
        ValueError: this is no model of this tokenizer.
    """
    model = LIBRARY.load().SentencePieceProcessor()
    try:
        model.LoadFromSerializedProto(learned)
    except RuntimeError as error:
        raise ValueError(f"not a model of SentencePiece: {' '.join(str(error).split())}") from error
    pieces = [model.IdToPiece(number) for number in range(model.GetPieceSize())]
    unknown, space = model.unk_id(), model.PieceToId(_SPACE)
    prepare = _preparation(options)
    encode = model.EncodeAsIds

    def tokenize(text: str) -> list[str]:
        numbers = encode(" ".join(prepare(text).split()))
        if unknown in numbers:
            following = [*numbers[1:], None]
            pairs = zip(numbers, following, strict=True)
            numbers = [one for one, next_one in pairs if (one, next_one) != (space, unknown)]
        return [pieces[number] for number in numbers]

    return tokenize


def join(tokens: Sequence[str]) -> str:
    """The text that the pieces are of; a space before it where a word begins."""
    return "".join(tokens).replace(_SPACE, " ")


def _reason(error: RuntimeError) -> str:
    """Why SentencePiece learned nothing, without the place in its source or options of its own."""
    if few := _TOO_FEW.search(str(error)):
        return f"their characters alone need {few[1]} pieces"
    return str(error).rpartition("] ")[2]


def _preparation(options: Options) -> Callable[[str], str]:
    """What is done to a text before SentencePiece sees it."""

    def prepare(text: str) -> str:
        if options.html_breaks:
            text = without_breaks(text)
        return text.lower() if options.lowercase else text

    return prepare
