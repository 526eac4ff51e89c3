"""Comparisons of configurations from finished runs: effects with intervals, and what they cost.

Reads run and study directories alone; never imports torch.
"""
