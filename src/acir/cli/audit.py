"""`acir audit`: what was done with an index, and whether the log of it is whole."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Index, Json
from acir.errors import AuditError

Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", formats=["%Y-%m-%d"], metavar="DAY", help="First day of the records, in UTC.",
        show_default=False,
    ),
]  # fmt: skip
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until", formats=["%Y-%m-%d"], metavar="DAY", help="Last day of the records, in UTC.",
        show_default=False,
    ),
]  # fmt: skip
Patient = Annotated[
    str | None,
    typer.Option(
        "--patient", metavar="PSEUDONYM", help="Only records of this patient.", show_default=False
    ),
]

app = typer.Typer(
    name="audit",
    help="Verify, export and count what was recorded of an index.",
    epilog="Example:  acir audit verify --index DIR",
    no_args_is_help=True,
)


@app.command(epilog="Example:  acir audit verify --index DIR --head SHA256")
def verify(
    index: Index,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            metavar="SHA256",
            help="Head that was kept elsewhere, which the log must hold.",
            show_default=False,
        ),
    ] = None,
    archived: Annotated[
        list[Path] | None,
        typer.Option(
            "--archive", help="File of archived records; may be repeated, the oldest first."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute every hash of the log anew and report what was altered; print its head."""
    from acir.workflows import audit as workflow

    last, problems = workflow.verify(index, head, archived or [])
    if as_json:
        show.json_line({"seq": last.seq, "head": last.sha256, "problems": problems})
    else:
        for line in problems or [f"the log is whole; record {last.seq} is its head: {last.sha256}"]:
            show.out.print(line, markup=False)
    if problems:
        raise AuditError(
            f"the audit log of {index} was altered; keep it as evidence and compare it with a copy"
        )


@app.command(epilog="Example:  acir audit export --index DIR --format fhir --to audit.json")
def export(
    index: Index,
    to: Annotated[Path, typer.Option("--to", help="New file to write.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="Form of the records: jsonl, fhir (AuditEvent) or syslog (ATNA)."
        ),
    ] = "jsonl",
    since: Since = None,
    until: Until = None,
    patient: Patient = None,
    as_json: Json = False,
) -> None:
    """Write records for another system."""
    from acir.workflows import audit as workflow

    which = workflow.Which(_day(since), _day(until), patient)
    show.counts({"exported": workflow.export(index, to, format_, which)}, as_json)


@app.command(epilog="Example:  acir audit report --index DIR --since 2026-01-01 --html report.html")
def report(
    index: Index,
    since: Since = None,
    until: Until = None,
    patient: Patient = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report to this file, as a page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count records by user, action, outcome, verdict, collection and day."""
    from acir.workflows import audit as workflow

    found = workflow.report(index, workflow.Which(_day(since), _day(until), patient), html)
    if as_json:
        show.json_line(found)
    else:
        show.sections(found)


@app.command(epilog="Example:  acir audit archive --index DIR --before 2026-01-01 --to 2025.jsonl")
def archive(
    index: Index,
    before: Annotated[
        datetime,
        typer.Option(
            "--before",
            formats=["%Y-%m-%d"],
            metavar="DAY",
            help="First day whose records stay, in UTC.",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="New file to write.")],
    as_json: Json = False,
) -> None:
    """Move old records to a file; the chain stays valid."""
    from acir.workflows import audit as workflow

    show.counts(workflow.archive(index, before.date(), to), as_json)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
