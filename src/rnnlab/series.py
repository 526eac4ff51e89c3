"""Several runs, one after the other; those that are finished are not repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rnnlab.config.schema import Config
from rnnlab.exceptions import Interrupted
from rnnlab.runner import train_run
from rnnlab.train.state import Watcher

MakeWatcher = Callable[[str], Watcher]


def train_series(
    planned: Iterable[tuple[str, Config]], *, runs_root: Path, make_watcher: MakeWatcher
) -> list[dict[str, Any]]:
    """Do every run that is not done yet, each in its default directory.

    Args:
        planned: title and config of each run.
        runs_root: folder of the run directories.
        make_watcher: gives a watcher for a run's title.

    Returns:
        The facts of each run, as `rnnlab.runner.train_run` gives them.

    Raises:
        Interrupted: the user stopped it; called again, it goes on.
        UserError, Diverged: a run cannot be done.
    """
    done = []
    try:
        for title, config in planned:
            watcher = make_watcher(title)
            done.append(train_run(config, runs_root=runs_root, out=None, watcher=watcher))
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted("the same command again") from None
    return done
