"""rnnlab doctor: versions, threads, kernels, disk, data."""

from __future__ import annotations

from pathlib import Path

from rnnlab.cli.output import Json, print_json


def doctor(as_json: Json = False) -> None:
    """Tell what this machine and installation are."""
    from rnnlab.diagnosis import diagnose

    facts = diagnose(Path.cwd())
    if as_json:
        print_json(facts)
        return
    for section, items in facts.items():
        print(section)
        width = max(map(len, items))
        for name, value in items.items():
            print(f"  {name:{width}}  {value}")
