"""tcpstates time-wait: who holds TIME_WAIT, when, why, how near the port ceiling, what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import page
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.destination import Destination, output_options
from tcptrace_py.cli.reading import Reading, cluster_options, reading_options
from tcptrace_py.model.errors import UsageError
from tcptrace_py.outputs.time_wait import FORMATS, PICTURES, TABLES

if TYPE_CHECKING:
    from typing import TextIO

FOR_PEOPLE = ("table", "markdown")


@click.command(
    "time-wait",
    cls=Command,
    epilog="""\b
Examples:
  tcpstates time-wait proxy.pcap
  tcpstates time-wait web.pcap --os 10.0.0.9=windows --port-range 1024-65535
  tcpstates time-wait /var/tmp/rotated/ --port 3306 --format json -o time-wait.json
  tcpstates time-wait proxy.pcap --format csv --table population
""",
)
@reading_options
@cluster_options
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    help="How to print it. Default: by the ending of --output's FILE, else table.",
)
@output_options
@click.option("--table", "table", type=click.Choice(TABLES), help="What csv holds. Default: services.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Most rows of each list (table, markdown).")
@click.option(
    "--picture",
    type=click.Choice(PICTURES),
    default="auto",
    show_default=True,
    help="How TIME_WAIT over time is drawn: bars of text, a finer curve (needs the extra `plot`), or none. auto: a curve "
    "on a terminal where the extra is there, else bars.",
)
@click.option(
    "--colour/--no-colour",
    "--color/--no-color",
    "colour",
    default=None,
    help="Colour or none. Default: on a terminal, unless NO_COLOR is set.",
)
def command(
    *,
    reading: Reading,
    format_name: str | None,
    destination: Destination,
    table: str | None,
    limit: int | None,
    picture: str,
    colour: bool | None,
) -> int:
    """Say who holds TIME_WAIT, since when and why, how near the ports are to running out, and what to do.

    CAPTURE is a pcap or pcapng file, plain or compressed, a directory of them, a URL of either (s3://bucket/day/*.pcap), or -
    for standard input; several are read as one capture, merged by time. It may be a folder that `analyze --tables` wrote.

    It counts addresses: behind NAT or a balancer one address may be many hosts. The length of TIME_WAIT and the range
    of local ports are no part of a capture: give the operating system of all hosts or of one with --os, or the numbers
    with --time-wait and --port-range.
    """
    from tcptrace_py.findings.diagnosis import diagnose
    from tcptrace_py.outputs.view import View

    path = destination.path
    name = page.format_for(path, format_name, FORMATS, "table")
    if table is not None and name != "csv":
        raise UsageError("--table chooses what csv holds: it goes with --format csv")
    if limit is not None and name not in FOR_PEOPLE:
        raise UsageError("--limit shapes what people read: it goes with --format table or markdown")
    view = View(
        limit=limit,
        width=page.width(),
        colour=page.takes_colour(colour, path),
        picture=page.picture(picture, path),
    )
    output = destination.output(reading.captures)
    result = reading.analyze(slowest=0, digest=False)
    chosen = reading.selection
    diagnosis = diagnose(result, reading.profiles, from_ns=chosen.from_ns, to_ns=chosen.to_ns)

    def write(out: TextIO) -> None:
        from tcptrace_py.outputs.time_wait import formats

        formats.write(name, diagnosis, result, view, out, table=table or "services")

    page.emit(write, output)
    return reading.exit_code(result, told=name in FOR_PEOPLE and path is None and sys.stdout.isatty())
