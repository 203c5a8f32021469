"""tcpstates extract: the connections that match, as a capture."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import codes, page
from tcptrace_py.cli.choosing import Choice, choosing_options
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.destination import output_to
from tcptrace_py.cli.reading import Reading, reading_options
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.trouble import trouble_of
from tcptrace_py.writing import STDOUT

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis, Connection

FORMATS = ("pcap", "pcapng")  # capture.write.FORMATS; a test holds them together
ANALYSIS = 0.6  # of the time; the rest are the two readings behind it


@click.command(
    "extract",
    cls=Command,
    usage="CAPTURE... -o FILE",
    epilog="""\b
Examples:
  tcpstates extract web.pcap --stream 17 -o one.pcap
  tcpstates extract /var/tmp/rotated/ --teardown rst -o resets.pcapng
  tcpstates extract web.pcapng.gz --from 2026-03-01T10:00:00Z --to 2026-03-01T10:00:05Z -o seconds.pcapng
  tcpstates extract web.pcap --broken -o broken.pcap
""",
)
@reading_options
@choosing_options
@click.option("--broken", is_flag=True, help="Only connections that went wrong (docs: What counts as broken).")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Format to write. Default: by the ending of FILE (.pcap, .pcapng), or where it has none that of the first capture.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    required=True,
    help="Capture to write; - for standard output (... -o - | wireshark -k -i -). A capture that is there already is "
    "written over, unless it is one of those that are read.",
)
def command(*, reading: Reading, choice: Choice, broken: bool, form: str | None, output: str) -> int:
    """Write the connections that match as a capture of their own, whole.

    Every frame of theirs is copied with its bytes, lengths and time untouched: retransmissions, duplicates, fragments
    and the ICMP errors that quote them too. --from and --to choose connections that are alive in the span; they are
    written whole all the same. A connection in the new capture is the same as in the old one, but for its numbers and
    for what only the rest of the capture told (a TIME_WAIT that ran out later, a capture point learned from others).

    Exits with 1 where no connection matches; nothing is written then.
    """
    from tcptrace_py import extraction
    from tcptrace_py.capture.opening import keep_streams
    from tcptrace_py.cli.interrupt import Interrupt
    from tcptrace_py.outputs.occurring import none_picked
    from tcptrace_py.outputs.units import clock

    form = page.format_for(output, form, FORMATS, "") or None
    written = output_to(output, reading.captures, force=True)
    written.check()
    if output == STDOUT and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("standard output is a terminal, which shows no captures: pipe it on (... -o - | wireshark -k -i -)")
    view, span = choice.view(), reading.selection

    def picks(connection: Connection) -> bool:
        return view.picks(connection) and extraction.overlaps(span, connection) and (not broken or trouble_of(connection) is not None)

    with keep_streams() as kept:
        whole = replace(reading, span=None)
        result: Analysis
        takes_part = not whole.are_files  # what came from a pipe is all there is; files would be read twice more
        if choice.which:
            result = whole.find(choice.which, share=ANALYSIS, takes_part=takes_part)
        else:
            result = whole.analyze(share=ANALYSIS, takes_part=takes_part)
        if choice.which and not result.interrupted and not any(view.chosen(result)):
            result = whole.analyze(share=ANALYSIS, takes_part=takes_part)  # to say what there is
        if result.interrupted and not kept:
            raise KeyboardInterrupt
        kept.end()
        count = result.summary.connections
        if not any(picks(connection) for connection in result.connections):
            what = f"no connection of {count} matches; " if count else ""
            if count and not any(view.chosen(result)):
                what = f"{none_picked(result, view)}; "
            elif count and (span.from_ns is not None or span.to_ns is not None):
                begun, ended = (clock(time_ns, dated=True) for time_ns in (result.capture.start_ns, result.capture.end_ns))
                what += f"the capture goes from {begun} to {ended} UTC; "
            click.echo(f"tcpstates: {what}nothing is written", err=True)
            code = reading.exit_code(result)
            return code if result.interrupted or code == codes.INTERNAL else codes.CHECK_FAILED
        with whole.again(Interrupt(), ANALYSIS) as progress:
            done = extraction.extract(
                reading.captures, written, result.connections, picks, form=form, options=whole.options, progress=progress
            )
    click.echo(f"{written.name}: {done.connections} of {count} connections, {done.frames} of {result.capture.packets} packets", err=True)
    return reading.exit_code(result)
