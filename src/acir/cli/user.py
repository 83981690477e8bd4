"""`acir user`: who may do what with an index through its server."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Index, Json
from acir.errors import UsageError

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the person.")]
Place = Annotated[
    str,
    typer.Option(
        "--collection", metavar="NAME", help="Collection that it is for; * for every one."
    ),
]

app = typer.Typer(
    name="user",
    help="Say who may do what with an index through its server.",
    epilog="Example:  acir user list --index DIR",
    no_args_is_help=True,
)


@app.command(epilog="Example:  acir user add ada --index DIR")
def add(
    name: Name,
    index: Index,
    no_password: Annotated[
        bool,
        typer.Option(
            "--no-password", help="Set none, for one who signs in through an identity provider."
        ),
    ] = False,
) -> None:
    """Add a person, who may do nothing yet; the password is asked for, or read from a pipe."""
    from acir.workflows import user as workflow

    workflow.add(index, name, None if no_password else _password())
    show.say(f"{name} may log in, and do nothing until acir user grant says what")


@app.command(epilog="Example:  acir user password ada --index DIR")
def password(name: Name, index: Index) -> None:
    """Give a person a new password, which ends their sessions."""
    from acir.workflows import user as workflow

    workflow.set_password(index, name, _password())
    show.say(f"{name} has a new password")


@app.command("list", epilog="Example:  acir user list --index DIR --json")
def list_(index: Index, as_json: Json = False) -> None:
    """List people with their roles and tokens."""
    from acir.workflows import user as workflow

    found = workflow.people(index)
    if as_json:
        for line in found:
            show.json_line(line)
        return
    columns = ("name", "roles", "password", "emergency", "tokens")
    show.table("", columns, [_row(line) for line in found])


@app.command(epilog="Example:  acir user grant ada --index DIR --role viewer --collection chest")
def grant(
    name: Name,
    index: Index,
    collection: Place = "",
    role: Annotated[
        str, typer.Option("--role", help="Role to give: viewer, researcher, curator or admin.")
    ] = "",
    emergency: Annotated[
        bool, typer.Option("--emergency", help="Let them take emergency access.")
    ] = False,
) -> None:
    """Give a person a role in a collection, or the right to emergency access."""
    from acir.workflows import user as workflow

    _check_one(bool(role), emergency, "--role with --collection")
    if emergency:
        workflow.permit_emergency(index, name, True)
    else:
        workflow.grant(index, name, role, collection)


@app.command(epilog="Example:  acir user revoke ada --index DIR --collection chest")
def revoke(
    index: Index,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the person.")] = "",
    collection: Place = "",
    emergency: Annotated[
        bool, typer.Option("--emergency", help="End and forbid their emergency access.")
    ] = False,
    sessions: Annotated[bool, typer.Option("--sessions", help="End all their sessions.")] = False,
    token: Annotated[str, typer.Option("--token", metavar="ID", help="Revoke this token.")] = "",
) -> None:
    """Take a role, the right to emergency access, all sessions or a token."""
    from acir.workflows import user as workflow

    if token:
        workflow.revoke_token(index, token)
    elif not name:
        raise UsageError("give the name of the person, or --token with the id of a token")
    elif sessions:
        workflow.end_sessions(index, name)
    else:
        _check_one(bool(collection), emergency, "--collection, --sessions or --token")
        if emergency:
            workflow.permit_emergency(index, name, False)
        else:
            workflow.revoke(index, name, collection)


@app.command(epilog="Example:  acir user token ada --index DIR --label nightly --verb search")
def token(
    name: Name,
    index: Index,
    label: Annotated[str, typer.Option("--label", help="What the token is for.")],
    verbs: Annotated[
        list[str],
        typer.Option(
            "--verb",
            help="Verb that the token may be used for, such as search or add; may be repeated.",
        ),
    ],
    collections: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Collection that the token is confined to; may be repeated.",
        ),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="Days that the token lives, 1 to 365.")] = 90,
    as_json: Json = False,
) -> None:
    """Make an API token and print its secret, which is shown this once."""
    from acir.workflows import user as workflow

    show.counts(workflow.make_token(index, name, label, verbs, collections or [], days), as_json)


@app.command(epilog="Example:  acir user remove ada --index DIR")
def remove(name: Name, index: Index) -> None:
    """Remove a person with their roles, sessions and tokens."""
    from acir.workflows import user as workflow

    workflow.remove(index, name)


def _password() -> str:
    """Ask for a password twice, or read one line where no one can be asked."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _check_one(given: bool, other: bool, names: str) -> None:
    if given == other:
        raise UsageError(f"give {names} or --emergency, one of them")


def _row(line: dict[str, object]) -> Sequence[object]:
    roles, tokens = line["roles"], line["tokens"]
    assert isinstance(roles, dict)
    assert isinstance(tokens, list)
    return (
        line["name"],
        ", ".join(f"{role} in {place}" for place, role in roles.items()),
        "yes" if line["password"] else "no",
        "yes" if line["emergency"] else "no",
        ", ".join(token["id"] for token in tokens),
    )
