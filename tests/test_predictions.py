"""Tables of predictions come back as they were written, whatever the labels are called."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab.exceptions import UserError
from rnnlab.predictions import PredictedRows

NAMES = ("v1.2", "a, b", "<b>", "row", "fold")


def test_a_round_trip(tmp_path):
    generator = np.random.default_rng(0)
    written = PredictedRows(
        generator.permutation(40),
        generator.integers(0, 5, 40),
        generator.dirichlet([1] * 5, 40).astype(np.float32),
        NAMES,
    )
    path = tmp_path / "x=1" / "val.parquet"
    written.write(path, {"fold": np.arange(40)})
    read = PredictedRows.read(path, NAMES)
    assert read.names == NAMES
    for name in ("rows", "labels", "probabilities"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    with pytest.raises(UserError, match="damaged"):
        PredictedRows.read(path, (*NAMES, "more"))
