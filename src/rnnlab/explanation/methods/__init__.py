"""Methods of explanation, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    RANK: int                       the lowest of those that a model allows is its default
    def refusal(predictor) -> str   why it cannot explain such a model, or ""
    def attribute(predictor, reading, target: int) -> Attribution

where `reading` is the text as the model reads it (`rnnlab.explanation.reading`), at least one of
its tokens known, and `target` the column of the label whose score is explained.
"""
