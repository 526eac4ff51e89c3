"""rnnlab train: one run, into a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnlab.cli.output import (
    RUNS,
    Json,
    Overrides,
    RunsRoot,
    duration,
    perplexity_text,
    print_json,
    program,
    say,
    share,
)
from rnnlab.exceptions import UserError


def train(
    preset: Annotated[
        str | None, typer.Argument(metavar="PRESET|FILE", help="A preset, or a YAML file.")
    ] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run directory; chosen by content if left out.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="Go on with this run.")
    ] = None,
    runs: RunsRoot = RUNS,
    as_json: Json = False,
) -> None:
    """Train one model. Asked again, it reports the finished run, or goes on with a stopped one."""
    from rnnlab.cli.output import start_logging
    from rnnlab.config.load import load_config
    from rnnlab.progress import ProgressLine
    from rnnlab.runner import resume_run, train_run

    start_logging()
    if resume is not None:
        if preset is not None or out is not None:
            raise UserError("--resume takes a run directory alone: its config is in it")
        facts = resume_run(resume, watcher=ProgressLine())
    elif preset is None:
        raise UserError("name a preset (`rnnlab list presets`) or a YAML file")
    else:
        config = load_config(preset, overrides or [])
        facts = train_run(config, runs_root=runs, out=out, watcher=ProgressLine())
    if as_json:
        keys = ("run", "status", "seconds", "train", "val", "parameters", "epochs", "best_epoch")
        print_json({key: facts[key] for key in keys if key in facts})
        return
    val = facts["val"]
    verb = "already done" if facts.get("already_done") else "done"
    epoch = f", best epoch {facts['best_epoch']} of {facts['epochs']}" if "epochs" in facts else ""
    if "perplexity" in val:
        figures = f"perplexity {perplexity_text(val['perplexity'])}"
        following = f"evaluate {facts['run']}"
    else:
        figures = f"accuracy {share(val['accuracy'])}, macro F1 {share(val['macro_f1'])}"
        following = f'predict {facts["run"]} "your text"'
    say(
        f"{verb} in {duration(facts['seconds'])}{epoch}: validation {figures}, "
        f"loss {val['loss']:.4f}"
    )
    print(f"run: {facts['run']}")
    print(f"next: {program()} {following}")
