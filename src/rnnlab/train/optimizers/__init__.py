"""Optimizers, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its numbers change
    class Options(rnnlab.options.Options)   with a field `lr`
    class Optimizer(rnnlab.train.optimizers._base.Optimizer)

They call torch's fused and for-each kernels directly instead of torch.optim: the first
torch.optim object of a process imports the compiler, which takes as long as torch itself, and a
state of plain named tensors is saved and resumed bit for bit without pickle.
"""
