"""rnnlab: the workbench for recurrent text models.

In Python: `TextClassifier`, a scikit-learn classifier of texts, `Run`, a finished run, and `Study`,
many. They are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlab.estimator.classifier import TextClassifier
    from rnnlab.run import Run
    from rnnlab.study.study import Study

__all__ = ["Run", "Study", "TextClassifier"]
__version__ = "0.1.0"

_HOMES = {
    "Run": "rnnlab.run",
    "Study": "rnnlab.study.study",
    "TextClassifier": "rnnlab.estimator.classifier",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rnnlab' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
