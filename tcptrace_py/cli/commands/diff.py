"""tcpstates diff: what changed between two captures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import codes
from tcptrace_py.cli.reading import Reading, reading_options
from tcptrace_py.cli.verdict import VerdictOutput, exit_code, verdict_options
from tcptrace_py.model.errors import UsageError

if TYPE_CHECKING:
    from tcptrace_py.api import Result
    from tcptrace_py.checks.diff.seen import Traffic


@click.command("diff", epilog="""\b
Examples:
  tcpstates diff yesterday.pcap today.pcap
  tcpstates diff base.json today.pcap --threshold 10% --report junit=verdict.xml
  tcpstates analyze base.pcap --format json -o base.json
""")
@reading_options
@click.option("--threshold", metavar="SHARE", default="25%", show_default=True,
              help="So much more is borne of anything.")
@click.option("--alpha", metavar="SHARE", default="1%", show_default=True,
              help="A rise that chance alone makes more often than in so many runs fails nothing.")
@click.option("--least", metavar="TIME", default="1ms", show_default=True,
              help="A median handshake may take so much longer in any case.")
@click.option("--strict", is_flag=True, help="Fail on every rise beyond the threshold, chance or not.")
@verdict_options
def command(*, reading: Reading, threshold: str, alpha: str, least: str, strict: bool, verdict: VerdictOutput) -> int:
    """Say what got worse from BASE to NEW, and fail if anything did: tcpstates diff BASE NEW.

    Services are paired by address and port, or by a port that only one service has on each side; client ports and
    clocks do not matter. Compared are for each service: how many connections there are, handshakes (times, failures,
    SYNs sent again), data sent again, resets by cause, how connections end, who closes first, TIME_WAIT; and for each
    host TIME_WAIT at once. What chance may have done fails nothing.

    BASE and NEW are captures, directories of them, or documents that `analyze --format json` saved, so that a
    repository need not keep captures.
    """
    from tcptrace_py.checks.diff.compare import Tolerance, diff
    from tcptrace_py.checks.params import Duration, Ratio

    if len(reading.captures) != 2:
        raise UsageError("diff takes two: tcpstates diff BASE NEW (a directory of captures counts as one)")
    tolerance = Tolerance(Ratio().read(threshold), Ratio().read(alpha), Duration().read(least), strict)
    base, base_result = _traffic(reading, reading.captures[0])
    new, result = _traffic(reading, reading.captures[1])
    results = [each for each in (base_result, result) if each is not None]
    report = diff(base, new, tolerance, allow_damaged=reading.allow_damaged,
                  interrupted=any(each.interrupted for each in results))
    verdict.write(report)
    of_reading = [reading.exit_code(each, told=verdict.told) for each in results]
    damaged = codes.DAMAGED if report.damaged else 0
    return exit_code(report, max([damaged, *of_reading]))


def _traffic(reading: Reading, path: str) -> tuple[Traffic, Result | None]:
    from tcptrace_py.checks.diff import seen

    if seen.is_document(path):
        return seen.of_document(path), None
    result = replace(reading, captures=[path]).analyze()
    return seen.of_analysis(path, result), result
