"""What a run is done on, and paths that hold from any folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rnnlab.config.schema import Config
from rnnlab.exceptions import UserError


def resolve_device(name: str) -> str:
    """Turn "auto" into the device that is there.

    Raises:
        UserError: the named device is not on this machine.
    """
    import torch

    count = torch.cuda.device_count()
    if name == "auto":
        return "cuda" if count else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda" and int(number or 0) >= count:
        raise UserError(f"device={name}: this machine has {count} CUDA devices; use device=auto")
    return name


def with_resources(config: Config, threads: int, device: str) -> Config:
    """The config with threads and device as they will be used."""
    return config.model_copy(update={"threads": threads, "device": device})


def vectors_of(config: Config) -> str | None:
    """The pretrained vectors that a config names, for a model that can have some."""
    return getattr(getattr(config.model.options, "embedding", None), "vectors", None)


def portable(config: Config) -> Config:
    """The config with paths that hold from any folder, as a run directory keeps it."""
    source, tracker = config.data.source, config.tracker
    if hasattr(source.options, "portable"):
        source = replace(source, options=source.options.portable())
        data = config.data.model_copy(update={"source": source})
        config = config.model_copy(update={"data": data})
    if (extra := config.data.extra) is not None:
        absolute = {"path": str(Path(extra.path).expanduser().absolute())}
        data = config.data.model_copy(update={"extra": extra.model_copy(update=absolute)})
        config = config.model_copy(update={"data": data})
    if tracker is not None and hasattr(tracker.options, "portable"):
        tracker = replace(tracker, options=tracker.options.portable())
        config = config.model_copy(update={"tracker": tracker})
    if (vectors := vectors_of(config)) and Path(vectors).is_file():
        absolute = {"vectors": str(Path(vectors).absolute())}
        embedding = config.model.options.embedding.model_copy(update=absolute)
        options = config.model.options.model_copy(update={"embedding": embedding})
        config = config.model_copy(update={"model": replace(config.model, options=options)})
    if pretrained := getattr(config.model.options, "pretrained", None):
        absolute = {"pretrained": str(Path(pretrained).expanduser().absolute())}
        options = config.model.options.model_copy(update=absolute)
        config = config.model_copy(update={"model": replace(config.model, options=options)})
    return config
