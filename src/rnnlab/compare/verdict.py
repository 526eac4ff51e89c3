"""Plain words for a difference."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from rnnlab.compare.statistics import LEVEL, Contrast, McNemar, Scope
from rnnlab.wording import perplexity_text, share

Answer = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True)
class Difference:
    """A configuration beside the reference, by the metric (for perplexity: by nats a token).

    Attributes:
        reference: its label.
        value: the configuration's mean minus the reference's.
        interval: 95 %, of this difference alone; None where nothing shows it.
        seed_error: standard error from seeds alone; None with one seed.
        example_error: standard error from examples alone; None without answers to examples.
        standard_error, degrees_of_freedom: from both.
        test: how p was found.
        p: two-sided; None where there is no test.
        p_holm: adjusted for all differences of the group.
        tests: how many those are.
        smallest_detectable: the true difference that the data would show in 80 of 100 cases.
        scope: "configurations", or these trained "models" alone.
        mcnemar: counts behind p where McNemar's test is it.
        verdict: "better", "worse" or "cannot tell".
        statement: the same in words.
    """

    reference: str
    value: float
    interval: tuple[float, float] | None
    seed_error: float | None
    example_error: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    test: str
    p: float | None
    p_holm: float | None
    tests: int
    smallest_detectable: float | None
    scope: Scope
    mcnemar: McNemar | None
    verdict: Answer
    statement: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def judge(
    label: str,
    reference: str,
    contrast: Contrast,
    mcnemar: McNemar | None,
    p_holm: float | None,
    tests: int,
    metric: str,
) -> Difference:
    """Turn a contrast and its adjusted p-value into a verdict.

    Args:
        label, reference: the two configurations.
        contrast: their difference.
        mcnemar: the test in place of the contrast's own.
        p_holm: adjusted; None where there is no test.
        tests: differences that the adjustment is for.
        metric: "accuracy", "macro_f1" or "perplexity".
    """
    answer: Answer = "cannot tell"
    if p_holm is not None and p_holm <= LEVEL and contrast.value != 0:
        gain = -contrast.value if metric == "perplexity" else contrast.value
        answer = "better" if gain > 0 else "worse"
    smallest = contrast.smallest_detectable(tests)
    return Difference(
        reference=reference,
        value=contrast.value,
        interval=contrast.interval,
        seed_error=contrast.seed_error,
        example_error=contrast.example_error,
        standard_error=contrast.error,
        degrees_of_freedom=contrast.freedom if contrast.error is not None else None,
        test=_test(contrast, mcnemar),
        p=mcnemar.p if mcnemar else contrast.p,
        p_holm=p_holm,
        tests=tests,
        smallest_detectable=smallest,
        scope=contrast.scope,
        mcnemar=mcnemar,
        verdict=answer,
        statement=_statement(label, reference, answer, contrast, smallest, metric)
        + _caveat(contrast, mcnemar),
    )


def _test(contrast: Contrast, mcnemar: McNemar | None) -> str:
    if mcnemar is not None:
        kind = "exact" if mcnemar.is_exact else "chi squared, continuity-corrected"
        return f"McNemar ({kind})"
    if contrast.error is None:
        return "none"
    if contrast.scope == "models":
        return f"paired over {contrast.unit}"
    if contrast.example_error is None:
        return "Welch t"
    return f"Welch t over seeds and {contrast.unit}"


def _statement(
    label: str,
    reference: str,
    answer: Answer,
    contrast: Contrast,
    smallest: float | None,
    metric: str,
) -> str:
    size = amount(contrast.value, metric)
    interval = contrast.interval
    between = f" (95 %: {between_ends(interval, metric)})" if interval else ""
    if answer == "cannot tell":
        text = f"Cannot tell {label} from {reference}: {size}{between}."
        if smallest is not None:
            text += f" Less than {amount(smallest, metric, signed=False)} could not be seen."
        elif contrast.scope == "models":
            text += " With one seed, and no answers to single tokens, nothing shows what is chance."
    else:
        text = f"{label} is {answer} than {reference}: {size}{between}."
    return text


def _caveat(contrast: Contrast, mcnemar: McNemar | None) -> str:
    """What a verdict from single models is worth, and its test."""
    by = f" by {_test(contrast, mcnemar)}" if mcnemar is not None else ""
    if contrast.scope == "models" and contrast.error is not None:
        return f" One seed: this concerns these trained models only{f',{by}' if by else ''}."
    return f" Told{by}." if by else ""


def amount(value: float, metric: str, *, signed: bool = True) -> str:
    """A difference as people read it: points, or nats a token."""
    sign = "+" if signed else ""
    if metric == "perplexity":
        return f"{value:{sign}.4f} nats a token"
    unit = "point" if f"{abs(100 * value):.1f}" == "1.0" else "points"
    return f"{100 * value:{sign}.1f} {unit}"


def between_ends(interval: tuple[float, float], metric: str) -> str:
    """The ends of the interval of a difference."""
    if metric == "perplexity":
        return f"{interval[0]:+.4f} to {interval[1]:+.4f}"
    return f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"


def level(value: float, metric: str) -> str:
    """A mean as people read it: a share, or a perplexity from nats a token."""
    from rnnlab.perplexity import perplexity

    return perplexity_text(perplexity(value)) if metric == "perplexity" else share(value)
