"""Parameters per layer and cost of a config's model, without data and without memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnlab.config.schema import Config, Recorded
from rnnlab.data.vocabulary import SPECIAL
from rnnlab.evaluation import run_config
from rnnlab.train.rundir import RunDirectory

_ASSUMED = {"vocabulary": 20_002, "classes": 2}


def recorded_config(path: Path) -> Config:
    """The config of a run, with the facts about its data that `describe` needs.

    Raises:
        UserError: there is no run, or its files are damaged.
    """
    run = RunDirectory.open(path)
    config, facts = run_config(run), run.read()
    if "data" not in facts:
        return config
    data = facts["data"]
    classes = len(data["labels"]) if "labels" in data else None
    recorded = Recorded(vocabulary=data["vocabulary"], classes=classes)
    return config.model_copy(update={"data": config.data.model_copy(update={"recorded": recorded})})


def describe(config: Config) -> dict[str, Any]:
    """Count parameters and estimate the cost of a token.

    Returns:
        `recorded`: vocabulary and classes that the figures are for, and their `origin`; a language
        model has no classes.
        `parameters`: `total`, `trainable`, `layers` (name, shape, count, `textbook` for recurrent
        layers: one bias vector per gate; `tied` for a head: whose matrix it has, which is counted
        there); None for models without a fixed number.
        `cost`: `training_flops_per_token`: forward and backward matrix products, 6 per weight of
        recurrent layers and head; at most, where an adaptive softmax reads some of its clusters.
    """
    facts = config.data.recorded
    recorded: dict[str, Any] = (
        {**facts.model_dump(), "origin": "recorded"}
        if facts is not None
        else {**_ASSUMED, "origin": "assumed until the data is read"}
    )
    limit = config.data.vocabulary.max_size
    if limit is not None and recorded["vocabulary"] > limit + len(SPECIAL):
        recorded["vocabulary"] = limit + len(SPECIAL)
        recorded["origin"] = "at most, by data.vocabulary.max_size"
    sizes = {"vocabulary_size": recorded["vocabulary"]}
    if config.model.module.TASK == "classification":
        recorded["classes"] = recorded["classes"] or _ASSUMED["classes"]
        sizes["num_classes"] = recorded["classes"]
    else:
        del recorded["classes"]
    if not config.model.module.TRAINED:
        return {"recorded": recorded, "parameters": None, "cost": None}
    import torch

    with torch.device("meta"):
        model = config.model.module.build(config.model.options, **sizes)
    layers = [row for name, module in model.named_children() for row in _layers(name, module)]
    total = sum(layer["count"] for layer in layers)
    if total != _size(model):
        raise RuntimeError("the layers' parameters do not add up to the model's")
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    _, *multiplied = model.children()
    shared = _size(model.embedding) if getattr(config.model.options, "tied", False) else 0
    flops = 6 * (sum(map(_size, multiplied)) + shared)
    return {
        "recorded": recorded,
        "parameters": {"total": total, "trainable": trainable, "layers": layers},
        "cost": {"training_flops_per_token": flops},
    }


def _layers(name: str, module: Any) -> list[dict[str, Any]]:
    """Rows of a part of a model; none where it has no parameters."""
    from torch import nn

    from rnnlab.nn.heads import AdaptiveHead
    from rnnlab.nn.recurrent import Recurrent

    if isinstance(module, Recurrent):
        return _recurrent_layers(name, module)
    if isinstance(module, (AdaptiveHead, nn.ModuleList, nn.Sequential)):
        parts = module.named_children()
        return [row for own, part in parts for row in _layers(f"{name}.{own}", part)]
    return [_layer(name, module)] if _size(module) else []


def _recurrent_layers(name: str, encoder: Any) -> list[dict[str, Any]]:
    rows = []
    for layer in range(encoder.num_layers):
        for suffix in encoder.suffixes:
            weights = encoder.weights(layer, suffix)
            count = sum(weight.numel() for weight in weights)
            rows.append(
                {
                    "name": f"{name}.l{layer}{suffix}",
                    "shape": [weights[0].shape[1], encoder.hidden_size],
                    "count": count,
                    "textbook": count - weights[3].numel(),
                    "trainable": True,
                }
            )
    return rows


def _size(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _layer(name: str, module: Any) -> dict[str, Any]:
    from rnnlab.nn.heads import TiedHead

    own = next(module.parameters())
    row = {
        "name": name,
        "shape": list(own.shape),
        "count": _size(module),
        "trainable": own.requires_grad,
    }
    if isinstance(module, TiedHead):
        row |= {"shape": list(module.weight.shape), "tied": "embedding"}
    return row
