"""tcpstates help: what a command does, and what a word that is printed means."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import codes, page
from tcptrace_py.cli.command import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.glossary import Entry, Kind

WIDEST = 100  # columns of prose
FIRST = "tcpstates help WORD explains a word, tcpstates help KIND lists the words of a kind, tcpstates help COMMAND explains a command."
NAMED = 26  # columns of a word in a list


@click.command(
    "help",
    cls=Command,
    epilog="""\b
Examples:
  tcpstates help
  tcpstates help extract
  tcpstates help ports-exhausted
  tcpstates help TIME_WAIT
  tcpstates help findings
""",
)
@click.argument("words", metavar="[WORD]...", nargs=-1, shell_complete=lambda _ctx, _argument, begun: _begun(begun))
@click.pass_context
def command(context: click.Context, *, words: tuple[str, ...]) -> int:
    """Say what a word means that tcpstates prints, or what a command does; without a word, which there are.

    WORD is a finding, rule, problem, anomaly, outcome, cause, state, column or another of the kinds that `tcpstates help`
    lists, or one of these kinds, for all words of it. Needs no network: all texts are in the package.
    """
    from tcptrace_py import glossary

    width = min(page.width(), WIDEST)
    if not words:
        click.echo("\n".join(_kinds(glossary.KINDS, width)))
        return 0
    code = 0
    for number, word in enumerate(words):
        lines = list(_said(context, word, width))
        if lines:
            click.echo(("\n" if number else "") + "\n".join(lines))
        else:
            near = glossary.nearest(word, _commands(context))
            hint = f"did you mean {' or '.join(near)}?" if near else "`tcpstates help` lists what there is"
            click.echo(f"tcpstates: there is no word {word!r}; {hint}", err=True)
            code = codes.USAGE
    return code


def _begun(begun: str) -> list[str]:
    """Words and kinds that begin so, as a shell asks for them."""
    from tcptrace_py import glossary

    names = {entry.word for entry in glossary.entries()} | {kind.plural for kind in glossary.KINDS}
    return sorted(name for name in names if name.casefold().startswith(begun.casefold()))


def _commands(context: click.Context) -> tuple[str, ...]:
    group = context.parent.command if context.parent is not None else None
    return tuple(group.list_commands(context)) if isinstance(group, click.Group) else ()


def _said(context: click.Context, word: str, width: int) -> Iterator[str]:
    """All that has this name; nothing where nothing has."""
    from tcptrace_py import glossary

    found = [*_command(context, word), *("\n".join(_entry(entry, width)) for entry in glossary.look_up(word))]
    kind = glossary.kind_of(word)
    if kind is not None:
        found.append("\n".join(_kind(kind, width)))
    if found:
        yield "\n\n".join(found)


def _command(context: click.Context, word: str) -> Iterator[str]:
    parent = context.parent
    if parent is None or not isinstance(parent.command, click.Group) or word not in _commands(context):
        return
    named = parent.command.get_command(parent, word)
    if named is not None:
        yield named.get_help(click.Context(named, info_name=word, parent=parent))


def _kinds(kinds: tuple[Kind, ...], width: int) -> Iterator[str]:
    yield from wrap(FIRST, width)
    yield ""
    for kind in kinds:
        yield from _row(kind.plural, f"{kind.about} ({len(kind.entries())})", width)


def _kind(kind: Kind, width: int) -> Iterator[str]:
    yield f"{kind.plural}: {kind.about}"
    yield ""
    for entry in kind.entries():
        yield from _row(" ".join((*entry.also, entry.word)), entry.meaning, width)


def _row(name: str, text: str, width: int) -> Iterator[str]:
    """A name and what it means beside it; below it, where the name is long."""
    lines = wrap(text, max(width - NAMED - 2, 30), break_on_hyphens=False)
    if len(name) > NAMED - 2:
        yield f"  {name}"
    else:
        yield f"  {name:{NAMED}}{lines.pop(0)}"
    for line in lines:
        yield " " * (NAMED + 2) + line


def _entry(entry: Entry, width: int) -> Iterator[str]:
    names = " ".join((*entry.also, entry.word))
    yield f"{names} ({entry.kind})"
    yield from wrap(entry.meaning, width - 2, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    for label, text in entry.more:
        yield ""
        if label:
            yield f"  {label}"
        indent = "    " if label else "  "
        for line in text.split("\n"):
            yield from wrap(line, width - len(indent), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
