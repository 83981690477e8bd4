"""`acir model`: which bundle serves, and who said so."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Json, Model

Registry = Annotated[Path, typer.Option("--registry", help="Folder of the registry.")]

app = typer.Typer(
    name="model",
    help="Say which bundle may serve, and go back to the one before.",
    epilog="Example:  acir model list --registry DIR",
    no_args_is_help=True,
)


@app.command(epilog="Example:  acir model register chest --registry DIR --model runs/chest/bundle")
def register(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name that it is to serve under.")],
    registry: Registry,
    model: Model,
    as_json: Json = False,
) -> None:
    """Make a bundle known; it does not serve before it is approved."""
    from acir.workflows import model as workflow

    show.counts(workflow.register(registry, name, model), as_json)


@app.command(epilog="Example:  acir model approve 3f2a --registry DIR")
def approve(
    model: Annotated[str, typer.Argument(metavar="ID", help="Id of the bundle, or its beginning.")],
    registry: Registry,
    as_json: Json = False,
) -> None:
    """Let a bundle serve in place of the one that serves under its name."""
    from acir.workflows import model as workflow

    show.counts(workflow.approve(registry, model), as_json)


@app.command("list", epilog="Example:  acir model list --registry DIR --json")
def list_(registry: Registry, as_json: Json = False) -> None:
    """List registered bundles and say which are in service."""
    from acir.workflows import model as workflow

    found = workflow.models(registry)
    if as_json:
        for line in found:
            show.json_line(line)
        return
    columns = ("name", "id", "state", "by", "time", "trained_on", "calibrated_on")
    show.table("", columns, [[line[column] for column in columns] for line in found])


@app.command(epilog="Example:  acir model rollback chest --registry DIR")
def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name that the bundle serves under.")],
    registry: Registry,
    as_json: Json = False,
) -> None:
    """Take the bundle that serves out of service; the one before serves again."""
    from acir.workflows import model as workflow

    show.counts(workflow.roll_back(registry, name), as_json)
