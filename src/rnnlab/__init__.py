"""rnnlab: the workbench for recurrent text models."""

__version__ = "0.1.0"
