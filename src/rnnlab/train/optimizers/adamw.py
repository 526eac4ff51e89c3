"""AdamW: Adam with decoupled weight decay. Source: Loshchilov & Hutter 2019 (arXiv:1711.05101)."""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat

from rnnlab.train.optimizers import _adam

SUMMARY = "Adam with decoupled weight decay"
VERSION = 2


class Options(_adam.Options):
    """Settings of AdamW; weight decay is on."""

    weight_decay: NonNegativeFloat = 0.01


class Optimizer(_adam.Optimizer):
    """AdamW."""

    kernel = staticmethod(torch._fused_adamw_)
    decay_is_l2 = False
