"""What every command that reads captures shares: captures, selection, profiles, damage and its exit code."""

from __future__ import annotations

import functools
import os
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.faults import CODE as INTERNAL_ERROR

from . import codes
from .terminate import AbandonedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tcptrace_py.api import Result
    from tcptrace_py.cluster.analysis import Where
    from tcptrace_py.dataset.tables import Tables
    from tcptrace_py.model.problems import Problem
    from tcptrace_py.model.profiles import Profiles
    from tcptrace_py.model.reference import Reference
    from tcptrace_py.model.results import Analysis
    from tcptrace_py.model.selection import Selection
    from tcptrace_py.second_reading import Options
    from tcptrace_py.span import Span

    Read = TypeVar("Read", bound=Analysis)

    from .interrupt import Interrupt

OS_NAMES = ("linux", "macos", "freebsd", "windows", "lwip", "gvisor", "rfc9293")  # model.profiles.PROFILES; a test holds them together
_NAME_OF_ONE = "capture-{}"  # of a checkpoint
LISTS_S = 0.15  # of the processor's time: so long connections are listed behind Ctrl-C
LOOK_BYTES = 32 << 20  # enough to say what there is where nothing was what was asked for
LARGE_BYTES = 64 << 20  # from here on the interpreted form takes so long that one may wonder
INTERRUPTED = "interrupted; ending with what was read so far (Ctrl-C again ends at once)"  # as soon as it is
WAS_INTERRUPTED = "interrupted; this is what was analysed so far"  # when it is over

_is_said = False


@dataclass
class Reading:
    """Captures and how they are to be read."""

    captures: Sequence[str]
    keys: Selection
    span: Span | None  # None: all of it
    profiles: Profiles
    idle_s: float | None
    check_checksums: bool
    allow_damaged: bool
    jobs: int | None = None
    memory_mb: int | None = None
    where: Where | None = None  # None: on this machine
    _alone: list[str] = field(default_factory=list)  # captures that were analysed by themselves, as their checkpoints are named
    dry_run: bool = False
    start_s: float = field(default_factory=time.monotonic)
    _placed: Selection | None = field(init=False, default=None)
    _told_interrupted: bool = field(init=False, default=False)

    @property
    def selection(self) -> Selection:
        """What is analysed. Where its span is given by the capture's own, that is looked at, once.

        Raises UsageError for an empty span, and for the last part of a stream, whose end nobody knows before.
        """
        if self._placed is None:
            self._placed = self._place()
        return self._placed

    def _place(self) -> Selection:
        from .interrupt import Interrupt
        from .progress import Progress

        if self.span is None:
            return self.keys
        if self.span.last_ns is not None and not self.are_files:
            raise UsageError("--last needs to know where the capture ends, which a stream does not tell before: save it to a file first")
        if not self.span.is_relative:
            from_ns, to_ns = self.span.of(self.captures)
        else:
            self._refuse_terminal()
            with Progress((0.0, 1.0), self.start_s) as progress, Interrupt() as interrupt:
                from_ns, to_ns = self.span.of(self.captures, interrupt.between_blocks(progress))
        return replace(self.keys, from_ns=from_ns, to_ns=to_ns)

    @property
    def tables(self) -> Tables | None:
        """The tables of an analysis that are to be read instead of captures (`dataset`); None where there are none.

        Raises UsageError where something else is to be read beside them, or an option says how captures are read.
        """
        from tcptrace_py.model.urls import is_url

        if not any(is_url(path) or os.path.isdir(path) for path in self.captures):  # noqa: PTH112 - Path.is_dir may raise
            return None  # nearly always: what reads tables need not be imported
        from tcptrace_py.dataset.place import holds_tables

        alone = len(self.captures) == 1
        if not any(holds_tables(path) for path in self.captures if alone or not is_url(path)):
            return None
        if not alone:
            raise UsageError("tables of an analysis are read alone, without captures or other tables")
        self._refuse_options("says how captures are read, and these tables were made of them already")
        from tcptrace_py.dataset.tables import Tables

        return Tables(self.captures[0])

    def _of_tables(self, tables: Tables, slowest: int | None) -> Result:
        """The result that tables were written of; profiles and bounds of time are those that it was made with."""
        from tcptrace_py.api import Result
        from tcptrace_py.model.results import profiles_of

        result = Result.of(tables.analysis(slowest=slowest))
        self.profiles = profiles_of(result.profiles)
        self._placed = replace(self.keys, from_ns=tables.span.from_ns, to_ns=tables.span.to_ns)
        return result

    def analyze(
        self, *, keep_rows: bool = True, slowest: int = 5, share: float = 1.0, digest: bool = True, takes_part: bool = True
    ) -> Result:
        """Read and analyse, with progress on a terminal. Without `keep_rows` no connections are listed.

        `share`: how much of all the work this is, where more follows. Without `digest`, tables of an analysis are not gone through
        for it. `takes_part`: a part of the captures is of use, too; otherwise AbandonedError is raised where Ctrl-C ends the reading
        between blocks.
        """
        from tcptrace_py.api import analyze

        if (tables := self.tables) is not None:
            return self._of_tables(tables, slowest if digest else None)
        if self.where is not None:
            return self._on_cluster(self.where, keep_rows=keep_rows, slowest=slowest)

        return self._read(
            lambda progress: analyze(
                self.captures,
                selection=self.selection,
                profiles=self.profiles,
                idle_s=self.idle_s,
                check_checksums=self.check_checksums,
                progress=progress,
                keep_rows=keep_rows,
                slowest=slowest,
                jobs=self.jobs,
                memory_mb=self.memory_mb,
            ),
            share,
            takes_part=takes_part,
        )

    def _on_cluster(self, where: Where, *, keep_rows: bool, slowest: int) -> Result:
        """Analyse on a cluster, with progress on a terminal. Ctrl-C ends all: what is done is in the checkpoint, if there is one."""
        from tcptrace_py.api import Result
        from tcptrace_py.cluster.analysis import analyze, in_words, planned
        from tcptrace_py.outputs.foreign import line
        from tcptrace_py.outputs.units import printable

        from .progress import StageProgress

        with StageProgress() as progress:
            if self.dry_run:
                with where.engine(progress) as engine:
                    lines = in_words(planned(self.captures, where, engine), where, engine.workers)
                click.echo("\n".join(line(printable(text)) for text in lines))
                raise click.exceptions.Exit(0)
            analysis = analyze(
                self.captures,
                where,
                selection=self.selection,
                profiles=self.profiles,
                idle_s=self.idle_s,
                check_checksums=self.check_checksums,
                keep_rows=keep_rows,
                slowest=slowest,
                memory_mb=self.memory_mb,
                tell=progress,
                keeps_checkpoint=True,
            )
        return Result.of(analysis)

    def alone(self, number: int) -> Reading:
        """The reading of one of the captures, where each is analysed by itself."""
        where, name = self.where, _NAME_OF_ONE.format(number)
        if where is not None:
            where = where.inner(name)
            self._alone.append(name)
        return replace(self, captures=[self.captures[number]], start_s=time.monotonic(), where=where)

    def done(self) -> None:
        """All is written to where it is wanted. What has not left this process yet is written first: it may not fit."""
        if self.where is not None and self.where.checkpoint is not None:
            if sys.stdout is not None:
                sys.stdout.flush()
            self.where.forget(self._alone)

    def find(self, wanted: Iterable[Reference], *, slowest: int = 5, share: float = 1.0, takes_part: bool = True) -> Analysis:
        """Read and analyse as well, and list only connections of the four-tuples that are wanted: as quick as listing none.

        The captures are read twice and more: streams must be kept for that (`capture.opening.keep_streams`).
        """
        from tcptrace_py.second_reading import find

        return self._read(
            lambda progress: find(self.captures, wanted, self.options, progress=progress, slowest=slowest, jobs=self.jobs),
            share,
            takes_part=takes_part,
        )

    @property
    def are_files(self) -> bool:
        """Whether all captures can be read again, as far as the names tell."""
        from pathlib import Path

        from tcptrace_py.model.urls import is_url

        return all(is_url(path) or Path(path).is_file() or Path(path).is_dir() for path in self.captures)

    def _refuse_terminal(self) -> None:
        if "-" in self.captures and sys.stdin is not None and sys.stdin.isatty():
            raise UsageError("standard input is a terminal, not a capture: pipe one into it (tcpdump -w - | tcpstates analyze -)")

    @property
    def options(self) -> Options:
        """How the captures are read, for who reads them again."""
        from tcptrace_py.second_reading import Options

        return Options(self.selection, self.profiles, self.idle_s, self.check_checksums, self.memory_mb)

    def _read(self, read: Callable[[Callable[[int, int | None], None]], Read], share: float, *, takes_part: bool) -> Read:
        """Read with progress on a terminal, and until Ctrl-C. `share`, `takes_part`: see analyze."""
        from .interrupt import Interrupt
        from .progress import Progress

        self._refuse_terminal()
        _say_if_slow(self.captures)
        ends = Interrupt(heard=self._say_interrupted) if takes_part else Interrupt(AbandonedError)
        with Progress((0.0, share), self.start_s) as progress, ends as interrupt:
            result = read(interrupt.between_blocks(progress))
        result.interrupted |= interrupt.asked  # behind the last block, too: what comes next may take long
        if not (result.summary.connections or result.interrupted or self.selection.takes_all) and result.capture.segments:
            from tcptrace_py.outputs.occurring import none_selected

            click.echo(f"tcpstates: {none_selected(result, self.selection, self._without_selection())}", err=True)
        result.interrupted |= self._told_interrupted
        if result.interrupted and takes_part:
            self._say_interrupted()
        return result

    def _without_selection(self) -> Result | None:
        """What there is in the first part of the captures; None where they cannot be read again."""
        if self.selection.takes_all_keys or not self.are_files:
            return None
        from tcptrace_py.api import analyze
        from tcptrace_py.capture.reader import EndReadingError

        from .interrupt import Interrupt
        from .progress import Progress

        def look(done: int, total: int | None) -> None:
            if done > LOOK_BYTES:
                interrupt.came = True
                raise EndReadingError
            progress(done, total)

        with Progress() as progress, Interrupt(EndReadingError, heard=self._say_interrupted) as interrupt:
            result = analyze(self.captures, check_checksums=self.check_checksums, keep_rows=False, progress=interrupt.between_blocks(look))
        result.interrupted = interrupt.came
        return result

    @contextmanager
    def again(self, interrupt: Interrupt, share: float) -> Iterator[Callable[[int, int | None], None]]:
        """Watch a reading that follows the analysis: gives its `progress`, which raises what `interrupt` says."""
        from .progress import Progress

        with Progress((share, 1.0), self.start_s) as progress, interrupt:
            yield interrupt.between_blocks(progress)

    def _say_interrupted(self, how: str = INTERRUPTED) -> None:
        """Say, once, that Ctrl-C ended the reading: as soon as it came, since what was read has to be concluded and written."""
        if not self._told_interrupted:
            clear = "\r\x1b[K" if sys.stderr is not None and sys.stderr.isatty() else ""  # ^C, and perhaps the progress line
            with suppress(RuntimeError):  # it came while something was written there: said when all is concluded
                click.echo(f"{clear}tcpstates: {how}", err=True)
                self._told_interrupted = True

    def list_soon(self, analysis: Analysis) -> None:
        """Connections will be listed. Where Ctrl-C came, only those that there is time for, and `exit_code` says so."""
        if not analysis.interrupted:
            return
        from tcptrace_py.facts.store import Connections
        from tcptrace_py.pipeline.haste import over_in

        if isinstance(analysis.connections, Connections):
            analysis.connections.hurry(over_in(LISTS_S))

    def exit_code(self, analysis: Analysis, *, told: bool = False) -> int:
        """Exit code for what was read; says on standard error why it is not 0, unless the reader was `told` already."""
        if analysis.interrupted:
            self._say_what_is_missing(analysis, told=told)
        return self.exit_code_of(analysis.capture.problems, interrupted=analysis.interrupted, told=told)

    def exit_code_of(self, problems: Sequence[Problem], *, interrupted: bool, told: bool = False) -> int:
        """The same, by the problems of what was read, and whether that was interrupted."""
        internal = any(problem.code == INTERNAL_ERROR for problem in problems)
        if interrupted:
            self._say_interrupted(WAS_INTERRUPTED)
            return codes.INTERNAL if internal else codes.INTERRUPTED
        damaged = [problem for problem in problems if problem.damaged]
        for problem in [] if told else damaged:
            from tcptrace_py.outputs.foreign import line
            from tcptrace_py.outputs.units import printable

            click.echo(f"tcpstates: {line(printable(problem.explanation))}", err=True)
        if internal:
            return codes.INTERNAL
        return codes.DAMAGED if damaged and not self.allow_damaged else 0

    def _say_what_is_missing(self, analysis: Analysis, *, told: bool) -> None:
        """Say what there was no time for behind Ctrl-C."""
        from tcptrace_py.facts.store import Connections
        from tcptrace_py.outputs.units import some
        from tcptrace_py.pipeline.haste import PASSED_OVER

        for problem in analysis.capture.problems:
            if problem.code == PASSED_OVER and not told:
                click.echo(f"tcpstates: {some(problem.count, 'connection')} could not be judged in time ({PASSED_OVER})", err=True)
        rows = analysis.connections
        if isinstance(rows, Connections) and rows.is_cut:
            click.echo(f"tcpstates: not all of {some(len(rows), 'connection')} are listed: there was no time for more", err=True)

    def _refuse_options(self, why: str) -> None:
        """Raise UsageError for options that say how captures are read, where none are: they must not look as if they had been heeded."""
        from click.core import ParameterSource

        context = click.get_current_context()
        for option in context.command.params:
            if option.name in _OF_CAPTURES and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
                raise UsageError(f"{option.opts[0]} {why}")


def _say_if_slow(captures: Sequence[str]) -> None:
    """Say, once in a process, that a large capture is read by the interpreted form."""
    from tcptrace_py import _compiled

    global _is_said  # noqa: PLW0603 - once in a process
    if _is_said or _compiled():
        return
    if size_bytes(captures) >= LARGE_BYTES:
        _is_said = True
        click.echo(
            "tcpstates: the engine is not compiled here, which takes several times as long; with a C compiler, "
            "pip install --force-reinstall --no-cache-dir tcptrace-py compiles it",
            err=True,
        )


def size_bytes(captures: Sequence[str]) -> int:
    """How large the files among some captures are, as they are on the disk; 0 where that cannot be told: whoever opens them says why."""
    with suppress(OSError):
        return sum(os.path.getsize(path) for path in captures if os.path.isfile(path))  # noqa: PTH113, PTH202
    return 0


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add CAPTURE... and the shared options to a command, which gets them as one argument, `reading`."""

    @functools.wraps(command)
    def with_reading(**options: Any) -> Any:
        on_cluster = {name: options.pop(name) for name in _OF_CLUSTER if name in options}
        own = {name: options.pop(name) for name in list(options) if name not in _SHARED}
        reading = _reading(**options)
        if on_cluster:
            reading.dry_run = on_cluster.pop("dry_run")
            reading.where = _where(reading, **on_cluster)
        with ExitStack() as stack:
            if reading.span is not None and reading.span.is_relative:
                from tcptrace_py.capture.opening import keep_streams

                stack.enter_context(keep_streams())  # their first frame is looked at before they are read
            code = command(reading=reading, **own)
        reading.done()
        return code

    decorated: Callable[..., Any] = with_reading
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that can run on a cluster; `reading_options` takes them."""
    for option in reversed(_CLUSTER_OPTIONS):
        command = option(command)
    return command


def _where(reading: Reading, cluster: str | None, **more: Any) -> Where | None:
    """Where the analysis runs. Raises UsageError for options that go with a cluster only."""
    if cluster is None:
        unused = [name for name, value in (*more.items(), ("dry_run", reading.dry_run or None)) if value is not None]
        if unused:
            raise UsageError(f"--{unused[0].replace('_mb', '').replace('_', '-')} goes with --cluster")
        return None
    from tcptrace_py.cluster.analysis import Where

    return Where(cluster, reading.jobs, **more)


class Seconds(click.FloatRange):
    """Seconds as a number, or any duration with its unit."""

    name = "number of seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it. What is neither is click's to complain of."""
        if isinstance(value, str) and value[-1:].isalpha() and value[:1].isdigit():
            from tcptrace_py.checks.params import Duration

            value = Duration().read(value) / SECOND_NS
        return float(super().convert(value, param, ctx))

    def _describe_range(self) -> str:
        """Nothing in the help where there is no bound: click says x<=None."""
        return super()._describe_range() if self.min is not None else ""


_OPTIONS = (
    click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=click.Path(allow_dash=True)),
    click.option(
        "--host", "hosts", metavar="ADDRESS", multiple=True, help="Only connections with this address at either end; may be repeated."
    ),
    click.option(
        "--net",
        "nets",
        metavar="PREFIX",
        multiple=True,
        help="Only connections with an address of this network (10.0.0.0/8) at either end; may be repeated.",
    ),
    click.option(
        "--port",
        "ports",
        metavar="PORT",
        multiple=True,
        help="Only connections with this port or range of ports (8000-8100) at either end; may be repeated.",
    ),
    click.option(
        "--from",
        "from_time",
        metavar="TIME",
        help="Only segments from this time on: 2026-03-01T10:00:00Z (UTC without an offset), seconds since 1970, or "
        "+5s (so long after the first frame).",
    ),
    click.option("--to", "to_time", metavar="TIME", help="Only segments before this time."),
    click.option("--last", metavar="DURATION", help="Only the last part of the capture, such as 10s; not of a stream."),
    click.option(
        "--os",
        "systems",
        metavar="[ADDRESS=]NAME",
        multiple=True,
        shell_complete=lambda _ctx, _option, begun: [name for name in OS_NAMES if name.startswith(begun)],
        help=f"Operating system of all hosts, or of one, for TIME_WAIT and port range: {', '.join(OS_NAMES)}. "
        "Default linux; may be repeated.",
    ),
    click.option(
        "--time-wait", "time_wait_s", metavar="SECONDS", type=Seconds(), help="Length of TIME_WAIT, instead of the operating system's."
    ),
    click.option("--port-range", metavar="A-B", help="Range of ephemeral ports, instead of the operating system's."),
    click.option(
        "--idle",
        "idle_s",
        metavar="SECONDS",
        type=Seconds(min=0, min_open=True),
        help="Take a connection that is silent for so long as over (90, 90s, 5min).",
    ),
    click.option(
        "--check-checksums",
        is_flag=True,
        help="Leave out segments with a wrong TCP checksum. Checksums of a capturing host's own segments are "
        "often unfinished, so they are only reported otherwise.",
    ),
    click.option(
        "--jobs",
        metavar="N",
        type=click.IntRange(min=1),
        help="Processes to use; the result is the same with any number. Default: what helps (on Linux, one for each processor "
        "for the overview of captures of 24 MB and more whose frames are short).",
    ),
    click.option(
        "--memory",
        "memory_mb",
        metavar="MB",
        type=click.IntRange(min=0),
        help="Most memory for connections that are over, of all processes of --jobs together (with --cluster, of each worker); "
        "more of them go to a temporary file (TMPDIR says where). The result is the same with any. Default: 48.",
    ),
    click.option("--allow-damaged", is_flag=True, help="Exit with 0 although some input was cut or unreadable."),
)
_CLUSTER_OPTIONS = (
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Analyse on a Dask cluster: the address of its scheduler (tcp://host:8786, tls://host:8786), or local for one that is "
        "started here, with --jobs N workers. The result is the same. Needs the extra `cluster`.",
    ),
    click.option(
        "--scratch",
        metavar="FOLDER",
        help="A folder or URL that all workers reach, for segments on their way: some 100 bytes for each frame. Default with "
        "--cluster local: the temporary folder.",
    ),
    click.option(
        "--checkpoint",
        metavar="FOLDER",
        help="A folder or URL of its own for the same: there what was decoded is kept, until all is done, and another run goes on "
        "from there.",
    ),
    click.option(
        "--partitions",
        metavar="N",
        type=click.IntRange(min=1),
        help="Parts of the four-tuples that are replayed one by one: with more of them each takes less memory. Default: two for each "
        "worker, four at least.",
    ),
    click.option(
        "--range", "range_mb", metavar="MB", type=click.IntRange(min=1), help="How much of the captures is decoded at once. Default: 64."
    ),
    click.option("--dry-run", is_flag=True, help="Say what would be done on the cluster, and how much it takes; do nothing."),
)
_OF_CLUSTER = ("cluster", "scratch", "checkpoint", "partitions", "range_mb", "dry_run")
_SHARED = frozenset(
    (
        "captures",
        "hosts",
        "nets",
        "ports",
        "from_time",
        "to_time",
        "last",
        "systems",
        "time_wait_s",
        "port_range",
        "idle_s",
        "check_checksums",
        "jobs",
        "memory_mb",
        "allow_damaged",
    )
)
_OF_CAPTURES = (_SHARED | set(_OF_CLUSTER)) - {"captures", "allow_damaged", "jobs", "memory_mb"}  # with these two, the result is the same


def _reading(
    *,
    captures: Sequence[str],
    hosts: Sequence[str],
    nets: Sequence[str],
    ports: Sequence[str],
    from_time: str | None,
    to_time: str | None,
    last: str | None,
    systems: Sequence[str],
    time_wait_s: float | None,
    port_range: str | None,
    idle_s: float | None,
    check_checksums: bool,
    jobs: int | None,
    memory_mb: int | None,
    allow_damaged: bool,
) -> Reading:
    from tcptrace_py.model.selection import Selection, parse_ports

    keys = Selection(hosts=tuple(hosts), nets=tuple(nets), ports=tuple(parse_ports(part) for part in _listed(ports)))
    reading = Reading(
        captures,
        keys,
        _span(from_time, to_time, last),
        _profiles(systems, time_wait_s, port_range),
        idle_s,
        check_checksums,
        allow_damaged,
        jobs,
        memory_mb,
    )
    if reading.span is not None and not reading.span.is_relative:
        reading.selection  # noqa: B018 - an empty span is told before anything is read
    return reading


def _span(from_time: str | None, to_time: str | None, last: str | None) -> Span | None:
    if from_time is None and to_time is None and last is None:
        return None
    from tcptrace_py.checks.params import Duration
    from tcptrace_py.span import Span, parse_moment

    begin, end = (None if text is None else parse_moment(text) for text in (from_time, to_time))
    return Span(begin, end, None if last is None else Duration().read(last))


def _listed(texts: Iterable[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",")]


def _profiles(systems: Sequence[str], time_wait_s: float | None, port_range: str | None) -> Profiles:
    from tcptrace_py.model.profiles import Profiles
    from tcptrace_py.model.selection import parse_host, parse_ports

    default, by_address = "linux", {}
    for system in systems:
        address, equals, name = system.rpartition("=")
        if equals:
            from ipaddress import ip_address

            by_address[str(ip_address(parse_host(address)))] = name
        else:
            default = name
    pair = None if port_range is None else parse_ports(port_range)
    return Profiles.named(default, by_address, time_wait_s=time_wait_s, port_range=pair)
