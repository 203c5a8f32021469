"""tcpstates analyze: the main job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import page
from tcptrace_py.cli.choosing import Choice, choosing_options
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.destination import Destination, output_options
from tcptrace_py.cli.reading import Reading, cluster_options, reading_options
from tcptrace_py.model.errors import UsageError
from tcptrace_py.outputs import formats
from tcptrace_py.outputs.view import EXTENTS, SHOWS

if TYPE_CHECKING:
    from tcptrace_py.dataset.writing import Target
    from tcptrace_py.model.results import Analysis


@click.command(
    "analyze",
    cls=Command,
    epilog="""\b
Examples:
  tcpstates analyze web.pcap
  tcpstates analyze /var/tmp/rotated/ --net 10.0.0.0/8 --port 443
  tcpstates analyze web.pcap --show time-wait --os 10.0.0.9=windows
  tcpstates analyze web.pcap --teardown rst --show connections
  tcpstates analyze web.pcap --stream 17
  tcpdump -w - -i eth0 tcp | tcpstates analyze -
  tcpstates analyze web.pcap.zst -o web.json
  tcpstates analyze web.pcap -o web.parquet
  tcpstates analyze "s3://bucket/day/*.pcap.zst" --tables day-tables
  tcpstates analyze /var/tmp/rotated/ --cluster local
""",
)
@reading_options
@cluster_options
@click.option(
    "--format",
    "format_name",
    type=click.Choice(formats.names()),
    help="How to print it. Default: by the ending of --output's FILE, else table.",
)
@output_options
@click.option(
    "--tables",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Write the tables, too, as Parquet files into FOLDER (a folder or a URL), which query, time-wait, check, diff and analyze "
    "read instead of the captures. Tables that are there are replaced with --force only. Needs the extra `sql`.",
)
@click.option("--show", type=click.Choice(SHOWS), help="Show one view in full instead of the overview (table, markdown).")
@choosing_options
@click.option(
    "--connections",
    "extent",
    type=click.Choice(EXTENTS),
    default="all",
    show_default=True,
    help="Which connections json, jsonl, csv and --show connections list; notable: those that went wrong.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Most rows of each list (table, markdown).")
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
    tables: str | None,
    choice: Choice,
    show: str | None,
    extent: str,
    limit: int | None,
    colour: bool | None,
) -> int:
    """Say what every TCP connection in the captures did.

    CAPTURE is a pcap or pcapng file, plain or compressed, a directory of them, a URL of either (s3://bucket/day/*.pcap), or -
    for standard input; several are read as one capture, merged by time. It may be a folder that `analyze --tables` wrote.

    --host, --net, --port, --from and --to choose what is analysed at all. --outcome, --teardown, --state, --final-state
    and --stream choose, of what was analysed, which connections are listed: the summary, the hosts and the ports count
    them all.
    """
    from tcptrace_py.capture.opening import keep_streams
    from tcptrace_py.outputs import views
    from tcptrace_py.outputs.occurring import none_picked, selected
    from tcptrace_py.outputs.registry import named

    path = destination.path
    form = named(page.format_for(path, format_name, formats.names(), "table"))
    if not form.FOR_PEOPLE and (show or limit):
        raise UsageError("--show and --limit shape what people read: they go with --format table or markdown")
    view = choice.view(
        show=show,
        extent=extent,
        limit=limit,
        width=page.width(),
        colour=page.takes_colour(colour, path),
        selected=selected(reading.selection),
    )
    output = destination.output(reading.captures)
    if form.BINARY:
        from tcptrace_py.facts.arrow import need

        if path is None and sys.stdout.isatty():
            raise UsageError("parquet is nothing for a terminal: name a file with -o, or give it to a pipe")
        need("--format parquet")  # or say what is missing before all is read
    target = _target(tables, destination)
    needed = views.lists_connections(view) if form.FOR_PEOPLE else form.BINARY or extent != "none"
    lists = target is not None or view.filtered or needed
    slowest = views.slowest(view) if form.FOR_PEOPLE else 0
    result: Analysis
    if choice.which and target is None and reading.where is None and reading.tables is None:
        with keep_streams():
            result = reading.find(choice.which, slowest=slowest)
            if result.summary.connections and not result.interrupted and not any(view.chosen(result)):
                result = reading.analyze(slowest=slowest)  # to say what there is
    else:
        result = reading.analyze(keep_rows=lists, slowest=slowest)
    if target is not None:
        target.write(result, reading.selection)
    reading.list_soon(result)
    page.emit(lambda out: form.write(result, view, out), output)
    if not form.FOR_PEOPLE and view.filtered and result.summary.connections and not any(view.chosen(result)):
        click.echo(f"tcpstates: {none_picked(result, view)}", err=True)
    return reading.exit_code(result, told=form.FOR_PEOPLE and path is None and sys.stdout.isatty())


def _target(tables: str | None, destination: Destination) -> Target | None:
    """Where tables are to be written. Raises UsageError, before anything is read, where they cannot be."""
    if tables is None:
        return None
    from tcptrace_py.dataset.writing import Target

    return Target(tables, force=destination.force)
