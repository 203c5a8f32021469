"""tcpstates check: verdicts for CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from tcptrace_py.checks.shorthands import SHORTHANDS
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.reading import Reading, cluster_options, reading_options
from tcptrace_py.cli.verdict import VerdictOutput, exit_code, verdict_options
from tcptrace_py.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tcptrace_py.checks.engine import Check
    from tcptrace_py.checks.sql import Query


def _limits(command: Callable[..., Any]) -> Callable[..., Any]:
    for shorthand in reversed(SHORTHANDS):
        command = click.option(shorthand.option, metavar=shorthand.metavar, help=f"{shorthand.meaning} Rule {shorthand.rule}.")(command)
    return command


@click.command(
    "check",
    cls=Command,
    epilog="""\b
Examples:
  tcpstates check web.pcap --rules tcpstates.toml
  tcpstates check web.pcap --max-handshake-p99 50ms --forbid rst
  tcpstates check web.pcap --closes-first client --port 443 --max-time-wait 1000
  tcpstates check web.pcap --rules tcpstates.toml --report junit=verdict.xml --report sarif=verdict.sarif
""",
)
@reading_options
@cluster_options
@click.option(
    "--rules",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    help="Rules to check, in TOML (`tcpstates rules`); may be repeated. Default: the table [tool.tcpstates] of "
    "the pyproject.toml here or above, if there is one.",
)
@_limits
@click.option(
    "--forbid",
    "forbidden",
    metavar="WORD",
    multiple=True,
    shell_complete=lambda _ctx, _option, begun: _forbidden_words(begun),
    help="Fail on any connection of this kind; may be repeated. Handshakes: refused, unanswered, half-open, "
    "aborted, refused-by-time-wait. Closes: rst, half-closed, unfinished-close, simultaneous, open. Also causes of resets "
    "(abort-unread-data), anomalies (icmp-unreachable), zero-window.",
)
@click.option(
    "--allow",
    "allowed",
    metavar="PROBLEM",
    multiple=True,
    help="Accept this problem of the capture, which otherwise fails the check; may be repeated. Problems: "
    "acked-unseen, one-sided, time-backwards, undecodable and the others of rule capture-quality.",
)
@click.option("--allow-empty", is_flag=True, help="Do not fail where there is nothing to check.")
@click.option("--allow-unmeasurable", is_flag=True, help="Do not fail where the capture cannot tell what a check measures.")
@verdict_options
def command(
    *,
    reading: Reading,
    files: Sequence[str],
    forbidden: tuple[str, ...],
    allowed: tuple[str, ...],
    allow_empty: bool,
    allow_unmeasurable: bool,
    verdict: VerdictOutput,
    **limits: str | None,
) -> int:
    """Check the captures against rules, and say what broke them.

    Rules come from a file, from the options, or from both. Each verdict says what was measured against which limit, the
    worst connections with their display filter, and the command that explains the first of them. CAPTURE may be a folder that
    `analyze --tables` wrote.

    A capture that is damaged, that lacks segments or one direction, that holds nothing to check, or that cannot tell what
    is checked, never passes unless it is told to (--allow-damaged, --allow, --allow-empty, --allow-unmeasurable).
    """
    from tcptrace_py.checks import engine, options

    rules = _rules(files)
    checks = _checks(rules, limits, forbidden)
    allow = options.accepted(allowed)
    outputs = verdict.outputs([*reading.captures, *rules])
    result = reading.analyze()
    report = engine.run(
        result, checks, allow=allow, allow_damaged=reading.allow_damaged, allow_empty=allow_empty, allow_unmeasurable=allow_unmeasurable
    )
    verdict.write(report, outputs)
    return exit_code(report, reading.exit_code(result, told=verdict.tells_all))


def _rules(files: Sequence[str]) -> Sequence[str]:
    """Files of rules: those that are named, else the pyproject.toml here or above that holds some."""
    from pathlib import Path

    from tcptrace_py.checks import config

    found = None if files else config.find_pyproject(Path.cwd())
    return files if found is None else [os.path.relpath(found)]


def _checks(rules: Sequence[str], limits: dict[str, str | None], forbidden: tuple[str, ...]) -> list[Check | Query]:
    """All that is asked for. Raises UsageError where that is nothing."""
    from tcptrace_py.checks import config
    from tcptrace_py.checks.options import from_options

    given = {f"--{name.replace('_', '-')}": value for name, value in limits.items() if value is not None}
    checks: list[Check | Query] = [check for path in rules for check in config.load(path)]
    checks += from_options(given, forbidden)
    if not checks:
        raise UsageError(
            "nothing to check: name a file of rules (--rules tcpstates.toml) or a limit (--forbid rst, "
            "--max-handshake-p99 50ms); `tcpstates rules` lists what can be checked"
        )
    return checks


def _forbidden_words(begun: str) -> list[str]:
    from tcptrace_py.checks.options import FORBIDDEN

    return [word for word in FORBIDDEN if word.startswith(begun)]
