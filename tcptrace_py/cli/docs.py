"""Writes docs/cli.md from the commands themselves: `python -m tcptrace_py.cli.docs > docs/cli.md`."""

import sys
from inspect import cleandoc

import click

from tcptrace_py.facts.fields import CONNECTIONS, Field
from tcptrace_py.model.trouble import TROUBLES
from tcptrace_py.outputs import formats
from tcptrace_py.outputs.phrases import CAUSES, OUTCOME_MEANINGS, PATTERNS
from tcptrace_py.outputs.registry import named

from .command import grouped
from .main import tcpstates

HEAD = """# The command line

This page is written by `python -m tcptrace_py.cli.docs > docs/cli.md` from the commands themselves; a test holds the
two together. `tcptrace-py` is a second name for `tcpstates`.
"""

EXIT_CODES = {
    0: "done, and all checks hold; a valid capture without TCP too, for `analyze`",
    1: "a check failed, nothing matched what was to be checked or extracted, or `diff` found that something got worse",
    2: "usage error, or no input could be read at all",
    3: "some input was damaged, cut or unreadable; what could be read was analysed (`--allow-damaged` makes it 0)",
    70: "internal error: a bug in tcpstates, never in your capture",
    130: "interrupted (Ctrl-C), after printing what was analysed so far",
}

TAIL = """Results go to standard output, everything else to standard error. A closed pipe (`| head`) ends quietly. A filter or a
selection that matches no connection says so, names what there is, and makes no difference to the exit code of `analyze`,
`time-wait` and `query`; `check` and `diff` fail (1), `extract` writes nothing (1), `explain` has nothing to draw (2).

Ctrl-C ends the reading, and the command ends within a second, with what it knows: connections that could not be judged in
that time are in no number (problem `passed-over`), lists end where the time does, and standard error says how much is
missing. The interpreted form may take another second for the frames that it is at.
`summary.connections` of a document counts those that were judged, listed or not. `analyze --tables` writes all of these.
`explain` draws as much of the connection as can be read in a third of a second more; `diff` needs BASE whole (with
`--same-traffic` both), and `extract` writes only what came from a pipe, since of a file the rest could still be read.
A second Ctrl-C ends a command at once.

## Files that are written

These rules hold for `-o` and `--report` of every command.

- **An input** is never written over, not with `--force` either: the command ends with 2. That holds by whatever name (links,
  a capture of a directory that is read, the file behind standard input), and for files of rules.
- **Another capture**, told by its content, compressed or not, is written over with `--force` only. `extract` writes over it, as
  `tcpdump -w` does.
- **Any other file** is replaced when the new content is complete. Until then, and after an error, Ctrl-C or SIGTERM, the old
  one is as it was, and nothing else is left. Its mode, owner and access list stay. Where a file cannot be replaced (a mount
  point, a folder that takes no new file, an owner that cannot be kept) its content is written over at the end.
- **A link** stays: what it leads to is written.
- **A device, a FIFO, `/dev/stdout`, `/dev/fd/N`** are written to and never replaced.
- **A URL** is written when the new content is complete, which is put together in a temporary file (`TMPDIR`); that something can be
  written there is tried before anything is read. The rules for inputs and captures hold for it as well.
- **A folder of tables** (`--tables`) is replaced with `--force` only, and any other folder with something in it never
  ([tables.md](tables.md#what-is-written-over)).

## Inputs that are streams

Standard input (`-`, `/dev/stdin`), FIFOs and process substitution work in every command. `explain`, `extract` and `diff`
need what they gave a second time, and keep it in a temporary file that has no name (`TMPDIR` says where) until they end.
One stream named twice is refused.

## Inputs at URLs

With the extra `remote` (`pip install 'tcptrace-py[remote]'`) a capture may be a URL of any file system that fsspec knows, in every
command: `s3://bucket/day/a.pcap.zst`, `https://host/a.pcap`, `sftp://`, `gs://` and others with the package that fsspec names for
them. A URL that ends with `/`, or that is a folder there, is a directory of captures; `*`, `?` and `[...]` in it are expanded there
(quote it, so that the shell leaves it alone); over HTTP only `*` and `[...]`, as far as the server lists its files.

Captures are read in ranges, a few megabytes at a time, and never copied as a whole. A web server that knows no ranges is read as a
stream is. Compression is recognised by content, as always. With `--jobs` one process reads, and all share the work.

Credentials are the file system's own business: the environment, its settings, or the settings of fsspec
(`~/.config/fsspec`). What stands before `@` in a URL, and behind `?` in one of HTTP, is used and never printed: the `path` of such a
file in documents is the URL without it.

## Environment

| variable | effect |
| --- | --- |
| `NO_COLOR`, `TERM=dumb` | no colour, whatever the terminal can |
| `COLUMNS` | width of the page; else the terminal's, else 120 |
| `TCPSTATES_DEBUG=1` | the traceback of an internal error, as `--debug` |
| `TCPTRACE_PY_REQUIRE_COMPILED=1` | for `pip install`: fail where the engine cannot be compiled |
| `TCPTRACE_PY_INTERPRETED=1` | for `pip install`: do not compile it |

## Shell completion and the manual page

`tcpstates --install-completion bash` (or `zsh`, `fish`) writes the script to the file that the shell reads: for bash
`~/.local/share/bash-completion/completions/tcpstates` (which needs the package bash-completion), for fish
`~/.config/fish/completions/tcpstates.fish`, for zsh `~/.local/share/zsh/site-functions/_tcpstates` and one line in `~/.zshrc`.

`tcpstates --man | man -l -` shows the manual page; `tcpstates --man > /usr/local/share/man/man1/tcpstates.1` installs it.
"""

SCHEMAS = """These are the formats of `analyze`. The JSON Schemas are in the package, under `tcptrace_py/schema/`:
`analysis-1.json` for `json`, `analysis-lines-1.json` for a line of `jsonl`, `time-wait-1.json` for `time-wait --format
json`, `verdict-1.json` for `--format json` of `check` and `diff`, `tables-1.json` for the manifest of [tables](tables.md)."""

COLUMNS_OF_CSV = """### Columns of csv

They are those of the table `connections` of [SQL](rules.md#sql). An empty cell is unknown or absent; times are RFC 3339 in UTC.
A row of `json` and `jsonl` has the same facts where the third column says (`.0` is the first item of a list, `.*` each one)."""

BROKEN = """The overview's broken connections, and `--connections notable`; a connection counts once, under the first
row that fits. One that is still open when the capture ends is not broken."""


def page() -> str:
    """Text of docs/cli.md."""
    context = click.Context(tcpstates, info_name="tcpstates", **tcpstates.context_settings)
    parts = [HEAD, _section(tcpstates, context)]
    for name in tcpstates.list_commands(context):
        command = tcpstates.get_command(context, name)
        assert command is not None
        parts.append(_section(command, click.Context(command, info_name=name, parent=context)))
    parts += [_formats(), _words(), _exit_codes(), TAIL]
    return "\n".join(parts)


def _section(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    return "\n".join(
        [
            f"## {context.command_path}\n",
            f"    {usage}\n",
            _prose(command.help or ""),
            *(_options(title, options, context) for title, options in grouped(command, context)),
            *([_prose(command.epilog)] if command.epilog else []),
        ]
    )


def _options(title: str, options: list[click.Option], context: click.Context) -> str:
    rows = [f"| {_names(option, context)} | {_cell(_help(option, context))} |" for option in options]
    return "\n".join([f"| {title} | |\n| --- | --- |", *rows, ""])


def _names(option: click.Option, context: click.Context) -> str:
    metavar = "" if option.is_flag else option.make_metavar(context)
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return f"{names} {_cell(f'`{metavar}`')}" if metavar else names


def _help(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    return record[1] if record else ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _prose(text: str) -> str:
    """Help text as Markdown: what click prints as it stands becomes code."""
    blocks = [block for block in cleandoc(text).split("\n\n") if block.strip()]
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: str) -> str:
    if not block.lstrip().startswith("\b"):
        return block
    first, *rest = [line for line in block.splitlines() if line.strip() not in ("", "\b")]
    return "\n".join([first, "", *(f"    {line.strip()}" for line in rest)])


def _exit_codes() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["## Exit codes\n", "| code | means |\n| --- | --- |", *rows, ""])


def _formats() -> str:
    rows = [f"| `{name}` | {named(name).SUMMARY} |" for name in formats.names()]
    columns = [f"| `{field.name}` | {field.type} | {_in_json(field)} | {field.meaning} |" for field in CONNECTIONS.columns]
    return "\n".join(
        [
            "## Formats\n",
            "| format | |\n| --- | --- |",
            *rows,
            "",
            f"{SCHEMAS}\n",
            f"{COLUMNS_OF_CSV}\n",
            "| column | type in SQL | in json | |\n| --- | --- | --- | --- |",
            *columns,
            "",
        ]
    )


def _in_json(field: Field) -> str:
    return "" if field.path == "-" else f"`{field.path}`"


def _words() -> str:
    tables = [("Handshake outcomes", OUTCOME_MEANINGS), ("Teardown patterns", PATTERNS), ("Causes of resets", CAUSES)]
    lines = (
        line
        for title, words in tables
        for line in (
            f"### {title}\n",
            "| word | means |\n| --- | --- |",
            *(f"| `{word}` | {meaning} |" for word, meaning in words.items()),
            "",
        )
    )
    troubles = [f"| {trouble.words} | `{trouble.options}` |" for trouble in TROUBLES.values()]
    return "\n".join(
        [
            "## Words\n",
            *lines,
            "### What counts as broken\n",
            f"{BROKEN}\n",
            "| what happened | list them all |\n| --- | --- |",
            *troubles,
            "",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(page())
