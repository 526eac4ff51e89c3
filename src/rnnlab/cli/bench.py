"""rnnlab bench: how fast this package trains here, beside what else a user would pick."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from rnnlab.cli.output import Json, print_json, print_table, say


def bench(
    only: Annotated[
        str | None, typer.Option(help="Workloads to measure, as in W1,W6; all by default.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender.")] = 5,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads; all available cores by default.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out rivals that take seconds for an update.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure training and inference, in turns with torch.nn's packed and padded forms and Flax.

    Use an otherwise idle machine; on 2 cores the whole takes about half an hour, --quick 5 minutes.
    """
    from rnnlab.bench.report import run_workloads

    result = run_workloads(
        only, rounds=rounds, threads=threads, quick=quick, tell=partial(print, file=sys.stderr)
    )
    if as_json:
        print_json(result)
        return
    rows = [
        [
            w["name"],
            w["title"],
            f"{w['tokens_per_second'] / 1000:,.1f}k",
            *(_times(w["ratios"].get(n)) for n in ("reference", "packed_bucketed")),
            *(_times(w["ratios"].get(n)) for n in ("padded", "flax")),
            f"{w['fraction_of_gemm']:.0%}" if w.get("fraction_of_gemm") else "",
        ]
        for w in result["workloads"]
    ]
    columns = ["", "workload", "tokens/s", "/ref", "/packed", "/padded*", "/flax", "of GEMM"]
    print_table(columns, rows, left=2)
    for w in result["workloads"]:
        if "p50_ms" in w:
            beside = ""
            if "reference_p50_ms" in w:
                beside = f"; ref {w['reference_p50_ms']:.1f} ms ({w['reference_p95_ms']:.1f} ms)"
            one = f"{w['p50_ms']:.1f} ms (95 %: {w['p95_ms']:.1f} ms)"
            say(f"{w['name']}: one review in {one}{beside}.")
    say(
        "Columns after tokens/s: how many times the rival's rate. ref: random batches, packed, as "
        "the reported systems; packed: the same with near lengths in a batch; *padded is not exact."
    )
    say(
        f"Machine: {result['gemm_gflops']:.0f} GFLOP/s for a large matrix product, "
        f"{result['threads']} threads, kernel {result['kernel']}."
    )
    for missing in result["skipped"]:
        say(missing)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"
