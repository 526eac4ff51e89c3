"""Training on a GPU, in every precision; what it gives is used on a CPU."""

from __future__ import annotations

import pytest
import torch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_model_that_was_trained_on_a_gpu_answers_the_same_on_a_cpu(cli, tmp_path, precision):
    settings = ("device=cuda", f"train.precision={precision}", "seed=1")
    run = tmp_path / precision
    trained = cli("train", "compositional-gru", *settings, "--out", run, "--json").json
    assert trained["kernel"] == "torch"
    assert trained["val"]["accuracy"] > 0.9
    here = cli("evaluate", run, "--split", "val", "--json").json
    tolerance = 1e-4 if precision == "float32" else 1e-2
    assert here["loss"] == pytest.approx(trained["val"]["loss"], abs=tolerance)
    assert here["accuracy"] == pytest.approx(trained["val"]["accuracy"], abs=2e-3)
