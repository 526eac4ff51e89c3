"""What is measured: shapes of models and texts, with lengths as the real data sets have them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged

# percentiles 0, 1, ... 100 of the tokens per training text, counted by our tokenizer `words`
# (IMDB) and by white space (SST-5): rnnlab data stats
# fmt: off
_PERCENTILES = {
    "imdb": [
        11, 49, 56, 63, 69, 75, 81, 87, 94, 100, 105, 112, 117, 121, 125, 128, 130, 132, 134, 136,
        138, 140, 142, 143, 145, 147, 148, 150, 152, 154, 155, 157, 159, 161, 163, 165, 167, 169,
        171, 173, 175, 178, 180, 183, 186, 189, 191, 194, 197, 199, 202, 206, 209, 212, 216, 220,
        223, 227, 231, 235, 239, 244, 249, 254, 259, 264, 270, 275, 280, 287, 294, 300, 306, 313,
        321, 329, 338, 347, 357, 365, 377, 387, 398, 410, 424, 439, 454, 472, 490, 508, 532, 556,
        582, 613, 650, 692, 745, 821, 910, 1042, 2739,
    ],
    "sst5": [
        2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12,
        13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 16, 17, 17, 17, 17, 18, 18, 18,
        18, 19, 19, 19, 19, 20, 20, 20, 20, 21, 21, 21, 22, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24,
        25, 25, 25, 26, 26, 26, 27, 27, 28, 28, 28, 29, 29, 30, 30, 31, 31, 32, 32, 33, 34, 35, 35,
        37, 38, 40, 43, 52,
    ],
}

# the same of the place in the order of falling frequency that each running word has; of IMDB's the
# 25,000 most frequent
_RANKS = {
    "imdb": [
        0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 9, 10, 11,
        12, 13, 14, 15, 16, 18, 19, 21, 23, 25, 27, 29, 32, 34, 37, 40, 43, 47, 51, 55, 59, 64, 69,
        75, 81, 88, 95, 103, 112, 121, 132, 143, 156, 170, 186, 204, 223, 244, 268, 294, 323, 355,
        391, 432, 479, 530, 586, 650, 722, 803, 894, 997, 1114, 1248, 1405, 1587, 1796, 2038, 2322,
        2660, 3063, 3545, 4133, 4853, 5743, 6872, 8346, 10329, 13142, 17455, 24999,
    ],
    "sst5": [
        0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11,
        12, 14, 15, 17, 18, 20, 22, 25, 27, 30, 33, 36, 40, 44, 48, 53, 59, 65, 72, 80, 89, 99,
        110, 122, 135, 150, 166, 183, 202, 222, 245, 271, 299, 332, 368, 409, 455, 506, 562, 624,
        694, 772, 859, 955, 1060, 1174, 1303, 1445, 1601, 1774, 1964, 2173, 2407, 2667, 2946, 3273,
        3613, 4022, 4431, 4963, 5508, 6147, 6965, 7783, 8601, 10101, 11737, 13373, 15008, 16644,
        18279,
    ],
    "ptb": [
        0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8,
        9, 10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 29, 32, 35, 38, 42, 47, 52, 57, 63, 70, 78,
        86, 96, 106, 118, 131, 146, 161, 179, 198, 219, 241, 265, 291, 319, 349, 381, 416, 454,
        496, 540, 588, 641, 698, 761, 829, 903, 983, 1071, 1168, 1276, 1396, 1527, 1673, 1835,
        2016, 2220, 2450, 2711, 3010, 3352, 3748, 4210, 4753, 5400, 6184, 7148, 8367, 9999,
    ],
}
# fmt: on


@dataclass(frozen=True)
class Workload:
    """One model on one kind of text.

    Attributes:
        name: W1 and so on.
        title: for people.
        cell: of the recurrent layers, or None for a mean of embeddings.
        hidden: state width per direction.
        layers: stacked.
        bidirectional: both directions.
        embedding: width.
        vocabulary: words.
        outputs: of the linear head; for a language model the vocabulary.
        pooling: what the head reads.
        batch: texts, or columns of a stream.
        lengths: whose distribution of lengths.
        max_tokens: longer texts are cut.
        window: steps of a language model's stream; None for texts.
    """

    name: str
    title: str
    cell: str | None
    hidden: int = 0
    layers: int = 1
    bidirectional: bool = False
    embedding: int = 128
    vocabulary: int = 25_002
    outputs: int = 1
    pooling: Literal["final", "mean"] = "final"
    batch: int = 64
    lengths: Literal["imdb", "sst5"] = "imdb"
    max_tokens: int | None = None
    window: int | None = None

    @property
    def widths(self) -> list[int]:
        """Input width of each recurrent layer."""
        above = self.hidden * (2 if self.bidirectional else 1)
        return ([self.embedding] + [above] * (self.layers - 1)) if self.cell else []

    @property
    def features(self) -> int:
        """What the head reads."""
        return self.hidden * (2 if self.bidirectional else 1) if self.cell else self.embedding

    def flops(self, tokens: int, targets: int) -> float:
        """Floating-point operations of the matrix products of one update: 2 forward and 4 backward
        for each weight and real token, and the head's for each target."""
        gates = {"lstm": 4, "gru": 3, "rnn": 1, None: 0}[self.cell]
        directions = 2 if self.bidirectional else 1
        weights = sum(gates * self.hidden * (width + self.hidden) for width in self.widths)
        return 6.0 * (tokens * directions * weights + targets * self.features * self.outputs)

    def texts(self, count: int, seed: int) -> Ragged:
        """Texts with real lengths and real frequencies of words."""
        generator = np.random.default_rng(seed)
        table = _PERCENTILES[self.lengths]
        drawn = np.interp(generator.uniform(0, 100, count), np.arange(101), table)
        lengths = np.minimum(np.rint(drawn).astype(np.int64), self.max_tokens or 1 << 40)
        ranks = _words(self.lengths, self.vocabulary - 2, int(lengths.sum()), generator)
        return Ragged.from_lengths(ranks.astype(np.int32) + 2, lengths)

    def stream(self, seed: int) -> npt.NDArray[np.int64]:
        """int64[window + 1, batch]: one window of a stream, targets included."""
        generator = np.random.default_rng(seed)
        steps = (self.window or 0) + 1
        ranks = _words("ptb", self.vocabulary, steps * self.batch, generator)
        return ranks.reshape(steps, self.batch)


def _words(
    source: str, vocabulary: int, count: int, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw words, 0 the most frequent; those beyond a vocabulary share its last place."""
    drawn = np.interp(generator.uniform(0, 100, count), np.arange(101), _RANKS[source])
    return np.minimum(drawn.astype(np.int64), vocabulary - 1)


_W1 = partial(Workload, hidden=128, layers=2, bidirectional=True, max_tokens=400)
_PTB = partial(
    Workload,
    hidden=200,
    layers=2,
    embedding=200,
    vocabulary=10_000,
    outputs=10_000,
    batch=20,
    window=20,
)

WORKLOADS = (
    _W1("W1", "IMDB <= 400 tokens, BiLSTM 2x128", "lstm"),
    _W1("W2", "IMDB <= 400 tokens, BiGRU 2x128", "gru"),
    _W1("W3", "IMDB <= 400 tokens, BiRNN 2x128", "rnn"),
    Workload(
        "W4",
        "SST-5, BiLSTM 2x256",
        "lstm",
        hidden=256,
        layers=2,
        bidirectional=True,
        embedding=300,
        vocabulary=18_280,
        outputs=5,
        lengths="sst5",
    ),
    Workload("W5", "IMDB whole, LSTM 128, mean", "lstm", hidden=128, embedding=100, pooling="mean"),
    Workload("W6", "IMDB whole, mean of embeddings", None, embedding=100, pooling="mean"),
    _PTB("W7", "PTB small, LSTM 2x200", "lstm"),
    _PTB("W8", "PTB small, GRU 2x200", "gru"),
    _W1("W9", "inference with W1's model", "lstm"),
    Workload(
        "W10",
        "IMDB 50 tokens, LSTM 2x64",
        "lstm",
        hidden=64,
        layers=2,
        embedding=100,
        vocabulary=10_002,
        batch=32,
        max_tokens=50,
    ),
)
