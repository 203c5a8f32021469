"""Writes docs/rules.md from the rules themselves: `python -m tcptrace_py.checks.docs > docs/rules.md`."""

import sys

from tcptrace_py.facts.fields import TableOfFacts

from .config import SEVERITIES
from .params import Param, params_of
from .registry import Rule, all_rules, doc_of
from .tables import TABLES, Listed

HEAD = """# Rules

This page is written by `python -m tcptrace_py.checks.docs > docs/rules.md` from the rules themselves; a test holds
the two together. `tcpstates rules CODE` prints a rule's part of it. [ci.md](ci.md) says how to run checks.

A file of rules is TOML; the same may stand in a `pyproject.toml` below `[tool.tcpstates]`:

    [rules.handshake-latency]       # by name or code
    p99 = "50ms"                    # the rule's limits
    ports = [443, "8000-8100"]      # its scope
    severity = "warning"

    [[rules.resets]]                # several of one rule, with other scopes
    hosts = "10.0.0.7"

    [[rules.resets]]
    nets = "10.1.0.0/16"
    max_share = "1%"

Every rule takes these keys besides its own:

| key | |
| --- | --- |
| `hosts`, `nets` | only connections with one of these addresses or networks at either end (with `role`: at that end) |
| `ports` | only connections with one of these ports (443, "8000-8100") at either end (with `role`: at that end) |
| `role` | "client" or "server": whose address and port is meant, and whose states and TIME_WAIT |
| `from`, `to` | only connections that begin in this span: times of the clock, or "+5s" after the first frame |
| `severity` | SEVERITIES; only an error fails the run |
| `allow_empty` | true: a rule that finds nothing to check passes; else that is a failure |

A rule that matches no traffic fails, with the services that the capture does hold; unknown keys and impossible limits
are errors that name the line (exit code 2). Numbers that have a limit may reach it and not exceed it.
"""

SQL = """## SQL

What rules do not cover is asked in SQL, over the tables below (the extra `sql` brings DuckDB). A rule fails if its
query returns more than `max` rows, 0 without it; rows with an `id` or `stream` lead to their connections.

    [[sql]]
    name = "long-lived"
    message = "No connection lives longer than an hour."
    query = "SELECT id, duration_s FROM connections WHERE duration_s > 3600"

`tcpstates query CAPTURE "SELECT ..."` prints what a query returns. The statement sees these tables and nothing else,
neither files nor the network. [tables.md](tables.md) says how to keep the tables and ask them often.
"""


def page() -> str:
    """Text of docs/rules.md."""
    index = [f"| [{rule.CODE}](#{rule.CODE.lower()}-{rule.NAME}) | `{rule.NAME}` | {doc_of(rule).title} |" for rule in all_rules()]
    parts = [
        HEAD.replace("SEVERITIES", ", ".join(f'"{severity}"' for severity in SEVERITIES)),
        "| code | name | holds if |\n| --- | --- | --- |",
        *index,
        "",
        *(section(rule) for rule in all_rules()),
        SQL,
        *(_table(table) for table in TABLES),
    ]
    return "\n".join(parts)


def section(rule: Rule) -> str:
    """A rule's part of the page."""
    doc = doc_of(rule)
    rows = [f"| `{param.name}` | {param.meaning} | {_default(param)} |" for param in params_of(rule.Limits).values()]
    example = "\n".join(f"    {line}" for line in doc.example.splitlines())
    about = f"{doc.about}\n\n" if doc.about else ""
    table = "\n".join(["| limit | | default |", "| --- | --- | --- |", *rows])
    return (
        f"## {rule.CODE} {rule.NAME}\n\n**{doc.title}**\n\n{about}"
        f"*Breaks it:* {doc.breaks}\n\n*Fix it:* {doc.fix}\n\n{table}\n\n{example}\n"
    )


def _default(param: Param) -> str:
    if param.required:
        return "required"
    if isinstance(param.default, tuple):
        return ", ".join(f"`{word}`" for word in param.default) or "none"
    return "none" if param.default is None else f"`{param.default}`"


def _table(table: Listed | TableOfFacts) -> str:
    rows = [f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns]
    return "\n".join([f"### {table.name}\n\nA row for {table.meaning}.\n", "| column | type | |", "| --- | --- | --- |", *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
