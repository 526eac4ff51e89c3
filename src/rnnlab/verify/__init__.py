"""Proofs that a model, its training and its data do what they say: `rnnlab verify` in Python."""

from __future__ import annotations

from rnnlab.verify.modules import check_module

__all__ = ["check_module"]
