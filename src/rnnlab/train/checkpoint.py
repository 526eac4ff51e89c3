"""Checkpoints that are whole or not there: safetensors, JSON, and a manifest written last.

A checkpoint is a folder `checkpoints/step-00000123` with `tensors.safetensors`, `state.json` and
`manifest.json` (sizes and SHA-256 of the other two). It is filled under a temporary name and
renamed; the two newest are kept, so that a damaged one costs one interval, not the run.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from rnnlab.files import read_json, sha256_file, sync_directory, write_bytes, write_json

log = logging.getLogger(__name__)

_KEPT = 2
_FILES = ("tensors.safetensors", "state.json")


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors; the file appears whole or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(plain))


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]
) -> None:
    """Write the checkpoint of `step` below `folder` and drop all but the two newest."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"step-{step:08d}"
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        save_tensors(temporary / _FILES[0], tensors)
        write_json(temporary / _FILES[1], state)
        manifest = {
            name: {
                "bytes": (temporary / name).stat().st_size,
                "sha256": sha256_file(temporary / name),
            }
            for name in _FILES
        }
        write_json(temporary / "manifest.json", manifest)
        if target.exists():  # of the same step: it goes once the new one is whole
            target.rename(temporary.with_name(f".old-{temporary.name}"))
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_directory(folder)
    _remove_old(folder)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and state of the newest whole checkpoint, or None if there is none."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        if _is_whole(path):
            return load_file(path / _FILES[0]), read_json(path / _FILES[1])
        log.warning("checkpoint %s is damaged and left out", path)
    return None


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of every random generator that training draws from."""
    state = {"random/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["random/cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(tensors: Mapping[str, Tensor], device: torch.device) -> None:
    """Take over a state written by `random_state`."""
    torch.set_rng_state(tensors["random/cpu"])
    if device.type == "cuda" and "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"], device)


def _is_whole(path: Path) -> bool:
    try:
        manifest = read_json(path / "manifest.json")
        return all(
            (path / name).stat().st_size == facts["bytes"]
            and sha256_file(path / name) == facts["sha256"]
            for name, facts in manifest.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _remove_old(folder: Path) -> None:
    for path in (*folder.glob(".new-*"), *folder.glob(".old-*")):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".best-*.tmp"):
        path.unlink()
    for path in sorted(folder.glob("step-*"))[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
