"""The manual page, made from the commands: `tcpstates --man`."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from tcptrace_py import __version__

from .command import grouped
from .docs import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator


def page(group: click.Group) -> str:
    """The page, in the language of man(7)."""
    return "\n".join(_page(group)) + "\n"


def _page(group: click.Group) -> Iterator[str]:
    context = click.Context(group, info_name="tcpstates", **group.context_settings)
    yield f'.TH TCPSTATES 1 "" "tcpstates {__version__}" "User Commands"'
    yield from (".SH NAME", f"tcpstates \\- {_text(_first(group.help or ''))}")
    yield ".SH SYNOPSIS"
    commands = [(name, command) for name in group.list_commands(context) if (command := group.get_command(context, name)) is not None]
    for name, command in commands:
        within = click.Context(command, info_name=name, parent=context)
        yield from (f".B tcpstates {_text(name)}", _text(" ".join(command.collect_usage_pieces(within))), ".br")
    yield ".SH DESCRIPTION"
    yield from _prose(group.help or "")
    yield from _options(group, context)
    for name, command in commands:
        yield f".SH {_text('tcpstates ' + name).upper()}"
        yield from _prose(command.help or "")
        yield from _options(command, click.Context(command, info_name=name, parent=context))
        yield from _prose(command.epilog or "")
    yield ".SH EXIT STATUS"
    for code, meaning in EXIT_CODES.items():
        yield from (".TP", f".B {code}", _text(meaning))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for title, options in grouped(command, context):
        yield f".SS {title}"
        for option in options:
            record = option.get_help_record(context)
            if record is not None:
                yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _prose(text: str) -> Iterator[str]:
    """Help text in paragraphs; what click prints as it stands is printed so here, too."""
    for block in cleandoc(text).split("\n\n"):
        if block.lstrip().startswith("\b"):
            lines = [line for line in block.splitlines() if line.strip(" \b")]
            yield from (".PP", ".nf", *(_text(line) for line in lines), ".fi")
        elif block.strip():
            yield from (".PP", _text(" ".join(block.split())))


def _first(text: str) -> str:
    """The first sentence, as a manual's list of names has it."""
    sentence = " ".join(cleandoc(text).split("\n\n")[0].split()).removesuffix(".")
    return sentence[:1].lower() + sentence[1:]


def _text(text: str) -> str:
    """Text of which nothing is taken for a request or an escape."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
