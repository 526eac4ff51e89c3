"""The benchmark measures what it says, on small workloads; no test here looks at a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from rnnlab.bench.contenders import Ours, Torch
from rnnlab.bench.measure import (
    batches_of,
    contenders_of,
    measure,
    real_tokens,
)
from rnnlab.bench.workloads import WORKLOADS, Workload

BY_NAME = {workload.name: workload for workload in WORKLOADS}
RIVALS = ("reference", "packed_bucketed", "padded")


def small(name: str) -> Workload:
    workload = BY_NAME[name]
    return dataclasses.replace(
        workload,
        hidden=min(workload.hidden, 8),
        embedding=8,
        vocabulary=50,
        outputs=50 if workload.window else workload.outputs,
        batch=4,
        lengths="sst5",
        max_tokens=30,
        window=5 if workload.window else None,
    )


def test_lengths_are_those_of_the_data_sets():
    imdb = BY_NAME["W5"].texts(20_000, seed=0).lengths
    sst = BY_NAME["W4"].texts(20_000, seed=0).lengths
    assert abs(imdb.mean() / 271 - 1) < 0.1
    assert abs(sst.mean() / 19.1 - 1) < 0.03
    assert BY_NAME["W1"].texts(500, seed=0).lengths.max() == 400


def test_floating_point_operations_are_those_of_the_formula():
    # W1: both directions of 4·128·(128 + 128) and 4·128·(256 + 128) weights, and a head of 256
    weights = 2 * (4 * 128 * 256 + 4 * 128 * 384)
    assert BY_NAME["W1"].flops(1000, 64) == 6 * (1000 * weights + 64 * 256)
    # W7: two layers of 4·200·400 weights, and 10,000 outputs of 200 features for every token
    assert BY_NAME["W7"].flops(400, 400) == 6 * 400 * (2 * 4 * 200 * 400 + 200 * 10_000)


@pytest.mark.parametrize("name", ["W1", "W2", "W3", "W5", "W6"])
def test_contenders_compute_the_same_function(name):
    """With equal weights our logits are those of torch's packed form, and the padded one's differ
    where padding enters."""
    workload = small(name)
    ours, packed = Ours(workload), Torch(workload, "packed_bucketed")
    packed.model.embedding.load_state_dict(ours.model.embedding.state_dict())
    packed.model.head.load_state_dict(ours.model.head.state_dict())
    if workload.cell:
        packed.model.recurrent.load_state_dict(ours.model.encoder.state_dict())
    (batch,) = batches_of(workload, bucketed=False, count=1, seed=5)
    assert len(batch[1].unique()) > 1
    expected = ours.predict(batch)
    torch.testing.assert_close(packed.predict(batch), expected, rtol=1e-4, atol=1e-5)
    if workload.bidirectional:
        padded = Torch(workload, "padded")
        padded.model.load_state_dict(packed.model.state_dict())
        assert float((padded.predict(batch) - expected).abs().max()) > 1e-4


@pytest.mark.parametrize("name", ["W1", "W6", "W7", "W9"])
def test_every_figure_is_there(name):
    workload = small(name)
    result = measure(workload, contenders_of(workload), rounds=1)
    names = {"reference"} if workload.window or workload.cell is None else set(RIVALS)
    assert set(result["ratios"]) == names
    ours = result["rates"]["rnnlab"]
    for rival, ratio in result["ratios"].items():
        assert ratio == pytest.approx(ours / result["rates"][rival], rel=1e-2)
    assert ("p50_ms" in result) == (name == "W9")
    assert ("fraction_of_gemm" in result) == (name != "W9")
    if name in ("W1", "W6"):
        assert 0 < result["outside_model"] < 1


def test_padding_does_not_count():
    workload = small("W1")
    batches = batches_of(workload, bucketed=True, count=3, seed=0)
    lengths = np.concatenate([batch[1].numpy() for batch in batches])
    assert real_tokens(workload, batches) == lengths.sum()
