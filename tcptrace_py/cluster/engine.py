"""Tasks on Dask Distributed: submitted, watched, tried again."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.model.errors import CaptureError, TcpstatesError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Tell = Callable[["Progress"], None]

LOCAL = "local"
INSTALL = "pip install 'tcptrace-py[cluster]'"
CONNECT_S = 30  # to wait for a scheduler, and for its first worker
LOGS_NOTHING = 100  # level, beyond all
RETRIES = 2  # of a task that raised an error; one whose worker died is tried again by Dask's own rule (`allowed-failures`)


class Progress(NamedTuple):
    """How far a stage is that has run for so many seconds. Bytes are 0 where the number of tasks is all that tells."""

    stage: str
    tasks: int
    tasks_in_all: int
    size_bytes: int
    bytes_in_all: int
    elapsed_s: float


class DaskEngine:
    """Carries tasks out on the workers of a `distributed.Client` (`pipeline.distributed.Engine`); `tell` is called with the progress."""

    def __init__(self, client: Any, tell: Tell | None = None) -> None:
        self._client = client
        self._tell = tell or (lambda _progress: None)
        self._stages: dict[str, str] = {}  # by the task's key
        _same_version(client)

    @property
    def workers(self) -> int:
        """How many there are, each thread of a worker counted."""
        threads: dict[str, int] = self._client.nthreads()
        return max(sum(threads.values()), 1)

    def submit(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """See `Engine`."""
        future = self._client.submit(function, *arguments, pure=False, retries=RETRIES)
        self._stages[future.key] = stage
        return future

    def results(self, handles: Sequence[Any], sizes: Sequence[int] = ()) -> Iterator[tuple[int, Any]]:
        """See `Engine`. Raises CaptureError for a task that no worker survives."""
        from distributed import as_completed  # noqa: PLC0415 - an extra

        if not handles:
            return
        places = {future.key: at for at, future in enumerate(handles)}
        stage, start_s = self._stages[handles[0].key], time.monotonic()
        size_bytes, bytes_in_all = 0, sum(sizes)
        self._tell(Progress(stage, 0, len(handles), 0, bytes_in_all, 0.0))
        for done, future in enumerate(as_completed(handles), 1):
            result, place = self._result(future, stage), places[future.key]
            size_bytes += sizes[place] if sizes else 0
            self._tell(Progress(stage, done, len(handles), size_bytes, bytes_in_all, time.monotonic() - start_s))
            yield place, result

    def _result(self, future: Any, stage: str) -> Any:
        from distributed import KilledWorker  # noqa: PLC0415
        from distributed.comm.core import CommClosedError  # noqa: PLC0415

        try:
            return future.result()
        except TcpstatesError:
            raise
        except KilledWorker as error:
            raise CaptureError(
                f"the workers that were to {stage} died, one after the other ({error.allowed_failures + 1} of them): of too little memory, "
                "perhaps; more --partitions take less each"
            ) from None
        except (CommClosedError, TimeoutError) as error:
            raise CaptureError(f"the cluster is gone: {error}") from None

    def forget(self, handle: Any) -> None:
        """See `Engine`."""
        self._stages.pop(handle.key, None)
        handle.release()


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[Any]:
    """A client of the cluster at an address; for LOCAL of one that is started here and ends with this.

    Raises UsageError where there is none.
    """
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415
        from distributed.security import Security  # noqa: PLC0415
    except ImportError:
        raise UsageError(f"--cluster needs Dask: {INSTALL}") from None
    if address == LOCAL:
        with TemporaryDirectory(prefix="tcpstates-") as place:  # Dask keeps some files there
            with _unheard_ctrl_c():
                cluster = LocalCluster(
                    n_workers=workers or _processors(),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    local_directory=place,
                    silence_logs=LOGS_NOTHING,
                )
            with cluster, Client(cluster) as client:
                yield client
        return
    security = Security() if address.startswith("tls:") else None  # certificates and keys as Dask's settings say
    try:
        client = Client(address, security=security, timeout=CONNECT_S)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"there is no Dask scheduler at {address}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError:
            raise UsageError(f"the scheduler at {address} has no workers") from None
        yield client


@contextmanager
def _unheard_ctrl_c() -> Iterator[None]:
    """Processes that are started within this never hear of Ctrl-C, of which a terminal tells all: who started them ends them."""
    import signal  # noqa: PLC0415
    from multiprocessing import resource_tracker  # noqa: PLC0415

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # the first process that is started would start it, and let its thread hear of signals then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _processors() -> int:
    import os  # noqa: PLC0415

    with suppress(AttributeError):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _version() -> str:
    from tcptrace_py import __version__  # noqa: PLC0415 - on the worker

    return __version__


def _same_version(client: Any) -> None:
    """Raise UsageError where some worker has another version of this package, or none."""
    for where, found in client.run(_version, on_error="return").items():
        if found != _version():
            said = f"has version {found}" if isinstance(found, str) else f"cannot import tcptrace_py ({found})"
            raise UsageError(f"the worker at {where} {said}, and this is version {_version()}: all need the same")
