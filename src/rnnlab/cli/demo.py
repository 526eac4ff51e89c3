"""rnnlab demo: the main job on the embedded data set, in two minutes."""

from __future__ import annotations

from typing import Any

from rnnlab.cli.output import (
    RUNS,
    Json,
    RunsRoot,
    duration,
    print_json,
    print_table,
    program,
    say,
    share,
)


def demo(runs: RunsRoot = RUNS, as_json: Json = False) -> None:
    """Train three models and three baselines on the embedded data set, and compare them."""
    from rnnlab.cli.output import start_logging
    from rnnlab.demo import run_demo
    from rnnlab.progress import titled

    start_logging()
    rows, bound = run_demo(runs, titled)
    if as_json:
        print_json({"models": rows, "best_bag_of_words": bound})
        return
    _print(rows, bound, runs)


def _print(rows: list[dict[str, Any]], bound: float, runs: Any) -> None:
    print()
    print_table(
        ["model", "validation", "test (deeper)", "parameters", "time"],
        [
            [
                row["model"],
                share(row["val"]),
                share(row["test"]),
                f"{row['parameters']:,}",
                duration(row["seconds"]),
            ]
            for row in rows
        ],
        title="accuracy on short opinions whose label depends on their structure",
    )
    bags = max(row["val"] for row in rows if row["model"] == "bag of embeddings")
    best = max(rows, key=lambda row: row["val"])
    say(
        f"No bag of words can be expected above {share(bound, 3)} here (computed exactly; ours "
        f"reads {share(bags, 3)}); "
        f"{best['model']} reads word order and reaches {share(best['val'], 3)}."
    )
    print(f"The runs are in {runs}/ (curves in plots/curves.png). Next:")
    print(f'  {program()} predict {best["run"]} "the plot was not good"')
    print(f"  {program()} train table data.path=YOUR.csv data.text=COLUMN data.label=COLUMN")
