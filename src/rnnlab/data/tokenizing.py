"""A chosen tokenizer at work, with what it has learned if it is one that learns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rnnlab.registry import Component


def learns(tokenizer: Component) -> bool:
    """Whether it must learn from the training part before it can tokenize."""
    return hasattr(tokenizer.module, "learn")


def learn(tokenizer: Component, texts: Iterable[str]) -> bytes:
    """Let a tokenizer learn.

    Raises:
        UserError: its library is missing, or nothing can be learned from these texts.
    """
    return tokenizer.module.learn(tokenizer.options, texts)


def build(tokenizer: Component, learned: bytes | None) -> Callable[[str], list[str]]:
    """Return the function from a text to its tokens.

    Args:
        tokenizer: a component of `rnnlab.data.tokenizers`.
        learned: what it learned, if it learns.

    Raises:
        UserError: its library is missing.
        ValueError: `learned` is not what this tokenizer learns.
    """
    if learns(tokenizer):
        return tokenizer.module.build(tokenizer.options, learned)
    return tokenizer.module.build(tokenizer.options)


def description(tokenizer: Component, learned: bytes | None) -> dict[str, Any]:
    """All that tokens depend on: the tokenizer's name, its settings, and its provenance."""
    settings = tokenizer.options.model_dump(mode="json")
    return {"name": tokenizer.name, **settings, **provenance(tokenizer, learned)}


def provenance(tokenizer: Component, learned: bytes | None = None) -> dict[str, Any]:
    """What tokens depend on besides the tokenizer's settings: its library's version, and the
    SHA-256 of what it learned. Empty where they depend on nothing else.

    Raises:
        UserError: its library is missing.
    """
    library = getattr(tokenizer.module, "LIBRARY", None)
    facts = {} if library is None else {library.name: library.version()}
    if learned is not None:
        facts["learned"] = hashlib.sha256(learned).hexdigest()
    return facts


def joined(tokenizer: Component, tokens: Sequence[str]) -> str:
    """The text that tokens are of, as far as they tell it, within a longer one: white space before
    it tells that it begins a word."""
    join = getattr(tokenizer.module, "join", None)
    return join(tokens) if join else "".join(f" {token}" for token in tokens)
