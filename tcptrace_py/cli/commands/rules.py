"""tcpstates rules: what can be checked."""

from __future__ import annotations

from textwrap import wrap

import click

from tcptrace_py.cli import page
from tcptrace_py.cli.command import Command


@click.command(
    "rules",
    cls=Command,
    epilog="""\b
Examples:
  tcpstates rules
  tcpstates rules TS305
  tcpstates rules close-wait
  tcpstates rules --check tcpstates.toml
""",
)
@click.argument("names", metavar="[RULE]...", nargs=-1)
@click.option(
    "--check",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    help="See whether a file of rules makes sense, without any capture; may be repeated.",
)
def command(*, names: tuple[str, ...], files: tuple[str, ...]) -> int:
    """List the rules that `tcpstates check` knows, or explain those that are named (by code or name).

    Each explanation says what breaks the rule, how to fix it, which limits it takes, and shows an example.
    """
    from tcptrace_py.checks import config, docs, registry

    for file in files:
        count = len(config.load(file))
        click.echo(f"{file}: {count} {'check' if count == 1 else 'checks'}")
    if names:
        click.echo("\n".join(docs.section(registry.find(name)) for name in names), nl=False)
    elif not files:
        for rule in registry.all_rules():
            title = wrap(registry.doc_of(rule).title, max(page.width() - 33, 30))
            click.echo(f"{rule.CODE}  {rule.NAME:24} {title[0]}")
            for line in title[1:]:
                click.echo(" " * 33 + line)
    return 0
