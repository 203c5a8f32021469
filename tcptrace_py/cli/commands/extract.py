"""tcpstates extract: the connections that match, as a capture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import codes
from tcptrace_py.cli.choosing import Choice, choosing_options
from tcptrace_py.cli.reading import Reading, reading_options
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.trouble import trouble_of

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection


@click.command("extract", epilog="""\b
Examples:
  tcpstates extract web.pcap --stream 17 -o one.pcap
  tcpstates extract /var/tmp/rotated/ --teardown rst -o resets.pcapng
  tcpstates extract web.pcapng.gz --from 2026-03-01T10:00:00Z --to 2026-03-01T10:00:05Z -o seconds.pcapng
  tcpstates extract web.pcap --broken -o broken.pcap
""")
@reading_options
@choosing_options
@click.option("--broken", is_flag=True, help="Only connections that went wrong (docs: What counts as broken).")
@click.option("-o", "--output", metavar="FILE", type=click.Path(), required=True,
              help="Capture to write: .pcap or .pcapng; with another ending the format of the input.")
def command(*, reading: Reading, choice: Choice, broken: bool, output: str) -> int:
    """Write the connections that match as a capture of their own, whole.

    Every frame of theirs is copied with its bytes, lengths and time untouched: retransmissions, duplicates, fragments
    and the ICMP errors that quote them too. --from and --to choose connections that are alive in the span; they are
    written whole all the same. A connection in the new capture is the same as in the old one, but for its numbers and
    for what only the rest of the capture told (a TIME_WAIT that ran out later, a capture point learned from others).

    Exits with 1 where no connection matches; nothing is written then.
    """
    from tcptrace_py import extraction

    if output in reading.captures:
        raise UsageError(f"{output} is one of the captures: write to another file")
    view, span = choice.view(), reading.selection

    def picks(connection: Connection) -> bool:
        return (view.picks(connection) and extraction.overlaps(span, connection)
                and (not broken or trouble_of(connection) is not None))

    with reading.again() as again:
        whole = replace(again, selection=extraction.without_times(span))
        result = whole.find(choice.which) if choice.which else whole.analyze()
        count = result.summary.connections
        if not any(picks(connection) for connection in result.connections):
            click.echo(f"tcpstates: no connection of {count} matches; nothing is written", err=True)
            return codes.CHECK_FAILED
        done = extraction.extract(whole.captures, output, result.connections, picks, options=whole.options)
    click.echo(f"{output}: {done.connections} of {count} connections, {done.frames} of "
               f"{result.capture.packets} packets", err=True)
    return reading.exit_code(result)
