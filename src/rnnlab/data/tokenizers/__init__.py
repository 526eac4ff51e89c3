"""Tokenizers, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its tokens change: cached tokens are then made anew
    class Options(rnnlab.options.Options)
    def build(options) -> Callable[[str], list[str]]

One that needs an optional library names it; its version is recorded, and part of the cache's key:

    LIBRARY: rnnlab.extras.Library

One that must learn from texts before it can tokenize (subwords) defines two functions instead of
`build` alone. What is learned is a plain file of bytes: the cache, the run's `model/` folder and
everything that reads texts carry it.

    def learn(options, texts: Iterable[str]) -> bytes      a pure function of both; `texts` are
                                    those of the training part alone
    def build(options, learned: bytes) -> Callable[[str], list[str]]

One whose texts are not simply their tokens with spaces between defines

    def join(tokens: Sequence[str]) -> str      for text that is generated; a space before the
                                    first word, where the tokens tell that it begins there

A token is neither empty nor holds white space. "<unk>" stands for a part of the text that the
tokenizer does not know.
"""
