"""tcpstates diff: what changed between two captures."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from tcptrace_py.cli import codes
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.reading import Reading, cluster_options, reading_options
from tcptrace_py.cli.verdict import VerdictOutput, exit_code, verdict_options
from tcptrace_py.model.errors import UsageError

if TYPE_CHECKING:
    from tcptrace_py.api import Result
    from tcptrace_py.checks.diff.compare import Tolerance
    from tcptrace_py.checks.diff.path import Bearable
    from tcptrace_py.checks.diff.seen import Traffic
    from tcptrace_py.model.path import Point
    from tcptrace_py.model.report import Report

ANALYSIS = 0.6  # of the time that a point takes; the rest is the second reading


@click.command(
    "diff",
    cls=Command,
    usage="BASE NEW",
    epilog="""\b
Examples:
  tcpstates diff yesterday.pcap today.pcap
  tcpstates diff base.json today.pcap --threshold 10% --report junit=verdict.xml
  tcpstates analyze base.pcap --format json -o base.json
  tcpstates diff client.pcap server.pcap --same-traffic
  tcpstates diff client.pcap server.pcap --same-traffic --max-loss 0.1% --max-transit 30ms
""",
)
@reading_options
@cluster_options
@click.option("--threshold", metavar="SHARE", default="25%", show_default=True, help="Anything may grow by this share.")
@click.option(
    "--alpha",
    metavar="SHARE",
    default="1%",
    show_default=True,
    help="A rise fails only if chance alone would make it in less than this share of all runs.",
)
@click.option("--least", metavar="TIME", default="1ms", show_default=True, help="A median handshake may always take this much longer.")
@click.option("--strict", is_flag=True, help="Fail on every rise beyond the threshold, chance or not.")
@click.option(
    "--same-traffic", is_flag=True, help="The two are captures of the same connections at two points, A and B: say what happened between."
)
@click.option(
    "--max-loss", metavar="SHARE", help="With --same-traffic: the share of packets that may be lost in either direction. Default: none."
)
@click.option(
    "--max-transit",
    metavar="TIME",
    help="With --same-traffic: how long segments may take between the points, at the 99th percentile. Default: any time.",
)
@click.option(
    "--allow",
    "allowed",
    metavar="PROBLEM",
    multiple=True,
    help="Accept this problem of a capture, which otherwise fails the comparison; may be repeated. Problems: "
    "acked-unseen, one-sided and the others of rule capture-quality.",
)
@click.option("--allow-unmeasurable", is_flag=True, help="Do not fail where a capture cannot tell what is compared.")
@verdict_options
def command(
    *,
    reading: Reading,
    threshold: str,
    alpha: str,
    least: str,
    strict: bool,
    same_traffic: bool,
    max_loss: str | None,
    max_transit: str | None,
    allowed: tuple[str, ...],
    allow_unmeasurable: bool,
    verdict: VerdictOutput,
) -> int:
    """Say what got worse from BASE to NEW, and fail if anything did.

    Services are paired by address and port, or by a port that only one service has on each side; client ports and
    clocks do not matter. Compared are for each service: how many connections there are, handshakes (times, failures,
    SYNs sent again), data sent again, resets by cause, how connections end, who closes first, TIME_WAIT; for each
    host TIME_WAIT at once; and findings of severity problem, which fail where they are new. What chance may have done fails
    nothing; what one of the captures cannot tell fails as not measurable (--allow-unmeasurable).

    BASE and NEW are captures, directories of them, or what `analyze` saved, so that a repository need not keep captures: a
    document of `--format json`, or a folder of `--tables`.

    With --same-traffic the two are captures of the same connections at two points of their way, A and B, normally at
    the client and at the server. Connections are paired by their initial sequence numbers, whatever NAT makes of their
    addresses, and the clocks are aligned by what passed both points. It says what was lost on the way and in which
    direction, where time goes, which RSTs and FINs arrived that nobody sent, which addresses and options were
    rewritten, and which connections only one of the two captures holds.
    """
    from tcptrace_py.capture.opening import keep_streams, refuse_twice
    from tcptrace_py.checks.diff.compare import Tolerance
    from tcptrace_py.checks.options import accepted
    from tcptrace_py.checks.params import Duration, Ratio

    allow = accepted(allowed)
    if len(reading.captures) != 2:
        raise UsageError("diff takes two: tcpstates diff BASE NEW (a directory of captures counts as one)")
    refuse_twice(reading.captures)
    outputs = verdict.outputs(reading.captures)
    if same_traffic:
        from tcptrace_py.checks.diff.path import Bearable

        _refuse("threshold", "alpha", "least", "strict")
        bearable = Bearable(
            0.0 if max_loss is None else Ratio().read(max_loss), None if max_transit is None else Duration().read(max_transit)
        )
        with keep_streams():
            report, results = _same_traffic(reading, bearable, allow, allow_unmeasurable=allow_unmeasurable)
    else:
        if max_loss is not None or max_transit is not None:
            raise UsageError("--max-loss and --max-transit go with --same-traffic")
        tolerance = Tolerance(Ratio().read(threshold), Ratio().read(alpha), Duration().read(least), strict)
        with keep_streams():
            report, results = _compared(reading, tolerance, allow, allow_unmeasurable=allow_unmeasurable)
    verdict.write(report, outputs)
    of_reading = [reading.exit_code(each, told=verdict.tells_all) for each in results]
    return exit_code(report, max([codes.DAMAGED if report.damaged else 0, *of_reading]))


def _refuse(*names: str) -> None:
    """What compares BASE with NEW must not look as if it had been heeded."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--{name} is for BASE and NEW; with --same-traffic there are --max-loss and --max-transit")


def _compared(reading: Reading, tolerance: Tolerance, allow: tuple[str, ...], *, allow_unmeasurable: bool) -> tuple[Report, list[Result]]:
    from tcptrace_py.checks.diff.compare import diff
    from tcptrace_py.model.growing import give_back
    from tcptrace_py.pipeline.running import MANY

    base, of_base = _traffic(reading, 0, takes_part=False)
    if of_base is not None and of_base.interrupted:  # there is nothing to compare it with
        raise KeyboardInterrupt
    if of_base is not None:
        many = of_base.summary.connections > MANY
        of_base = _let_go(of_base)
        if many:
            give_back()  # what its connections took: each process that reads the other would have it as well
    new, of_new = _traffic(reading, 1, takes_part=True)
    results = [each for each in (of_base, of_new) if each is not None]
    report = diff(
        base, new, tolerance, allow=allow, allow_damaged=reading.allow_damaged, allow_unmeasurable=allow_unmeasurable,
        interrupted=any(each.interrupted for each in results),
    )  # fmt: skip
    return report, results


def _traffic(reading: Reading, number: int, *, takes_part: bool) -> tuple[Traffic, Result | None]:
    from tcptrace_py.checks.diff import seen
    from tcptrace_py.model.urls import shown

    path = reading.captures[number]
    if (document := _document(path)) is not None:
        return seen.of_document(shown(path), document), None
    result = reading.alone(number).analyze(digest=False, takes_part=takes_part)
    return seen.of_analysis(shown(path), result, takes_part=takes_part), result


def _let_go(result: Result) -> Result:
    """What is still to be said of a result whose connections were compared: so they are not kept while others are read."""
    from tcptrace_py.model.results import Hosts, PortBudgets

    return replace(result, connections=[], hosts=Hosts(), ports=PortBudgets())


def _document(path: str) -> bytes | None:
    """All of a saved document; None for what is none. Of a stream, what is looked at here is kept (`keep_streams`)."""
    from tcptrace_py.capture.opening import open_source
    from tcptrace_py.capture.source import HEAD_BYTES, SourceDamageError
    from tcptrace_py.checks.diff.seen import is_document
    from tcptrace_py.model.errors import CaptureError

    if os.path.isdir(path):  # noqa: PTH112 - pathlib is not needed for this
        return None
    try:
        source = open_source(path)
        try:
            data = source.refill(b"", HEAD_BYTES)
            if source.interrupted:
                raise KeyboardInterrupt
            if not is_document(data):
                return None
            while len(longer := source.refill(data, 2 * len(data))) > len(data):
                data = longer
        finally:
            source.close()
    except (CaptureError, SourceDamageError):  # whoever reads it as a capture says why
        return None
    return data


def _same_traffic(reading: Reading, bearable: Bearable, allow: tuple[str, ...], *, allow_unmeasurable: bool) -> tuple[Report, list[Result]]:
    from tcptrace_py.checks.diff.path import same_traffic
    from tcptrace_py.findings.path.compare import compare

    (a, one), (b, other) = [_point(reading.alone(number)) for number in range(len(reading.captures))]
    report = same_traffic(
        compare(a, b), bearable, allow=allow, allow_damaged=reading.allow_damaged, allow_unmeasurable=allow_unmeasurable,
        interrupted=one.interrupted or other.interrupted,
    )  # fmt: skip
    return report, [one, other]


def _point(reading: Reading) -> tuple[Point, Result]:
    from tcptrace_py.cli.interrupt import Interrupt
    from tcptrace_py.model.urls import shown
    from tcptrace_py.points import read_point

    name = reading.captures[0]
    if _document(name) is not None:
        raise UsageError(f"{shown(name)}: is a saved analysis, which holds no segments: --same-traffic takes two captures")
    if reading.tables is not None:
        raise UsageError(f"{shown(name)}: holds tables of an analysis, and no segments: --same-traffic takes two captures")
    result = reading.analyze(share=ANALYSIS, takes_part=False)
    if result.interrupted:  # of half a capture, everything else would look lost
        raise KeyboardInterrupt
    with reading.again(Interrupt(), ANALYSIS) as progress:
        point = read_point(shown(name), reading.captures, result, reading.options, progress=progress)
    return point, result
