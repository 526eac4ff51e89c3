"""What is explained: the log odds of a label.

ln(p / (1 - p)): 0 where the label is as probable as all others together, ±2.2 at .9 and .1, and for
two classes the network's own output.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SMALLEST = np.finfo(np.float32).tiny


def log_odds(probabilities: npt.NDArray[np.floating], target: int) -> npt.NDArray[np.float64]:
    """ln(p / (1 - p)) of column `target` of float[n, classes], float64[n].

    1 - p is the sum of the other columns, which keeps its digits where p is close to 1.
    """
    wide = probabilities.astype(np.float64)
    own, others = wide[:, target], np.delete(wide, target, axis=1).sum(axis=1)
    return np.log(np.maximum(own, _SMALLEST)) - np.log(np.maximum(others, _SMALLEST))
