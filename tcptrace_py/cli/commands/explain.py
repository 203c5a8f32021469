"""tcpstates explain: one connection as a ladder with both sides' states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import codes, page
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.destination import Destination, output_options
from tcptrace_py.cli.reading import Reading, reading_options
from tcptrace_py.model.errors import UsageError
from tcptrace_py.outputs.explain import FORMATS

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis

ANALYSIS = 0.7  # of the time; the rest is the second reading
MOST = 3  # connections that are named where none matches


class Explain(Command):
    """Says what is missing where only a capture is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as ever; with one word, it is WHICH that is missing, whatever click makes of it."""
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter:
            from tcptrace_py.model.reference import USAGE

            raise UsageError(f"explain needs a capture and, behind it, which connection: {USAGE}") from None


@click.command(
    "explain",
    cls=Explain,
    epilog="""\b
Examples:
  tcpstates explain web.pcap 17
  tcpstates explain web.pcap stream:17 --why
  tcpstates explain web.pcap 10.0.0.7:40000-10.0.0.9:80
  tcpstates explain web.pcap '[2001:db8::7]:51522-[2001:db8::9]:443' --format mermaid
""",
)
@reading_options
@click.argument("which", metavar="WHICH")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    help="A ladder for the terminal, or a Mermaid sequence diagram for documents and tickets. Default: by the ending of --output's "
    "FILE (.txt, .mmd), else ladder.",
)
@output_options
@click.option("--why", is_flag=True, help="Give the reason of every change of state, with its section of RFC 9293.")
@click.option("--full", is_flag=True, help="Show every segment: fold nothing.")
@click.option(
    "--colour/--no-colour",
    "--color/--no-color",
    "colour",
    default=None,
    help="Colour or none. Default: on a terminal, unless NO_COLOR is set.",
)
def command(
    *, reading: Reading, which: str, format_name: str | None, destination: Destination, why: bool, full: bool, colour: bool | None
) -> int:
    """Draw one connection: its segments as arrows, both sides' states beside them, and its story in words.

    CAPTURE is a pcap or pcapng file, plain or compressed, a directory of them, a URL of either (s3://bucket/day/*.pcap), or -
    for standard input; several are read as one capture, merged by time.

    WHICH is the connection's id (as in the json document), stream:N or 'tcp.stream eq N' (Wireshark's number), or its
    two ends, ADDRESS:PORT-ADDRESS:PORT in either order, IPv6 addresses in brackets. Where several connections match, the first
    is drawn and the ids of the others are named.

    Sequence numbers are relative to each side's first. Plain segments in a row are folded (--full shows all); delays
    that matter are pointed out.
    """
    from tcptrace_py.capture.opening import keep_streams
    from tcptrace_py.capture.reader import EndReadingError
    from tcptrace_py.cli.interrupt import Interrupt
    from tcptrace_py.ladder import folded_ladder, ladder
    from tcptrace_py.model.reference import Reference, parse_reference
    from tcptrace_py.outputs.explain import formats
    from tcptrace_py.outputs.view import View
    from tcptrace_py.outputs.views.parts import is_timed
    from tcptrace_py.second_reading import STILL_S

    wanted = parse_reference(which)
    path = destination.path
    form = page.format_for(path, format_name, FORMATS, "ladder")
    output = destination.output(reading.captures)
    with keep_streams() as kept:
        result = reading.find([wanted], share=ANALYSIS)
        kept.end()
        found = wanted.among(result.connections)
        if not found:
            return _missing(result, which, reading.exit_code(result))
        same = Reference.of(found[0]).among(result.connections)
        read = ladder if full else folded_ladder
        interrupt = Interrupt(EndReadingError, STILL_S if result.interrupted else None)
        with reading.again(interrupt, ANALYSIS) as progress:
            segments = read(reading.captures, found[0], same, options=reading.options, progress=progress)
        result.interrupted |= interrupt.came
    view = View(width=page.width(), colour=page.takes_colour(colour, path))
    end_ns = result.capture.end_ns or 0
    page.emit(
        lambda out: formats.write(
            form,
            found[0],
            segments,
            found[1:],
            view,
            out=out,
            end_ns=end_ns,
            why=why,
            full=full,
            findings=[finding for finding in result.findings if found[0].first_frame in finding.first_frames],
            timed=is_timed(result),
        ),
        output,
    )
    return reading.exit_code(result)


def _missing(result: Analysis, which: str, code: int) -> int:
    """Say that no connection is WHICH, and which there are. Raises UsageError, but where Ctrl-C may be why."""
    from tcptrace_py.outputs.occurring import seen_behind
    from tcptrace_py.outputs.units import end

    count = result.summary.connections
    if result.interrupted:
        click.echo(f"tcpstates: interrupted; no connection {which} among the {count} that were read so far", err=True)
        return codes.INTERRUPTED
    if code == codes.INTERNAL:  # it may be the one that was left out
        return code
    if not count:
        raise UsageError(f"no connection {which}: this capture holds none")
    few = result.digest.shown() if result.digest is not None else []
    shown = [f"{row.id}: {end(row.client)}-{end(row.server)}" for row in few[:MOST]]
    more = f"{' and so on' if shown else 'their ids are 0'} to {count - 1}; `analyze --show connections` lists them" if count > MOST else ""
    raise UsageError(f"no connection {which} among the {count} of this capture ({', '.join(shown)}{more}){seen_behind(result)}")
