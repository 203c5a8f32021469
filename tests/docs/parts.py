"""Parts of pages that are made from the program: `<!-- made: NAME -->` ... `<!-- end -->`."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

import tcptrace_py
from samples.make import stories
from samples.readme import in_words
from tcptrace_py.cli.main import tcpstates
from tcptrace_py.model import explained

from .pages import sections
from .situations import SITUATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tcptrace_py.model.explained import Explained

BEGIN, END = "<!-- made: ", "<!-- end -->"
SCHEMA = Path(tcptrace_py.__file__).parent / "schema" / "analysis-1.json"


def with_parts(text: str) -> str:
    """A page's text with every made part as it is now."""
    lines = text.splitlines()
    for name, start, end in reversed(list(sections(text, BEGIN, END))):
        lines[start:end] = PARTS[name]().splitlines()
    return "".join(f"{line}\n" for line in lines)


def situations() -> str:
    """The table from situation to sample to what `analyze` says."""
    by_file = {told.file: told for told in stories()}
    rows = ["| situation | sample | what `analyze` says |", "| --- | --- | --- |"]
    for situation, files in SITUATIONS:
        for file in files:
            name, situation = situation, ""  # noqa: PLW2901 - said once, in the first of its rows
            rows.append(f"| {name} | [{file}](../samples/{file}) | {in_words(by_file[file].expected)} |")
    return "\n".join(rows)


def commands() -> str:
    """Every command, with the first sentence of its help."""
    context = click.Context(tcpstates, info_name="tcpstates")
    rows = ["| command | |", "| --- | --- |"]
    for name in tcpstates.list_commands(context):
        command = tcpstates.get_command(context, name)
        assert command is not None
        about = command.get_short_help_str(limit=200)
        rows.append(f"| [`tcpstates {name}`](docs/cli.md#tcpstates-{name}) | {about} |")
    return "\n".join(rows)


def fields() -> str:
    """Every field of the analysis document with its type and meaning, object by object."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    tables = [("The document", schema), *((name, schema["$defs"][name]) for name in _objects(schema))]
    return "\n\n".join(_table(title, node) for title, node in tables)


def _objects(schema: dict[str, Any]) -> Iterator[str]:
    yield from (name for name, node in schema["$defs"].items() if node.get("type") == "object")


def _table(title: str, node: dict[str, Any]) -> str:
    about = f"{node['description']}\n\n" if node.get("description") and title != "The document" else ""
    rows = "\n".join(f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in _rows(node))
    heading = title if title == "The document" else f"`{title}`"
    return f"### {heading}\n\n{about}| field | type | |\n| --- | --- | --- |\n{rows}"


def _rows(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(name, type, meaning) of an object's fields; objects within it are told with dots, lists of them with []."""
    for name, field in node.get("properties", {}).items():
        yield prefix + name, _kind(field), _meaning(field)
        inner = field.get("items", field)
        if inner.get("properties"):
            yield from _rows(inner, f"{prefix}{name}{'[]' if inner is not field else ''}.")


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return _name(field["$ref"])
    if "oneOf" in field:
        return " or ".join(dict.fromkeys(_kind(choice) for choice in field["oneOf"]))
    if "const" in field:
        return f'`"{field["const"]}"`'
    if "enum" in field:
        return " or ".join("null" if value is None else f'`"{value}"`' for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}"
    kinds = field.get("type", "anything")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _name(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return _PLAIN.get(name, f"[`{name}`](#{name})")


_PLAIN = {"time": "time", "duration_ms": "milliseconds", "state": "state", "basis": "basis",
          "side_name": '`"client"` or `"server"`'}  # fmt: skip


def _meaning(field: dict[str, Any]) -> str:
    return str(field.get("description", "")).replace("|", r"\|")


def _codes(table: Mapping[str, Explained]) -> Callable[[], str]:
    return lambda: "\n".join(["| code | what it means | what to do |\n| --- | --- | --- |",
                              *(f"| `{code}` | {row.meaning} | {row.remedy} |" for code, row in table.items())])  # fmt: skip


def advice() -> str:
    """What to do about TIME_WAIT, a section each."""
    return "\n\n".join(f"### {row.heading}\n\n" + fill(f"{row.text} *Price:* {row.price}", 120, break_long_words=False,
                                                       break_on_hyphens=False) for row in explained.ADVICE.values())  # fmt: skip


PARTS: dict[str, Callable[[], str]] = {
    "situations": situations, "commands": commands, "fields": fields, "damage": _codes(explained.DAMAGE),
    "properties": _codes(explained.PROPERTIES), "anomalies": _codes(explained.ANOMALIES),
    "advice": advice,
}  # fmt: skip
