"""An analysis on a cluster, from captures to its result; and the plan of one."""

from __future__ import annotations

import weakref
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from tcptrace_py.model.errors import CaptureError, NotSharedError, UsageError
from tcptrace_py.pipeline import run
from tcptrace_py.pipeline.distributed import RANGE_BYTES, Plan, Run, plan
from tcptrace_py.pipeline.scratch import Folder
from tcptrace_py.pipeline.stages import HELD_BYTES, MOST_PARTITIONS, Work

from .checkpoint import OURS, Checkpoint
from .engine import LOCAL, DaskEngine, connected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tcptrace_py.model.profiles import Profiles
    from tcptrace_py.model.results import Analysis
    from tcptrace_py.model.selection import Selection

    from .engine import Tell

MB = 1 << 20
ROW_BYTES = 100  # of a segment between two stages, about
OPEN_BYTES = 1000  # of a connection that is open, about
SEGMENTS_BYTES = 64 << 20  # of a process that has loaded all of this, and of the blocks that it works on


@dataclass(frozen=True)
class Where:
    """Where an analysis runs, and what it may use.

    `cluster` is the address of a Dask scheduler, "local" for one that is started here with so many `workers` (None: one for each
    processor), or a `distributed.Client`. `scratch` is a folder or URL that all workers reach, for the segments on their way; with
    `checkpoint` in its place, what was done is found again by another run. `partitions` of four-tuples are replayed one by one by
    each worker; the captures are read in ranges of about `range_mb`.
    """

    cluster: Any
    workers: int | None = None
    scratch: str | None = None
    checkpoint: str | None = None
    partitions: int | None = None
    range_mb: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and not self.is_local:
            raise UsageError("--jobs says how many workers are started here: it goes with --cluster local")
        if self.partitions is not None and not 1 <= self.partitions <= MOST_PARTITIONS:
            raise UsageError(f"{self.partitions} partitions: from 1 to {MOST_PARTITIONS}")
        if self.range_mb is not None and self.range_mb < 1:
            raise UsageError(f"ranges of {self.range_mb} MB: 1 at least")
        if self.scratch is not None and self.checkpoint is not None:
            raise UsageError("a checkpoint holds the scratch files as well: name one of both")
        if not self.is_local and self.scratch is None and self.checkpoint is None:
            raise UsageError("the workers of a cluster need a place that all of them reach: name it with --scratch or --checkpoint")

    @property
    def is_local(self) -> bool:
        """Whether the workers are started here."""
        return isinstance(self.cluster, str) and self.cluster == LOCAL

    def inner(self, name: str) -> Where:
        """The same for one of several analyses, which have a checkpoint each."""
        return self if self.checkpoint is None else replace(self, checkpoint=Folder(self.checkpoint).inner(name).url)

    def forget(self, names: Iterable[str]) -> None:
        """Remove the checkpoint, and those of the analyses of these names: the results are where they are wanted."""
        if self.checkpoint is not None:
            whole = Folder(self.checkpoint)
            for folder in (*map(whole.inner, names), whole):
                _remove(folder, all_of_it=False)

    @contextmanager
    def engine(self, tell: Tell | None) -> Iterator[DaskEngine]:
        """The engine that does the work."""
        with ExitStack() as stack:
            client = stack.enter_context(connected(self.cluster, self.workers)) if isinstance(self.cluster, str) else self.cluster
            yield DaskEngine(client, tell)


def planned(paths: Sequence[str], where: Where, engine: DaskEngine) -> Plan:
    """Look at all files and cut them into ranges. Raises UsageError for what can be read only once, or from here only."""
    from tcptrace_py.capture.opening import refuse_streams  # noqa: PLC0415

    refuse_streams(paths)
    return plan(paths, engine, (where.range_mb or RANGE_BYTES // MB) * MB, where.partitions)


def analyze(
    paths: Sequence[str],
    where: Where,
    *,
    selection: Selection,
    profiles: Profiles,
    idle_s: float | None,
    check_checksums: bool,
    keep_rows: bool,
    slowest: int,
    memory_mb: int | None,
    tell: Tell | None = None,
    keeps_checkpoint: bool = False,
) -> Analysis:
    """Analyse captures on a cluster. See `tcptrace_py.analyze`; the result is the same.

    The checkpoint is removed with the result, unless who calls this `keeps_checkpoint`, until `Where.forget`.

    Raises UsageError where the cluster or its folder cannot be used, CaptureError where nothing can be read, or a stage failed.
    """
    with where.engine(tell) as engine:
        the_plan = planned(paths, where, engine)
        with _folder(where) as folder:
            work = Work(folder, the_plan.partitions, selection, profiles, idle_s, check_checksums, keep_rows, slowest, 0, memory_mb)
            running = Run(the_plan, engine, work)
            if where.checkpoint is not None:
                checkpoint = Checkpoint(folder)
                running.remember(checkpoint.begin(the_plan, work), checkpoint.done)
            try:
                analysis = running.analysis()
            except NotSharedError:
                analysis = run(
                    paths, selection=selection, profiles=profiles, idle_s=idle_s, check_checksums=check_checksums,
                    keep_rows=keep_rows, slowest=slowest, memory_mb=memory_mb,
                )  # fmt: skip
            # The connections are read from there, as often as one likes.
            if where.checkpoint is None or not keeps_checkpoint:
                weakref.finalize(analysis.connections, _remove, folder, all_of_it=where.checkpoint is None)
            return analysis


@contextmanager
def _folder(where: Where) -> Iterator[Folder]:
    """The folder of a run's files; gone behind an error, but for a checkpoint."""
    checkpoint = where.checkpoint
    folder = Folder(checkpoint) if checkpoint is not None else Folder(where.scratch or gettempdir()).new_inner("tcpstates")
    folder.make()
    try:
        yield folder
    except BaseException:
        if checkpoint is None:
            _remove(folder, all_of_it=True)
        raise


def _remove(folder: Folder, *, all_of_it: bool) -> None:
    """Remove a run's files: of a folder that the user named, only what has such a name."""
    with suppress(CaptureError):
        folder.remove(None if all_of_it else OURS)


def on_cluster(
    paths: Sequence[str],
    cluster: Any,
    jobs: int | None,
    scratch: str | None,
    checkpoint: str | None,
    *,
    selection: Selection | None,
    profiles: Profiles | None,
    **how: Any,
) -> Analysis:
    """The same for `tcptrace_py.analyze`."""
    from tcptrace_py.model.profiles import Profiles  # noqa: PLC0415
    from tcptrace_py.model.selection import Selection  # noqa: PLC0415

    workers = jobs if isinstance(cluster, str) and cluster == LOCAL else None
    where = Where(cluster, workers, scratch, checkpoint)
    return analyze(paths, where, selection=selection or Selection(), profiles=profiles or Profiles(), **how)


def in_words(the_plan: Plan, where: Where, workers: int) -> list[str]:
    """What a run would do, for people: `--dry-run`. The lines may hold names from outside."""
    from tcptrace_py.model.urls import shown  # noqa: PLC0415

    shuffle_mb = the_plan.packets * ROW_BYTES / 1e6
    place = where.checkpoint or where.scratch or "the temporary folder of this machine"
    largest = max((span.captured_bytes for span in the_plan.ranges), default=0)
    decoding_mb = (2 * HELD_BYTES + SEGMENTS_BYTES) / 1e6
    return [
        f"files        {len(the_plan.heads):,}, {sum(head.size_bytes for head in the_plan.heads) / 1e6:,.1f} MB as they are stored",
        f"frames       {the_plan.packets:,}, {the_plan.captured_bytes / 1e6:,.1f} MB captured",
        f"workers      {workers}",
        f"ranges       {len(the_plan.ranges):,} to decode, the largest with {largest / 1e6:,.1f} MB",
        f"partitions   {the_plan.partitions} of four-tuples to replay",
        f"scratch      some {shuffle_mb:,.1f} MB in {shown(place)} ({ROW_BYTES} bytes for each segment);",
        "             as much for each connection, and rows where they are kept",
        f"memory       of a worker: {decoding_mb:,.0f} MB to decode; to replay, some {OPEN_BYTES:,} bytes for each connection that is open",
        f"             at once in a partition, which holds about 1 in {the_plan.partitions} of all",
        *(f"problem      {row.explanation}" for row in the_plan.problems.rows()),
    ]
