"""Training in every precision, on a CPU and on a GPU."""

from __future__ import annotations

import pytest
import torch

PRESET = "compositional-gru"
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_on_a_cpu_learns_what_float32_learns(cli, tmp_path, caplog, precision):
    sizes = ("data.train_size=400", "data.val_size=200", "train.epochs=2", "model.encoder.hidden=8")
    losses = {}
    for name in ("float32", precision):
        settings = (*sizes, "device=cpu", "threads=1", f"train.precision={name}")
        result = cli("train", PRESET, *settings, "--out", tmp_path / name, "--json")
        losses[name] = result.json["val"]["loss"]
    assert ("more slowly than float32" in caplog.text) == (precision == "float16")
    assert losses[precision] == pytest.approx(losses["float32"], abs=5e-3)
    assert losses[precision] != losses["float32"]


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_model_that_was_trained_on_a_gpu_answers_the_same_on_a_cpu(cli, tmp_path, precision):
    settings = ("device=cuda", f"train.precision={precision}", "seed=1")
    run = tmp_path / precision
    trained = cli("train", PRESET, *settings, "--out", run, "--json").json
    assert trained["kernel"] == "torch"
    assert trained["val"]["accuracy"] > 0.9
    here = cli("evaluate", run, "--split", "val", "--json").json
    tolerance = 1e-4 if precision == "float32" else 1e-2
    assert here["loss"] == pytest.approx(trained["val"]["loss"], abs=tolerance)
    assert here["accuracy"] == pytest.approx(trained["val"]["accuracy"], abs=2e-3)
