"""`acir stress`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Data, Device, Json, Strict, Threads

app = typer.Typer()

Oriented = Annotated[
    bool | None,
    typer.Option(
        "--oriented/--not-oriented",
        help="Whether the pictures have an up; by default recipe or pictures say.",
    ),
]


@app.command(
    epilog="Example:  acir stress runs/cells/bundle --data DIR --ood other.zip --out runs/stress"
)
def stress(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")],
    ood: Annotated[
        list[str] | None,
        typer.Option(
            "--ood",
            metavar="SOURCE",
            help="Pictures of kinds that the model does not know; may be repeated.",
        ),
    ] = None,
    oriented: Oriented = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", help="Largest number of pictures to corrupt, and to take of each --ood."
        ),
    ] = 400,
    attacks: Annotated[
        bool, typer.Option("--attacks", help="Attack the model too; takes hours on two cores.")
    ] = False,
    attack_pictures: Annotated[
        int, typer.Option("--attack-pictures", help="Largest number of test pictures to attack.")
    ] = 256,
    attack_steps: Annotated[
        int, typer.Option("--attack-steps", help="Steps of each search for an attacked picture.")
    ] = 100,
    attack_restarts: Annotated[
        int,
        typer.Option(
            "--attack-restarts", help="Searches for an attacked picture, from different starts."
        ),
    ] = 3,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Try the gate on broken, foreign and only a little odd pictures, beside baselines."""
    from acir.workflows import stress as workflow

    budget = workflow.Budget(pictures=attack_pictures, steps=attack_steps, restarts=attack_restarts)
    summary = workflow.stress(
        bundle,
        data,
        out,
        ood=tuple(ood or ()),
        oriented=oriented,
        limit=limit,
        attack=budget if attacks else None,
        strict=strict,
        device=device,
        progress=show.progress,
        say=show.say,
    )
    show.stress(summary, as_json)
    show.say(f"the report is {out / 'stress.html'}")
