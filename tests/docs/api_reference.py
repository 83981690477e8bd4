"""Write `docs/reference/api.md` from what the API says of itself; see `reference.py`."""

from collections.abc import Iterator, Mapping
from typing import Any

from acir.api.app import create_app
from acir.api.service import described
from acir.workflows.serving.settings import ServeSettings

INTRO = (
    "What `acir serve` answers to programs. A call needs an API token, made with",
    "`acir user token`: `Authorization: Bearer acir_...`. Pictures travel as files of a form,",
    "named `image`; how to search stands in the address. An error is a problem after RFC 9457: 401",
    "without a token, 403 without the role, 404 for what there is not, 413 for too much, 422 for",
    "what cannot be done as asked, 429 with `Retry-After` for a queue that is full, 503 where",
    "nothing can be recorded. The server describes all of it in detail at `/openapi.json`.",
)


def api_page(generated: str) -> str:
    """Return the page."""
    return "\n".join(_lines(described(create_app(ServeSettings(index="index"))), generated))


def _lines(api: Mapping[str, Any], generated: str) -> Iterator[str]:
    yield from ("# REST API", "", generated, "", *INTRO)
    for path, item in api["paths"].items():
        for method, operation in item.items():
            yield from ("", f"## {method.upper()} {path}", "", operation["description"])
            yield from _parameters(operation.get("parameters", ()))
            yield from _body(operation, api["components"]["schemas"])
    yield from ("", "## Objects")
    for name, schema in api["components"]["schemas"].items():
        if not name.startswith(("Body_", "HTTPValidation", "Validation")):
            yield from ("", f"### {name}", "", schema.get("description", ""), "")
            yield from ("| key | value | meaning |", "|---|---|---|")
            for key, value in schema["properties"].items():
                yield f"| `{key}` | {_kind(value)} | {value.get('description', '')} |"
    yield ""


def _parameters(parameters: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if parameters:
        yield from ("", "| | value | default | meaning |", "|---|---|---|---|")
    for one in parameters:
        schema = one["schema"]
        default = "required" if one["required"] else _plain(schema.get("default"))
        yield f"| `{one['name']}` | {_kind(schema)} | {default} | {one.get('description', '')} |"


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        if media == "application/json":
            yield from ("", f"Takes {name} as JSON.")
        else:
            parts = schemas[name]["properties"].items()
            said = "; ".join(f"`{key}` ({value.get('description', '')})" for key, value in parts)
            yield from ("", f"Takes a form with files: {said}.")
    for status in ("200", "202"):
        for media, content in operation["responses"].get(status, {}).get("content", {}).items():
            yield from ("", f"Gives {_kind(content.get('schema', {})) or media}.")


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"{_kind(schema['additionalProperties'])} by name"
    names = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    kind = str(schema.get("type", ""))
    return names.get(kind, kind)


def _plain(value: object) -> str:
    return "" if value in (None, "", []) else f"`{str(value).lower()}`"
