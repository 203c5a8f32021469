"""A command that is ended by SIGTERM or SIGHUP dies of it, and leaves nothing half written behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tcptrace_py.cli import main

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "three-way-handshake.pcap"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

HALF_WRITTEN = """
import os, sys, time
from tcptrace_py.cli import main

def wait(*_files):
    print("half written", flush=True)
    time.sleep(60)

os.replace = wait
main.run()
"""
IGNORING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN);" + HALF_WRITTEN.replace("time.sleep(60)", "time.sleep(0.5)")


def started(*args: str, code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["analyze", "extract"])
def test_no_part_of_a_file_stays(command: str, number: int, tmp_path: Path) -> None:
    with started(command, str(SAMPLE), "-o", str(tmp_path / "out"), code=HALF_WRITTEN) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half written\n"
        assert [path.name == "out" for path in tmp_path.iterdir()] == [False]
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == -number
    assert (out, err) == ("", "")
    assert list(tmp_path.iterdir()) == []


ENDLESS = "SELECT max(a.i * b.i % (c.i + 1)) FROM range(1000000) a(i), range(1000000) b(i), range(1000000) c(i)"
SAYS_WHEN = """
from tcptrace_py.checks import sql
from tcptrace_py.cli import main

execute = sql.execute

def told(database, statement):
    print("begun", flush=True)
    return execute(database, statement)

sql.execute = told
main.run()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_statement_does_not_keep_a_command_alive(number: int, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    with started("query", str(SAMPLE), ENDLESS, code=SAYS_WHEN, TMPDIR=str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.5)  # now it is amid the statement
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()  # else it would be waited for
    assert process.returncode == -number
    assert (out, err) == ("", "")
    assert list(tmp_path.iterdir()) == []


def _open_files(number: int) -> str:
    found = []
    for entry in Path(f"/proc/{number}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.append(str(entry.readlink()))
    return " ".join(found)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc of Linux")
def test_no_copy_of_standard_input_stays(tmp_path: Path) -> None:
    code = "import sys; from tcptrace_py.cli import main; main.run()"
    with started("extract", "-", "-o", str(tmp_path / "out.pcap"), code=code, TMPDIR=str(tmp_path)) as process:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
        while str(tmp_path) not in _open_files(process.pid):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_what_ignores_the_signal_goes_on(tmp_path: Path) -> None:
    with started("analyze", str(SAMPLE), "-o", str(tmp_path / "out.json"), code=IGNORING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half written\n"
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=20)
    assert process.returncode == 0


INTERRUPTED = """
import os, signal, sys
from tcptrace_py.cli import main

replace, when = os.replace, sys.argv.pop()

def interrupted(*files):
    if when == "before":
        os.kill(os.getpid(), signal.SIGINT)
    replace(*files)
    if when == "after":
        os.kill(os.getpid(), signal.SIGINT)

os.replace = interrupted
main.run()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_where_a_file_is_put_in_place_the_exit_code_speaks_of_it(when: str, tmp_path: Path) -> None:
    with started("analyze", str(SAMPLE), "-o", str(tmp_path / "out.json"), when, code=INTERRUPTED) as process:
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_whoever_calls_it_hears_ctrl_c_afterwards(tmp_path: Path) -> None:
    assert main.main(["analyze", str(SAMPLE), "-o", str(tmp_path / "out.json")]) == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
