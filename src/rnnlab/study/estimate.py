"""How long the runs of a study take, from a moment of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnnlab import compose
from rnnlab.config.schema import Config
from rnnlab.environment import quiet_log, use_threads
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json
from rnnlab.identity import read_settings
from rnnlab.study.outcomes import Outcome
from rnnlab.study.plan import Trial
from rnnlab.suggestion import estimate

_WITHOUT_COST = {
    "model": ("activation", "dropout"),
    "train": ("clip_norm", "schedule", "warmup_steps", "metric", "patience", "label_smoothing"),
}
"""Settings that hardly change how long a run takes."""


def estimated_seconds(
    trials: list[Trial], outcomes: Mapping[str, Outcome], say: Callable[[str], None]
) -> dict[str, float | None]:
    """Seconds of each run, at its own threads; patience may end it sooner.

    Runs of the same cost are measured once: by a finished one, else by training for two seconds.
    None where the data is not at hand, which `say` is told.
    """
    known: dict[str, float | None] = {}
    for trial in trials:
        facts = outcomes[trial.name].facts
        if "seconds" in facts and outcomes[trial.name].status == "completed":
            known[_cost_key(trial.config)] = facts["seconds"]
    found, absent = {}, set()
    for trial in trials:
        key, source = _cost_key(trial.config), trial.config.data.source.name
        if key not in known:
            try:
                known[key] = None if source in absent else _measure(trial.config)
            except UserError as error:
                say(f"no estimate: {error}")
                known[key] = None
                absent.add(source)
        found[trial.name] = known[key]
    return found


def _measure(config: Config) -> float:
    device = compose.resolve_device(config.device) if config.model.module.TRAINED else "cpu"
    config = compose.with_resources(config, config.threads or 1, device)
    with quiet_log():
        use_threads(config.threads or 1)
        prepared = compose.prepare(config, compose.dataset_of(config))
        return estimate(config, prepared)["seconds"]


def _cost_key(config: Config) -> str:
    settings = read_settings(config)
    settings.pop("seed", None)
    for section, names in _WITHOUT_COST.items():
        for name in names:
            settings[section].pop(name, None)
    optimizer = settings["train"].get("optimizer")
    if optimizer:
        settings["train"]["optimizer"] = optimizer["name"]
    return sha256_json(settings)
