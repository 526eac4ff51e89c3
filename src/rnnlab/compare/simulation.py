"""How often a comparison is wrong, and what it can show, on models whose truth is known.

Run `python -m rnnlab.compare.simulation`. A simulated model gets an example right if the example's
ease, plus the model's own luck with it, exceeds the model's threshold (a probit model, so that the
expected accuracy of every model is exact). Ease is drawn anew for every pair. Two arms share it in
full (the same configuration twice) or in part: "related" arms are as good as each other, but good
at other examples, which another draw of examples would show.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from rnnlab.compare.statistics import LEVEL, Arm, difference

ACCURACY = 0.85
EASE = 2.0  # deviation of an example's ease, in units of a model's own luck with it
EXAMPLES = 5000
PAIRS = 400
DEVIATIONS = (0.0, 0.3, 1.0)  # of seeds, in points of accuracy
SEEDS = (3, 5)
MOST_WRONG = 29  # of 400: 7.25 %; a test at 5 % exceeds it in 2 of 100 cases


@dataclass(frozen=True)
class Cell:
    """One setting of the simulation.

    Attributes:
        deviation: of the seeds' true accuracies, in points.
        seeds: of each arm.
        gain: true difference of the arms, in points.
        shared: correlation of the examples' ease between the arms; 1 for the same configuration.
    """

    deviation: float
    seeds: int
    gain: float = 0.0
    shared: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What the comparison said.

    Attributes:
        called: share of pairs in which it named a difference.
        covered: share of the 95 % intervals that hold the true one.
        half_width: mean of the intervals, in points.
        detectable: mean of what it held to be detectable, in points.
    """

    called: float
    covered: float
    half_width: float
    detectable: float


def simulate(cell: Cell, *, pairs: int, examples: int = EXAMPLES, seed: int = 0) -> Outcome:
    """Compare simulated pairs of arms as `rnnlab compare` does.

    Args:
        cell: the truth.
        pairs, examples: how many.
        seed: of the simulation.
    """
    generator = np.random.default_rng([seed, cell.seeds, round(100 * cell.deviation)])
    called = covered = 0
    half_width = detectable = 0.0
    for _ in range(pairs):
        first, second = _draw_pair(cell, examples, generator)
        found = difference(second, first)
        interval, p, smallest = found.interval, found.p, found.smallest_detectable()
        if interval is None or p is None or smallest is None:
            raise RuntimeError("arms of several seeds have an interval")
        called += p <= LEVEL
        covered += interval[0] <= cell.gain / 100 <= interval[1]
        half_width += 100 * (interval[1] - interval[0]) / 2
        detectable += 100 * smallest
    return Outcome(called / pairs, covered / pairs, half_width / pairs, detectable / pairs)


def _draw_pair(cell: Cell, examples: int, generator: np.random.Generator) -> tuple[Arm, Arm]:
    common = generator.standard_normal(examples)
    arms = []
    for accuracy in (ACCURACY, ACCURACY + cell.gain / 100):
        own = generator.standard_normal(examples)
        ease = EASE * (np.sqrt(cell.shared) * common + np.sqrt(1 - cell.shared) * own)
        truth = accuracy + cell.deviation / 100 * generator.standard_normal(cell.seeds)
        arms.append(_draw_arm(ease, truth, generator))
    return arms[0], arms[1]


def _draw_arm(ease: np.ndarray, truth: np.ndarray, generator: np.random.Generator) -> Arm:
    """Models whose accuracies over all examples are `truth`, on examples of this ease."""
    from scipy.special import ndtri

    threshold = ndtri(np.clip(truth, 1e-6, 1 - 1e-6)) * np.sqrt(1 + EASE**2)
    luck = generator.standard_normal((len(truth), len(ease)), dtype=np.float32)
    scores = (ease + luck > -threshold[:, None]).astype(np.float64)
    return Arm(scores.mean(axis=1), scores)


def main() -> None:
    """Print wrong verdicts, and power for a true difference, on the grid."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of each cell")
    parser.add_argument("--gain", type=float, default=2.0, help="true difference, in points")
    options = parser.parse_args()
    print(f"{EXAMPLES:,} examples, accuracy {ACCURACY}, {options.pairs} pairs of arms a row\n")
    print("                         same configuration   equally good,    truly better by")
    print(f"seeds  their deviation       twice            unlike examples  {options.gain:g} points")
    print("                         wrong verdicts       wrong verdicts   seen   detectable")
    for seeds in SEEDS:
        for deviation in DEVIATIONS:
            same = simulate(Cell(deviation, seeds), pairs=options.pairs)
            related = simulate(Cell(deviation, seeds, shared=0.8), pairs=options.pairs)
            better = simulate(
                Cell(deviation, seeds, gain=options.gain, shared=0.8), pairs=options.pairs
            )
            print(
                f"{seeds:5}  {deviation:8.1f} points  {100 * same.called:10.2f} %"
                f"{100 * related.called:19.2f} %{100 * better.called:13.0f} %"
                f"{better.detectable:9.1f} points"
            )


if __name__ == "__main__":
    main()
