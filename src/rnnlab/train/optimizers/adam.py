"""Adam. Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1. Weight decay is an L2 term."""

from __future__ import annotations

import torch

from rnnlab.train.optimizers import _adam

SUMMARY = "Adam; weight decay as an L2 term in the gradient"
VERSION = 2
Options = _adam.Options


class Optimizer(_adam.Optimizer):
    """Adam."""

    kernel = staticmethod(torch._fused_adam_)
    decay_is_l2 = True
