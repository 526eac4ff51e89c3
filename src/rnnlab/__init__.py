"""rnnlab: the workbench for recurrent text models.

In Python: `TextClassifier`, a scikit-learn classifier of texts, and `Run`, a finished run. Both are
imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlab.estimator.classifier import TextClassifier
    from rnnlab.run import Run

__all__ = ["Run", "TextClassifier"]
__version__ = "0.1.0"

_HOMES = {"Run": "rnnlab.run", "TextClassifier": "rnnlab.estimator.classifier"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rnnlab' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
