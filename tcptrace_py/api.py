"""The Python API: `analyze` reads captures and says what every connection did, as typed objects."""

from __future__ import annotations

from dataclasses import dataclass, fields
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from .model.errors import UsageError
from .model.results import Analysis
from .model.vocabulary import Outcome, Pattern, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .model.profiles import Profiles
    from .model.results import Connection
    from .model.selection import Selection

    Path = str | PathLike[str]

LONGEST_S = 1_000_000_000  # of silence: beyond any capture, and well within 64 bits of nanoseconds


@dataclass(slots=True)
class Result(Analysis):
    """An `Analysis` with conveniences. Times and durations are integer nanoseconds, None is unknown.

    `connections` is a list, in order of first frame (`result.connections[0]`), that may be read back from a temporary
    file, so keep what you need rather than asking twice.
    """

    def __iter__(self) -> Iterator[Connection]:
        return iter(self.connections)

    def __len__(self) -> int:
        return self.summary.connections

    def __repr__(self) -> str:
        files = ", ".join(file.path for file in self.capture.files)
        outcomes = ", ".join(f"{count} {name}" for name, count in self.summary.outcomes.items() if count)
        return f"<Result {files}: connections {len(self)} ({outcomes}), capture problems {len(self.capture.problems)}>"

    def connection(self, connection_id: int) -> Connection:
        """Return the connection with this `id` (in order of first frames). Raises KeyError where there is none."""
        for connection in self.connections:
            if connection.id == connection_id:
                return connection
        raise KeyError(connection_id)

    def stream(self, number: int) -> Iterator[Connection]:
        """Yield connections with this `tcp.stream` of Wireshark: mostly one, more where Wireshark cuts less finely."""
        return (connection for connection in self.connections if connection.stream == number)

    def where(self, *, outcome: str | None = None, pattern: str | None = None) -> Iterator[Connection]:
        """Yield connections with this handshake outcome and this teardown pattern; None leaves the question open.

        Raises UsageError for a word that is no outcome or no pattern.
        """
        outcome, pattern = word(Outcome, outcome, "outcome"), word(Pattern, pattern, "pattern")
        return (
            connection
            for connection in self.connections
            if outcome in (None, connection.handshake.outcome) and pattern in (None, connection.teardown.pattern)
        )

    def to_document(self) -> dict[str, Any]:
        """Return the document of `--format json` as Python objects, all connections at once."""
        from .outputs.document import document  # noqa: PLC0415 - only who asks for a document pays for it

        return document(self)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The connections as a stream of Arrow, which DuckDB, polars, pandas and pyarrow read without a copy of each value.

        Its columns are those of the table `connections` of `tcpstates query`. Raises TypeError where they are not kept.
        """
        from .facts.fields import CONNECTIONS  # noqa: PLC0415 - only who asks for columns pays for them
        from .facts.store import Connections  # noqa: PLC0415

        if not isinstance(self.connections, Connections):
            raise TypeError("the connections of this result are not kept as columns")
        return CONNECTIONS.stream(self.connections.blocks).__arrow_c_stream__(requested_schema)

    def write_tables(self, folder: Path, *, force: bool = False, selection: Selection | None = None) -> None:
        """Write the tables as Parquet files into a folder, or to a URL, as `tcpstates analyze --tables` does; needs the extra `sql`.

        With `force`, tables that are there are replaced. `selection` is the one that it was analysed with, if there was one.

        Raises UsageError where they cannot or must not be written, TypeError where the connections are not kept.
        """
        from .dataset.writing import Target  # noqa: PLC0415 - asked for

        Target(fspath(folder), force=force).write(self, selection)

    @classmethod
    def from_tables(cls, folder: Path) -> Result:
        """The result that `write_tables` wrote. Raises CaptureError where there is none, and where it is damaged or of another version."""
        from .dataset.tables import Tables  # noqa: PLC0415 - asked for

        return cls.of(Tables(fspath(folder)).analysis())

    @classmethod
    def of(cls, analysis: Analysis) -> Result:
        """An analysis as a result."""
        return cls(**{field.name: getattr(analysis, field.name) for field in fields(analysis)})

    def to_arrow(self) -> Any:
        """Return the connections as a `pyarrow.Table`; needs pyarrow. See `__arrow_c_stream__`."""
        try:
            import pyarrow as pa  # noqa: PLC0415 - asked for
        except ImportError:
            raise UsageError("a table of Arrow needs pyarrow: pip install pyarrow") from None
        return pa.RecordBatchReader.from_stream(self).read_all()

    def to_dataframe(self) -> Any:
        """Return the connections as a `pandas.DataFrame`, with the columns of `to_arrow`; needs pandas and pyarrow.

        Raises UsageError without them.
        """
        try:
            import pandas  # noqa: F401, ICN001, PLC0415 - pyarrow's own message would not say what to install
        except ImportError:
            raise UsageError("a data frame needs pandas: pip install pandas pyarrow") from None
        return self.to_arrow().to_pandas()


def analyze(
    captures: Path | Sequence[Path],
    *,
    selection: Selection | None = None,
    profiles: Profiles | None = None,
    idle_s: float | None = None,
    check_checksums: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    keep_rows: bool = True,
    slowest: int = 5,
    each: Callable[[Connection], None] | None = None,
    jobs: int | None = 1,
    memory_mb: int | None = None,
    cluster: Any = None,
    scratch: str | None = None,
    checkpoint: str | None = None,
) -> Result:
    """Analyse captures (files, directories, URLs of them, "-" for standard input) as one, merged by time.

    `selection` chooses segments before the analysis, `profiles` says how long hosts stay in TIME_WAIT and which ports
    they use, `idle_s` ends connections that are silent for so long, `check_checksums` leaves out segments with a wrong
    TCP checksum. `progress` is called now and then with the bytes read so far and in total (None: unknown). Without
    `keep_rows` the result lists no connections, which is faster: it holds what adds up, and a `digest` with the `slowest`.
    `each` is called with every connection as it ends, before its `id` is known: for what adds up in less memory.
    `jobs` is how many processes to use, None what helps (on Linux, for large captures of short frames, where no rows
    are kept); the result is the same. They are forked: keep to 1 in a program that runs threads.
    `memory_mb` bounds what is kept in memory of connections that are over, by all processes together (of a cluster, by each
    worker): beyond it they go to a temporary file (None: 48); the result is the same.
    `cluster` is a `distributed.Client`, the address of a Dask scheduler, or "local" for `jobs` workers that are started here: the
    result is the same (docs/cluster.md). `scratch` or `checkpoint` is a folder or URL that all its workers reach. `progress` is not
    called then, and `each` cannot be.

    Raises CaptureError where no input could be read at all, UsageError for arguments that make no sense. Damage within
    a capture raises nothing: it stands in `result.capture.problems`. After KeyboardInterrupt the result holds what
    was analysed so far, and its `interrupted` is True; connections that could not be judged within a fifth of a second then are
    in none of its numbers (problem `passed-over`).
    """
    from .pipeline import run  # noqa: PLC0415 - the machinery is loaded when it is used

    if jobs is not None and jobs < 1:
        raise UsageError(f"{jobs} jobs: one at least")
    if memory_mb is not None and memory_mb < 0:
        raise UsageError(f"{memory_mb} MB of memory: 0 at least")
    if idle_s is not None and not 0 < idle_s <= LONGEST_S:
        raise UsageError(f"idle time of {idle_s} s: above 0, and {LONGEST_S:,} s at most")
    paths = [captures] if isinstance(captures, str | PathLike) else list(captures)
    if cluster is not None:
        if each is not None:
            raise UsageError("connections of an analysis on a cluster end elsewhere: `each` cannot be called with them")
        from .cluster.analysis import on_cluster  # noqa: PLC0415 - an extra

        return Result.of(
            on_cluster(
                [fspath(path) for path in paths],
                cluster, jobs, scratch, checkpoint,
                selection=selection, profiles=profiles, idle_s=idle_s, check_checksums=check_checksums, keep_rows=keep_rows,
                slowest=slowest, memory_mb=memory_mb,
            )
        )  # fmt: skip
    analysis = run(
        [fspath(path) for path in paths],
        selection=selection,
        profiles=profiles,
        idle_s=idle_s,
        check_checksums=check_checksums,
        progress=progress,
        keep_rows=keep_rows,
        slowest=slowest,
        each=each,
        jobs=jobs,
        memory_mb=memory_mb,
    )
    return Result.of(analysis)
