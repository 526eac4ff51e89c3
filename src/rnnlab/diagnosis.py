"""Facts about this machine and installation that explain what a run does on it."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnlab.data.checks import list_sources
from rnnlab.data.download import cache_root, mirror_folder
from rnnlab.environment import available_cores, library_versions
from rnnlab.exceptions import UserError


def kernel(cell: ModuleType) -> str:
    """Name what runs a cell in training on this CPU."""
    import torch

    from rnnlab.nn.recurrent import Recurrent

    layer = Recurrent(cell, cell.Options(), input_size=8, hidden_size=8)
    x_BTD = torch.zeros(2, 4, 8)
    if layer.kernel(x_BTD) != "torch":
        return f"compiled ({layer.kernel(x_BTD)})"
    nodes = [layer(x_BTD, torch.tensor([4, 2]))[0].grad_fn]
    while nodes:
        node = nodes.pop()
        if node is not None:
            if "mkldnnrnn" in node.name().lower():
                return "torch: oneDNN, fused over all steps"
            nodes += [parent for parent, _ in node.next_functions]
    return "torch: step by step inside one operator"


def diagnose(folder: Path) -> dict[str, dict[str, Any]]:
    """Collect the facts, by section.

    Args:
        folder: where runs would be written.
    """
    import torch

    from rnnlab.registry import CELLS

    try:
        mirror = str(mirror_folder() or "not set")
        sources = {row["name"]: row["state"] for row in list_sources()}
    except UserError as error:
        mirror, sources = str(error), {}
    free = shutil.disk_usage(folder).free
    return {
        "versions": library_versions(),
        "machine": {
            "system": platform.platform(),
            "cores": available_cores(),
            "torch threads": torch.get_num_threads(),
            "vector instructions": torch.backends.cpu.get_cpu_capability(),
            "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
            "free disk here": f"{free / 1e9:.1f} GB",
        },
        "recurrent kernels": {name: kernel(CELLS.load(name)) for name in CELLS.names},
        "data": {
            "RNNLAB_DATA": mirror,
            "cache": str(cache_root()),
            **sources,
        },
    }
