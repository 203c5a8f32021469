"""Every command where something comes between: Ctrl-C, full disks, closed pipes, files that cannot be read, no shared memory.

It ends with the documented exit code, within a second (of the processor's time: the machine may be busy), prints what is
known, and leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import _compiled
from tests.fuzz.hostile import ACK, FIN, PSH, RST, SCENARIOS, Row, capture, handshake
from tests.fuzz.trial import random_for
from tests.hostile import generators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
SMALL = SAMPLES / "close-wait-never-closes.pcap"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and /proc of Linux")
UNCACHED = {"PYTHONDONTWRITEBYTECODE": "1"}  # where files may not be whole: Python would leave half a module for whoever comes next
WITHIN_S = 1.0
LONG_S = 120
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24

WAYS = {
    "analyze": ("analyze", "IN"),
    "time-wait": ("time-wait", "IN"),
    "explain": ("explain", "IN", "0"),
    "check": ("check", "IN", "--max-handshake", "10s"),
    "query": ("query", "IN", "select count(*) from connections"),
    "diff": ("diff", "IN", str(SMALL)),
    "diff --same-traffic": ("diff", str(SMALL), "IN", "--same-traffic"),
    "extract": ("extract", "IN"),
}
FINISHED = {0, 1}  # what a command says that came to its end: a check may have failed


@pytest.fixture(scope="module", name="large")
def _large(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("large") / "large.pcap"
    path.write_bytes(capture(SCENARIOS["tuple reused"](20_000)))
    return str(path)


@pytest.fixture(scope="module", name="flood")
def _flood(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("flood") / "flood.pcap"
    path.write_bytes(capture(SCENARIOS["syn flood"](600_000 if _compiled() else 60_000)))
    return str(path)


@pytest.fixture(scope="module", name="irregular")
def _irregular(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("irregular") / "irregular.pcap"
    path.write_bytes(capture(_irregular_connections(100_000 if _compiled() else 10_000)))
    return str(path)


def _irregular_connections(count: int) -> Iterator[Row]:
    """One behind the other: what was sent again and what was lost differs in each, and half of them end."""
    rng = random_for("irregular")
    for number in range(count):
        at_s, sent = number / 500, 1
        yield from handshake(number, at_s)
        for piece in range(rng.randint(1, 6)):
            data = Row(at_s + 0.1 + piece / 100, True, PSH | ACK, sent, 1, rng.randint(1, 1000), tuple_number=number)
            yield from [data] * rng.choice((0, 1, 1, 1, 2, 3))
            sent += data.payload
        if rng.random() < 0.5:
            yield Row(at_s + 0.3, rng.random() < 0.5, rng.choice((RST, FIN | ACK)), sent, 1, tuple_number=number)


@pytest.fixture(autouse=True)
def _without_duckdb(request: pytest.FixtureRequest) -> None:
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("way") == "query":
        pytest.importorskip("duckdb")


def words(way: str, read: str, *more: str) -> list[str]:
    return [*(read if word == "IN" else word for word in WAYS[way]), *more]


def start(args: list[str], folder: Path, **how: Any) -> subprocess.Popen[bytes]:
    (folder / "scratch").mkdir(exist_ok=True)
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.Popen(
        [sys.executable, "-m", "tcptrace_py", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "scratch"), **(UNCACHED if "preexec_fn" in how else {})},
        **how,
    )


def finish(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=LONG_S)
    assert b"Traceback" not in err, err.decode(errors="replace")
    # Where Ctrl-C came amid an `eval` (a dataclass of a module that is imported), Python ends itself by the signal: 130 as well.
    code = 130 if process.returncode == -signal.SIGINT and b"interrupted" in err else process.returncode
    return code, out or b"", err or b""


def run(args: list[str], folder: Path, **how: Any) -> tuple[int, bytes, bytes]:
    return finish(start(args, folder, **how))


def used_s(number: int) -> float:
    """Seconds of the processor that a process has used; inf where it has ended."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("inf")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def interrupt(process: subprocess.Popen[bytes], within_s: float = WITHIN_S) -> tuple[int, bytes, bytes]:
    """Send Ctrl-C; the process must end before it has used another second."""
    before_s = used_s(process.pid)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    longest_s = 0.0
    while process.poll() is None and longest_s < 10:
        now_s = used_s(process.pid)
        longest_s = longest_s if now_s == float("inf") else max(longest_s, now_s - before_s)
        time.sleep(0.01)
    if longest_s >= within_s:
        process.kill()
    result = finish(process)
    assert longest_s < within_s, result
    return result


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")} - {"scratch"}


# Ctrl-C.


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_while_a_pipe_is_waited_for(way: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    more = ("-o", "-") if way == "extract" else ()
    process = start(words(way, "-", *more), tmp_path, stdin=reading)
    os.write(writing, SMALL.read_bytes())
    _wait_until_read(reading, process)
    code, out, err = interrupt(process)
    os.close(reading)
    os.close(writing)
    assert code == 130, err
    assert b"interrupted" in err
    known = {
        "analyze": b"3 connections",
        "time-wait": b"3 connections",
        "explain": b"CLOSE_WAIT",
        "check": b"TS101",
        "query": b"3",
        "extract": SMALL.read_bytes()[:24],
    }
    if way in known:  # of a comparison with a part nothing is known
        assert known[way] in out
    assert left(tmp_path) == set()


def _wait_until_read(reading: int, process: subprocess.Popen[bytes]) -> None:
    import fcntl
    import termios

    while int.from_bytes(fcntl.ioctl(reading, termios.FIONREAD, bytes(4)), sys.byteorder):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)  # what was read is taken apart


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nobody", "a few bytes"])
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_before_there_is_a_capture(way: str, name: str, tmp_path: Path) -> None:
    """A FIFO that nobody writes to, or that has given less than a file header."""
    os.mkfifo(tmp_path / "fifo")
    more = ("-o", "out.pcap") if way == "extract" else ()
    process = start(words(way, "fifo", *more), tmp_path)
    keep = None
    if name == "a few bytes":
        keep = os.open(tmp_path / "fifo", os.O_WRONLY)
        os.write(keep, SMALL.read_bytes()[:10])
    _settle(process)
    code, out, err = interrupt(process)
    if keep is not None:
        os.close(keep)
    assert (code, out) == (130, b""), err
    assert b"interrupted" in err
    assert left(tmp_path) == {"fifo"}


def _settle(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process does nothing any more but wait."""
    before_s, quiet = -1.0, 0
    while quiet < 8:
        assert process.poll() is None, process.communicate()
        now_s = used_s(process.pid)
        quiet = quiet + 1 if now_s == before_s and now_s > 0.1 else 0
        before_s = now_s
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_at_any_moment(way: str, large: str, tmp_path: Path) -> None:
    """In all there is to do: reading, reading again, writing. A file that was there is as it was, or new and whole."""
    rng = random_for(f"ctrl-c {way}")
    out = tmp_path / "out"
    args = words(way, large, "-o", str(out))
    process = start(args, tmp_path)
    whole_s = _used_in_all(process)
    whole = out.read_bytes()
    codes: list[int] = []
    for _ in range(6):
        out.write_bytes(b"old")
        process = start(args, tmp_path)
        moment_s = rng.uniform(0.25, 1) * whole_s
        while process.poll() is None and used_s(process.pid) < moment_s:
            time.sleep(0.005)
        code, _, err = interrupt(process)
        codes.append(code)
        assert code in {*FINISHED, 130}, err
        assert left(tmp_path) == {"out"}
        content = out.read_bytes()
        if code in FINISHED:
            assert content == whole
        else:
            assert content == b"old" or len(content) > 20
            assert b"interrupted" in err
    assert 130 in codes


DOCUMENTS = {f"analyze as {form}": ("analyze", "IN", "--format", form) for form in ("json", "csv", "jsonl")}


@pytest.mark.slow
@pytest.mark.parametrize("way", [*WAYS, *DOCUMENTS])
@pytest.mark.parametrize("kind", ["flood", "irregular"])
def test_ctrl_c_ends_the_analysis_of_a_large_capture_within_a_second(
    way: str, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What cannot be concluded and written in that time is passed over, and that is said.

    The interpreted form takes half a second alone for the block of frames that it is at.
    """
    args = [request.getfixturevalue(kind) if word == "IN" else word for word in (WAYS | DOCUMENTS)[way]]
    process = start([*args, "-o", "out"], tmp_path)
    moment_s = random_for(f"answer {way} {kind}").uniform(0.7, 1.5)
    while process.poll() is None and used_s(process.pid) < moment_s:
        time.sleep(0.005)
    assert process.poll() is None, "it ended before Ctrl-C came"
    code, _, said = interrupt(process, WITHIN_S if _compiled() else 2 * WITHIN_S)
    assert code == 130, said
    assert b"interrupted" in said
    assert left(tmp_path) in (set(), {"out"})
    if way in DOCUMENTS:
        written = (tmp_path / "out").read_text()
        if way == "analyze as json":
            assert json.loads(written)["interrupted"]
        elif way == "analyze as jsonl":
            assert [json.loads(line) for line in written.splitlines()][-1]["interrupted"]
        else:
            assert len({line.count(",") for line in written.splitlines()}) == 1


def _used_in_all(process: subprocess.Popen[bytes]) -> float:
    most_s = 0.0
    while process.poll() is None:
        now_s = used_s(process.pid)
        most_s = most_s if now_s == float("inf") else max(now_s, most_s)
        time.sleep(0.01)
    assert process.returncode in FINISHED, process.communicate()
    process.communicate()
    return most_s


# Outputs that take no more.


@pytest.mark.parametrize("way", WAYS)
def test_full_standard_output(way: str, tmp_path: Path) -> None:
    more = ("-o", "-") if way == "extract" else ()
    with Path("/dev/full").open("wb") as full:
        code, _, err = run(words(way, str(SMALL), *more), tmp_path, stdout=full)
    assert code == 2
    assert b"cannot write" in err
    assert b"No space left on device" in err
    assert left(tmp_path) == set()


def _no_more_than(size_bytes: int) -> Callable[[], None]:
    """A disk that is full after so many bytes of each file."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_full_disk(way: str, there: bool, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if there:
        out.write_bytes(b"old")
    code, _, err = run(words(way, str(SMALL), "-o", "out"), tmp_path, preexec_fn=_no_more_than(5))
    assert code == 2, err
    assert b"cannot write" in err
    assert left(tmp_path) == ({"out"} if there else set())
    assert not there or out.read_bytes() == b"old"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["explain", "diff --same-traffic", "extract"])
def test_no_room_for_what_is_read_twice(way: str, tmp_path: Path) -> None:
    more = ("-o", "-") if way == "extract" else ()
    with SMALL.open("rb") as stdin:
        code, out, err = run(words(way, "-", *more), tmp_path, stdin=stdin, preexec_fn=_no_more_than(100))
    assert (code, out) == (2, b"")
    assert b"TMPDIR" in err
    assert left(tmp_path) == set()


@pytest.mark.slow
def test_no_room_for_what_several_processes_share(tmp_path: Path) -> None:
    """One error, and no traceback of a process that nobody asked for."""
    path = tmp_path / "half-open.pcap"
    path.write_bytes(generators.capture("half open", 20_000))
    code, out, err = run(
        ["analyze", str(path), "--format", "csv", "--jobs", "2", "--memory", "0"], tmp_path, preexec_fn=_no_more_than(2_000)
    )
    assert (code, out) == (2, b"")
    assert err.count(b"no temporary file") == 1
    assert b"Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_reader_that_leaves(way: str, tmp_path: Path) -> None:
    more = ("-o", "-") if way == "extract" else ()
    reading, writing = os.pipe()
    os.close(reading)
    code, _, err = run(words(way, str(SMALL), *more), tmp_path, stdout=writing)
    os.close(writing)
    assert code in FINISHED
    assert b"Broken pipe" not in err
    assert left(tmp_path) == set()


# Inputs that give nothing.


def _no_privileges() -> None:
    """Root as anybody else: what may not be read cannot be."""
    prctl = ctypes.CDLL(None).prctl
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mode", "missing", "folder", "empty", "text"])
@pytest.mark.parametrize("way", WAYS)
def test_inputs_that_cannot_be_read(way: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    if kind == "mode":
        shutil.copy(SMALL, path)
        path.chmod(0)
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("" if kind == "empty" else "no capture\n" * 100)
    before = left(tmp_path)
    code, out, err = run(words(way, "in.pcap", "-o", "out"), tmp_path, preexec_fn=_no_privileges)
    assert (code, out) == (2, b""), err
    assert b"in.pcap" in err
    assert left(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith("diff")])
def test_one_of_two_that_cannot_be_read(way: str, tmp_path: Path) -> None:
    first, *rest = words(way, str(SMALL), "-o", "out")
    code, _, err = run([first, "missing.pcap", *rest], tmp_path)
    assert code == 3, err
    assert b"missing.pcap" in err
    assert left(tmp_path) == {"out"}


# No shared memory.


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
@pytest.mark.parametrize("way", [*WAYS, "analyze --jobs 2"])
def test_without_shared_memory(way: str, large: str, tmp_path: Path) -> None:
    """As in containers that have no /dev/shm, or one that nobody may write to."""
    plain = way.removesuffix(" --jobs 2")
    more = ("--jobs", "2") if plain != way else ()
    args = words(plain, large, "-o", "-", *more)
    process = subprocess.run(
        ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh", sys.executable, "-m", "tcptrace_py", *args],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=LONG_S,
        check=False,
    )
    if b"unshare" in process.stderr or b"mount" in process.stderr:
        pytest.skip("no mount namespaces here")
    assert process.returncode in FINISHED, process.stderr
    assert process.stdout
