"""Train in this process and die on the way, as a killed process does: no clean-up runs.

Usage: killed_training.py RUN (step|save) N PRESET [key=value]...

"step" dies after N updates of this process; "save" dies in the middle of writing the N-th file that
belongs to a checkpoint: half of its bytes are on disk under a temporary name.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from rnnlab import files
from rnnlab.config.load import load_config
from rnnlab.progress import ProgressLine
from rnnlab.runner import train_run
from rnnlab.train import checkpoint

KILLED = 9


class DyingWatcher(ProgressLine):
    """Ends the training without warning after so many updates; 0 for never."""

    def __init__(self, updates: int, die: Callable[[], None] = lambda: os._exit(KILLED)) -> None:
        super().__init__()
        self.updates, self.die = updates, die

    def step(self, state, **kwargs) -> None:
        self.updates -= 1
        if self.updates == 0:
            self.die()


def die_while_writing(count: int) -> None:
    """Make the `count`-th file of a checkpoint stop half way."""
    left = [count]

    def write_bytes(path: Path, data: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            (path.parent / f".{path.name}.half.tmp").write_bytes(data[: len(data) // 2])
            os._exit(KILLED)
        files.write_bytes(path, data)

    def write_json(path: Path, value: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            (path.parent / f".{path.name}.half.tmp").write_bytes(b"{")
            os._exit(KILLED)
        files.write_json(path, value)

    checkpoint.write_bytes = write_bytes
    checkpoint.write_json = write_json


def main() -> None:
    run, mode, count, preset, *overrides = sys.argv[1:]
    updates = int(count) if mode == "step" else 0
    if mode == "save":
        die_while_writing(int(count))
    config = load_config(preset, overrides)
    train_run(config, runs_root=Path("runs"), out=Path(run), watcher=DyingWatcher(updates))


if __name__ == "__main__":
    main()
