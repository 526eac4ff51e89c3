"""All workloads, one after the other, as one result."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from rnnlab.bench.measure import contenders_of, measure
from rnnlab.bench.workloads import WORKLOADS
from rnnlab.environment import available_cores, library_versions
from rnnlab.exceptions import UserError
from rnnlab.nn import compiled
from rnnlab.options import nearest


def run_workloads(
    only: str | None,
    *,
    rounds: int,
    threads: int | None,
    quick: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the workloads named in `only`, or all.

    Args:
        only: names with commas between them.
        rounds: turns of each contender.
        threads: None for all available cores.
        quick: leave out packed sequences on texts.
        tell: is given a line before each workload.

    Raises:
        UserError: no such workload.
    """
    threads = threads or available_cores()
    names = [workload.name for workload in WORKLOADS]
    wanted = [name.strip().upper() for name in only.split(",")] if only else names
    for name in wanted:
        if name not in names:
            raise UserError(f"--only: no workload '{name}'{nearest(name, names)}")
    skipped = []
    flax = all(find_spec(library) for library in ("jax", "flax", "optax"))
    if not flax:
        skipped.append("Flax was left out: install JAX with pip install 'rnnlab[jax]'.")
    measured = []
    for workload in WORKLOADS:
        if workload.name in wanted:
            tell(f"{workload.name}: {workload.title}")
            contenders = contenders_of(workload, flax=flax, quick=quick)
            measured.append(measure(workload, contenders, rounds, threads=threads))
    return {
        "gemm_gflops": statistics.median(each["gemm_gflops"] for each in measured),
        "threads": threads,
        "kernel": compiled.name(),
        "versions": library_versions(),
        "rounds": rounds,
        "workloads": measured,
        "skipped": skipped,
    }
