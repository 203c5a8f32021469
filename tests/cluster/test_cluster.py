"""Analyses on a real Dask cluster on this machine: the same documents, whatever dies on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.api import analyze
from tcptrace_py.cli.main import main
from tcptrace_py.cluster import analysis
from tcptrace_py.cluster.engine import DaskEngine
from tcptrace_py.model.errors import CaptureError, UsageError
from tcptrace_py.outputs.document import document
from tests.captures import CAPTURES, SAMPLES, as_overlapping, as_rotated, in_files, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcptrace_py.api import Result

if find_spec("distributed") is None:
    pytest.skip("Dask is not installed", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timed]  # workers that hear nothing for long are given up

FRAMES = 1500
STAGES = ("heads", "decode", "replay", "exchange", "sums", "conclude")
COMMANDS = (
    ["analyze"], ["analyze", "--format", "jsonl"], ["analyze", "--show", "teardowns"], ["time-wait"],
    ["check", "--forbid", "rst"],
    ["query", "SELECT count(*), sum(client_packets) FROM connections"],
)  # fmt: skip


@pytest.fixture(scope="module", params=(1, 2, 3))
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of a cluster with so many workers."""
    yield from cluster_of(request.param)


@pytest.fixture(scope="module")
def two() -> Iterator[Any]:
    """A client of a cluster with two workers."""
    yield from cluster_of(2)


def cluster_of(workers: int, **settings: Any) -> Iterator[Any]:
    distributed = import_module("distributed")  # half a second, which only these tests need

    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50, **settings
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def capture(tmp_path: Path) -> list[str]:
    """A capture of some seconds in twenty files, cut at random packets."""
    found = [row for row in rows(SAMPLES / "recorded-pile-up-on-a-server.pcap.xz") if row[3] == 1][:FRAMES]
    return [str(path) for path in in_files(found, tmp_path / "set", 20, random.Random(7))]


def said(result: Result) -> dict[str, Any]:
    return document(result)


def run(*args: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tcptrace_py", *args], capture_output=True, text=True, timeout=300, check=False, **settings
    )


class Hindered(DaskEngine):
    """An engine that does something else in the place of the first task of a stage."""

    instead: tuple[str, Callable[..., Any]] = ("", lambda: None)

    def submit(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        named, instead = Hindered.instead
        if stage == named:
            Hindered.instead = ("", instead)
            function = partial(instead, function)
        return super().submit(stage, function, *arguments)


def hinder(monkeypatch: pytest.MonkeyPatch, stage: str, instead: Callable[..., Any]) -> None:
    monkeypatch.setattr(Hindered, "instead", (stage, instead))
    monkeypatch.setattr(analysis, "DaskEngine", Hindered)


def die_once(flag: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Carry a function out; the first time the process dies behind it, so that its files are there."""
    result = function(*arguments)
    if not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return result


def fail_once(flag: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Raise an error the first time."""
    if not Path(flag).exists():
        Path(flag).touch()
        raise OSError("the disk was away for a moment")
    return function(*arguments)


def die(_function: Callable[..., Any], *_arguments: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_any_number_of_workers_says_the_same(client: Any, capture: list[str], tmp_path: Path) -> None:
    overlapping = [str(path) for path in as_overlapping(rows(SAMPLES / "vlan.pcap"), tmp_path / "over")]
    rotated = [str(path) for path in as_rotated(rows(SAMPLES / "recorded-pile-up-on-a-server.pcap.xz")[:2000], tmp_path / "turn")]
    every = [str(path) for path in CAPTURES if "wireless" not in path.name]
    for paths, keep_rows in ((capture, True), (capture, False), (overlapping, True), (rotated, False), (every, True)):
        result = analyze(paths, cluster=client, scratch=str(tmp_path), keep_rows=keep_rows)
        assert said(result) == said(analyze(paths, keep_rows=keep_rows))
        del result
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tcpstates")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_commands_print_the_same(command: list[str], tmp_path: Path, capture: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    name, *options = command
    paths = [*capture, *(option for option in options if name == "query")]
    options = [] if name == "query" else options
    one, other = run(name, *paths, *options), run(name, *paths, *options, "--cluster", "local", "--jobs", "2", "--range", "1")
    assert (other.returncode, other.stdout, other.stderr) == (one.returncode, one.stdout, one.stderr)
    assert one.stdout
    assert not list(tmp_path.glob("tcpstates-*"))


def test_two_captures_are_compared_on_a_cluster() -> None:
    paths = [str(SAMPLES / name) for name in ("server-closes-first.pcap", "syn-refused.pcap")]
    one, other = run("diff", *paths), run("diff", *paths, "--cluster", "local", "--jobs", "1")
    assert (other.returncode, other.stdout) == (one.returncode, one.stdout)


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_dies_is_done_without(
    stage: str, two: Any, capture: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hinder(monkeypatch, stage, partial(die_once, str(tmp_path / "died")))
    assert said(analyze(capture, cluster=two, scratch=str(tmp_path))) == said(analyze(capture))
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("stage", ["decode", "replay"])
def test_a_task_that_fails_is_tried_again(
    stage: str, two: Any, capture: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hinder(monkeypatch, stage, partial(fail_once, str(tmp_path / "failed")))
    assert said(analyze(capture, cluster=two, scratch=str(tmp_path))) == said(analyze(capture))
    assert (tmp_path / "failed").exists()


def test_a_task_that_no_worker_survives_is_named(two: Any, capture: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hinder(monkeypatch, "decode", die)
    monkeypatch.setattr(two.cluster.scheduler, "allowed_failures", 0)  # each worker that dies takes seconds to begin anew
    with pytest.raises(CaptureError, match="decode died"):
        analyze(capture, cluster=two, scratch=str(tmp_path))
    assert not list(tmp_path.glob("tcpstates-*"))


@pytest.mark.parametrize("change", [Path.unlink, lambda path: os.truncate(path, 200)], ids=["gone", "cut"])
def test_a_file_that_goes_away_is_a_named_problem(
    change: Callable[[Path], None], two: Any, capture: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Path(max(capture, key=os.path.getsize))

    class Late(DaskEngine):
        def submit(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
            if stage == "decode" and lost.exists() and lost.stat().st_size > 200:
                change(lost)
            return super().submit(stage, function, *arguments)

    monkeypatch.setattr(analysis, "DaskEngine", Late)
    whole = analyze(capture)
    result = analyze(capture, cluster=two, scratch=str(tmp_path))
    (problem,) = [problem for problem in result.capture.problems if problem.code == "read-error"]
    assert problem.damaged
    assert str(lost) in problem.explanation
    held = next(file.packets for file in whole.capture.files if file.path == str(lost))
    assert result.capture.packets == whole.capture.packets - held + (len(rows(lost)) if lost.exists() else 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a file system that is full")
def test_a_full_scratch_disk_is_named(two: Any, capture: list[str], tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(CaptureError, match=r"scratch files at .*small.*: no space left on device") as error:
            analyze(capture, cluster=two, scratch=str(small))
        assert not list(small.iterdir()), error
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_driver_that_was_killed_goes_on_from_its_checkpoint(capture: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    command = [sys.executable, "-m", "tcptrace_py", "analyze", *capture, "--cluster", "local", "--jobs", "1"]
    command += ["--checkpoint", str(folder), "--format", "json", "--range", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until(lambda: any(folder.glob("decoded-*.json")))
        process.kill()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("segments-*")}
    assert kept
    plan = run(*command[3:])
    assert (plan.returncode, plan.stdout) == (0, run("analyze", *capture, "--format", "json").stdout)
    assert not folder.exists()  # all is done


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")


def fails_to_print(*command: str) -> None:
    with Path("/dev/full").open("w") as full:
        args = [sys.executable, "-m", "tcptrace_py", *command]
        failed = subprocess.run(args, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert (failed.returncode, failed.stderr) == (2, "tcpstates: cannot write: No space left on device\n")


@needs_full
def test_a_checkpoint_stays_until_the_output_is_written(capture: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    command = ["analyze", *capture, "--cluster", "local", "--jobs", "1", "--checkpoint", str(folder), "--format", "json"]
    fails_to_print(*command)
    assert list(folder.glob("decoded-*.json"))
    assert (run(*command).stdout, folder.exists()) == (run("analyze", *capture, "--format", "json").stdout, False)


@needs_full
def test_two_captures_that_are_compared_have_a_checkpoint_each(tmp_path: Path) -> None:
    paths, folder = [str(SAMPLES / name) for name in ("server-closes-first.pcap", "syn-refused.pcap")], tmp_path / "checkpoint"
    command = ["diff", *paths, "--cluster", "local", "--jobs", "1", "--checkpoint", str(folder)]
    fails_to_print(*command)
    assert len(list(folder.glob("capture-*/decoded-*.json"))) == 2
    one, other = run("diff", *paths), run(*command)
    assert (other.returncode, other.stdout) == (one.returncode, one.stdout)
    assert not folder.exists()


def until(is_so: Callable[[], bool], most_s: float = 60.0) -> None:
    end_s = time.monotonic() + most_s
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_ctrl_c_ends_it_and_nothing_is_left(capture: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-m", "tcptrace_py", "analyze", *capture, "--cluster", "local", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        until(lambda: any(tmp_path.glob("tcpstates-*")))
        os.killpg(process.pid, signal.SIGINT)
        out, said_then = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert said_then.strip().splitlines() == ["tcpstates: interrupted"]
    assert not list(tmp_path.glob("tcpstates-*"))
    until(lambda: not alive(process.pid))


def alive(session: int) -> bool:
    """Whether any process of a session is left."""
    found = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip())


def test_captures_and_scratch_files_in_s3(bucket: str, capture: list[str], tmp_path: Path) -> None:
    import s3fs

    system = s3fs.S3FileSystem()
    for path in capture:
        system.put_file(path, f"{bucket}/day/{Path(path).name}")
    one = said(analyze(f"s3://{bucket}/day/*.pcap"))
    for client in cluster_of(2):
        result = analyze(f"s3://{bucket}/day/*.pcap", cluster=client, scratch=f"s3://{bucket}/scratch")
        assert said(result) == one
        result.write_tables(tmp_path / "tables")
        del result
    assert not system.exists(f"{bucket}/scratch")


def test_a_capture_that_only_one_process_can_read_is_read_by_one(two: Any, tmp_path: Path) -> None:
    path = SAMPLES / "wireless.pcap"
    assert said(analyze(path, cluster=two, scratch=str(tmp_path))) == said(analyze(path))


def test_mistakes_are_named(two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(SAMPLES / "vlan.pcap")
    with pytest.raises(UsageError, match="a place that all of them reach"):
        analyze(one, cluster=two)
    with pytest.raises(UsageError, match="`each` cannot be called"):
        analyze(one, cluster=two, scratch=str(tmp_path), each=lambda _connection: None)
    for args, words in (
        ([one, "--scratch", str(tmp_path)], "--scratch goes with --cluster"),
        ([one, "--dry-run"], "--dry-run goes with --cluster"),
        ([one, "--range", "5"], "--range goes with --cluster"),
        (["-", "--cluster", "local"], "save it to a file first"),
        ([one, "--cluster", "local", "--partitions", "65"], "65 partitions: from 1 to 64"),
        ([one, "--cluster", "local", "--scratch", "a", "--checkpoint", "b"], "name one of both"),
        ([one, "--cluster", "tcp://127.0.0.1:1", "--jobs", "2", "--scratch", "a"], "goes with --cluster local"),
    ):
        assert main(["analyze", *args]) == 2
        assert words in capsys.readouterr().err


def test_a_worker_of_another_version_is_named(two: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcptrace_py.__version__", "7.7")
    with pytest.raises(UsageError, match=r"has version 0\..*this is version 7.7"):
        analyze(SAMPLES / "vlan.pcap", cluster=two, scratch=str(tmp_path))


def test_a_plan_says_what_would_be_done(capture: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", *capture, "--cluster", "local", "--jobs", "1", "--dry-run", "--range", "1", "--partitions", "7"]) == 0
    out = capsys.readouterr().out
    assert "files        20," in out
    assert f"frames       {FRAMES:,}," in out
    assert "partitions   7 of four-tuples" in out


def test_a_plan_obeys_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "red\x1b[31m\nfiles 1"
    folder.mkdir()
    (folder / "cut.pcap").write_bytes((SAMPLES / "cut-tail.pcap").read_bytes())
    assert main(["analyze", str(folder), "--cluster", "local", "--jobs", "1", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line.startswith("files 1")] == []


def test_a_cluster_with_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography", reason="cryptography makes the certificates")
    import dask

    security = import_module("distributed").Security.temporary()
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text({"ca": security.tls_ca_file, "cert": security.tls_client_cert, "key": security.tls_client_key}[name])
    names = {"ca-file": "ca", "client.cert": "cert", "client.key": "key"}
    settings = {f"distributed.comm.tls.{name}": str(tmp_path / file) for name, file in names.items()}
    for client in cluster_of(1, security=security):
        with dask.config.set(settings):
            result = analyze(SAMPLES / "vlan.pcap", cluster=client.cluster.scheduler_address, scratch=str(tmp_path))
        assert said(result) == said(analyze(SAMPLES / "vlan.pcap"))


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["analyze", str(SAMPLES / "vlan.pcap"), "--cluster", "local"]) == 2
    assert "pip install 'tcptrace-py[cluster]'" in capsys.readouterr().err
