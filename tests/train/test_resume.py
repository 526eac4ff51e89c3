"""A run that is killed and resumed is bit for bit the run that was left alone."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from rnnlab.config.load import load_config
from rnnlab.files import read_json
from rnnlab.runner import train_run
from rnnlab.train.checkpoint import load_checkpoint, save_checkpoint

from .killed_training import DyingWatcher

SCRIPT = Path(__file__).with_name("killed_training.py")
PRESET = "compositional-bilstm-attention"
SETTINGS = (
    "threads=1",
    "data.train_size=640",
    "data.val_size=64",
    "data.test_size=64",
    "model.embedding.dim=8",
    "model.embedding.dropout=0.1",
    "model.encoder.hidden=8",
    "model.dropout=0.3",
    "train.batch_size=32",
    "train.epochs=3",
    "train.schedule=cosine",
    "train.warmup_steps=5",
    "train.clip_norm=1.0",
    "train.patience=null",
)
STEPS = 60


def train(run: Path, mode: str, count: int, *overrides: str) -> int:
    return start(run, mode, count, PRESET, *SETTINGS, *overrides)


def start(run: Path, mode: str, count: int, *arguments: str) -> int:
    command = [sys.executable, str(SCRIPT), str(run), mode, str(count), *arguments]
    return subprocess.run(command, check=False, capture_output=True, timeout=120).returncode


def final_state(run: Path) -> dict[str, bytes]:
    """What has to be equal: best weights, last weights, optimizer, random state, rows."""
    (last,) = run.joinpath("checkpoints").glob("step-*")
    tensors = load_file(last / "tensors.safetensors")
    assert {name.split("/")[0] for name in tensors} >= {"model", "optimizer", "random"}
    return {
        **{name: array.tobytes() for name, array in tensors.items()},
        "best": (run / "model" / "weights.safetensors").read_bytes(),
        "epochs.csv": (run / "epochs.csv").read_bytes(),
    }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = tmp_path_factory.mktemp("whole") / "run"
    assert train(run, "step", 0) == 0
    assert read_json(run / "run.json")["steps"] == STEPS
    return final_state(run)


def test_ten_kills_change_nothing(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    generator = random.Random(7)
    kills = [("step", generator.randint(1, 14)) for _ in range(5)]
    kills += [("save", generator.randint(1, 40)) for _ in range(5)]
    generator.shuffle(kills)
    run = tmp_path / "run"
    survived = 0
    for mode, count in kills:
        code = train(run, mode, count, "train.checkpoint_seconds=0")
        survived += code == 0
        assert code in (0, 9)
    assert survived <= 1, "the kills came after the end: the test tests nothing"
    assert train(run, "step", 0, "train.checkpoint_seconds=0") == 0
    assert final_state(run) == uninterrupted


def test_averages_and_plateaus_are_resumed(tmp_path: Path) -> None:
    settings = ("train.average=0.9", "train.schedule={name: plateau, patience: 0}")
    assert train(tmp_path / "whole", "step", 0, *settings) == 0
    whole = final_state(tmp_path / "whole")
    assert any(name.startswith("average/") for name in whole)
    run = tmp_path / "run"
    for count in (27, 16):
        assert train(run, "step", count, *settings, "train.checkpoint_seconds=0") == 9
    assert train(run, "step", 0, *settings, "train.checkpoint_seconds=0") == 0
    assert final_state(run) == whole


def test_half_precision_is_resumed_with_its_loss_scale(tmp_path: Path) -> None:
    settings = ("train.precision=float16", "data.train_size=320", "train.epochs=2")
    run = tmp_path / "run"
    scales = []
    for folder, count in ((run, 9), (run, 7), (run, 0), (tmp_path / "whole", 0)):
        code = train(folder, "step", count, *settings, "train.checkpoint_seconds=0")
        assert code == (9 if count else 0)
        found = load_checkpoint(folder / "checkpoints")
        assert found is not None
        scales.append(found[1]["loss_scale"])
    assert final_state(run) == final_state(tmp_path / "whole")
    assert scales == [[2.0**16, steps] for steps in (8, 14, 20, 20)]


def test_a_stream_goes_on_with_the_state_that_it_carried(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    words = [f"w{n * n % 23}" for n in range(2000)]
    text.write_text("\n".join(" ".join(words[n : n + 9]) for n in range(0, 2000, 9)))
    arguments = (
        "lines",
        f"data.path={text}",
        "threads=1",
        "model.embedding.dim=8",
        "model.encoder.hidden=8",
        "train.batch_size=4",
        "train.stream.window=15",
        "train.epochs=3",
        "train.patience=null",
        "train.checkpoint_seconds=0",
    )
    assert start(tmp_path / "whole", "step", 0, *arguments) == 0
    whole = final_state(tmp_path / "whole")
    assert {name for name in whole if name.startswith("carried/")} == {"carried/0", "carried/1"}
    run = tmp_path / "run"
    for mode, count in (("step", 17), ("save", 21), ("step", 40), ("step", 9)):
        assert start(run, mode, count, *arguments) == 9
    found = load_checkpoint(run / "checkpoints")
    assert found is not None
    assert found[1]["batch"] > 0  # within an epoch, where the carried state counts
    assert bool(found[0]["carried/0"].any())
    assert start(run, "step", 0, *arguments) == 0
    assert final_state(run) == whole


class Killed(BaseException):
    """As a signal that nothing in between handles."""


def be_killed() -> None:
    raise Killed


def test_varied_windows_and_an_average_that_has_begun_go_on_bit_for_bit(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    chance = random.Random(1)
    words = [f"w{chance.randrange(23)}" for _ in range(900)]
    text.write_text("\n".join(" ".join(words[n : n + 9]) for n in range(0, 900, 9)))
    config = load_config(
        "ptb-awd",
        [
            *("data.source=lines", f"data.path={text}", "threads=1", "data.recorded=null"),
            *("model.embedding.dim=6", "model.encoder.hidden=7", "model.encoder.last_hidden=6"),
            *("train.batch_size=4", "train.stream.window=20", "train.epochs=6"),
            "train.optimizer={name: sgd, lr: 9, momentum: 0.5}",
            "train.average.non_monotone=1",
        ],
    )

    def go(run: Path, updates: int = 0) -> dict[str, Any]:
        seconds = {"checkpoint_seconds": 0.0 if updates else 60.0}
        chosen = config.model_copy(update={"train": config.train.model_copy(update=seconds)})
        return train_run(
            chosen, runs_root=tmp_path, out=run, watcher=DyingWatcher(updates, be_killed)
        )

    go(tmp_path / "whole")
    whole = final_state(tmp_path / "whole")
    assert any(name.startswith("average/") for name in whole), "validation improved throughout"
    assert {f"carried/{number}" for number in range(4)} <= whole.keys()
    run, begun = tmp_path / "run", []
    for updates in (20, 18, 18, 5):
        with pytest.raises(Killed):
            go(run, updates)
        found = load_checkpoint(run / "checkpoints")
        assert found is not None
        begun.append(found[1]["averaged"])
    assert begun[0] == 0
    assert begun[-1] > 1
    go(run)
    assert final_state(run) == whole


def test_a_kill_costs_at_most_one_interval(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    run = tmp_path / "run"
    assert train(run, "step", 33, "train.checkpoint_seconds=3600") == 9
    found = load_checkpoint(run / "checkpoints")
    assert found is not None
    assert found[1]["step"] == 20  # the end of the first epoch
    assert train(run, "step", 0, "train.checkpoint_seconds=3600") == 0
    assert final_state(run) == uninterrupted


def test_an_interrupt_is_saved_and_resumed(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "rnnlab", "train", PRESET]
    process = subprocess.Popen(
        [*command, *SETTINGS, "--out", str(run), "train.checkpoint_seconds=0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as errors:
        while not list(run.glob("checkpoints/step-*")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        last_line = errors.read().strip().splitlines()[-1]
    assert process.wait(timeout=60) == 130
    assert last_line == f"interrupted; go on with: rnnlab train --resume {run}"
    assert read_json(run / "run.json")["status"] == "interrupted"
    resumed = subprocess.run(
        [sys.executable, "-m", "rnnlab", "train", "--resume", str(run)],
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert resumed.returncode == 0
    assert final_state(run) == uninterrupted


def test_a_damaged_checkpoint_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import torch

    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, {"model/w": torch.full((4,), float(step))}, {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]
    tensors = tmp_path / "step-00000003" / "tensors.safetensors"
    data = bytearray(tensors.read_bytes())
    data[-1] ^= 1
    tensors.write_bytes(bytes(data))
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 2}
    assert found[0]["model/w"].tolist() == [2.0] * 4
    assert "damaged" in caplog.text
