"""rnnlab show: the resolved config, parameters per layer, and what an epoch costs."""

from __future__ import annotations

from typing import Annotated

import typer

from rnnlab.cli.output import Json, Overrides, print_json, print_table


def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET|FILE")],
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show a resolved config and its parameters. Needs no data."""
    from rnnlab.config.load import dump_config, load_config
    from rnnlab.describe import describe

    config = load_config(preset, overrides or [])
    facts = describe(config)
    if as_json:
        print_json({"config": config.model_dump(mode="json"), **facts})
        return
    print(dump_config(config), end="")
    parameters = facts["parameters"]
    if parameters is None:
        print("\nparameters: as many as the data has features; known after fitting")
        return
    print_table(
        ["layer", "shape", "parameters", "textbook"],
        [
            [
                layer["name"],
                " × ".join(map(str, layer["shape"])),
                f"{layer['count']:,}",
                f"{layer['textbook']:,}" if "textbook" in layer else "",
            ]
            for layer in parameters["layers"]
        ],
        left=2,
    )
    print(f"total {parameters['total']:,}, trainable {parameters['trainable']:,}")
    recorded = facts["recorded"]
    print(
        f"for {recorded['vocabulary']:,} words and {recorded['classes']} classes "
        f"({recorded['origin']}); textbook counts one bias vector per gate, torch has two"
    )
    print(
        f"cost: {facts['cost']['training_flops_per_token']:,} floating-point operations per "
        "training token"
    )
