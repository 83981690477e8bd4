"""`acir serve`."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer

from acir.cli import show
from acir.errors import ComponentError

RUN = "acir.api.server:serve"  # by name: the command line and the web do not import each other

app = typer.Typer()


@app.command(epilog="Example:  acir serve --index indexes/cells")
def serve(
    index: Annotated[
        Path | None, typer.Option("--index", help="Folder of the index.", show_default=False)
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", help="Address to listen on; 127.0.0.1 if left out.", show_default=False
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="Port to listen on; 8000 if left out.", show_default=False),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with all settings.")
    ] = None,
) -> None:
    """Serve an index to people with a browser and to programs."""
    from acir.workflows.serving.settings import load_settings

    settings = load_settings(config, index=index, host=host, port=port)
    try:
        run = resolve_name(RUN)
    except ModuleNotFoundError as error:
        raise ComponentError(
            f"the server needs {error.name}, which is not installed; install acir[serve]"
        ) from error
    run(settings, show.say)
