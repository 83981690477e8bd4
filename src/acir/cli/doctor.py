"""`acir doctor`."""

import typer

from acir.cli import show
from acir.cli.options import Json

app = typer.Typer()


@app.command(epilog="Example:  acir doctor --json")
def doctor(as_json: Json = False) -> None:
    """Say which versions, devices and extras are here, and how to get what is missing."""
    from acir.workflows.upkeep import doctor as workflow

    found = workflow()
    if as_json:
        show.json_line(found)
    else:
        show.sections(found)
