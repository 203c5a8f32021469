"""Inputs by name, and streams that are read more than once."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tcptrace_py.capture import kept as keeping
from tcptrace_py.capture import open_captures
from tcptrace_py.capture.opening import descriptor_of, keep_streams, open_source, refuse_twice
from tcptrace_py.capture.source import PipeSource
from tcptrace_py.model.errors import CaptureError, UsageError
from tcptrace_py.model.problems import Problems
from tcptrace_py.pipeline import run

SAMPLE = Path(__file__).parents[2] / "samples" / "half-close.pcap"
CONTENT = SAMPLE.read_bytes()
pytestmark = pytest.mark.skipif(os.name != "posix", reason="FIFOs of POSIX")


def frames(path: str) -> list[int]:
    return [time for block in open_captures([path], Problems()).blocks() for time in block.time_ns[: block.count]]


@pytest.fixture
def fifo(tmp_path: Path) -> Any:
    """The name of a FIFO that gives the sample, once."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(CONTENT,), daemon=True)
    writer.start()
    yield str(path)
    writer.join(10)


def test_a_fifo_can_be_read_as_often_as_one_likes_where_it_is_kept(fifo: str) -> None:
    whole = frames(str(SAMPLE))
    with keep_streams() as kept:
        assert not kept
        assert open_source(fifo).refill(b"", 10)[:4] == CONTENT[:4]  # somebody has a look at it
        assert [frames(fifo) for _ in range(3)] == [whole] * 3
        assert kept


def test_standard_input_can_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(CONTENT)))
    with keep_streams():
        assert frames("-") == frames("-") == frames(str(SAMPLE))


def test_what_is_kept_is_let_go(fifo: str) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with keep_streams():
        frames(fifo)
        assert len(list(Path("/dev/fd").iterdir())) > before
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("bytes_before", [30, 700, 1000])
def test_where_it_was_ended_it_ends_for_every_reader(bytes_before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(PipeSource):
        def give(self, most_bytes: int) -> bytes:
            if self.done_bytes >= bytes_before:
                raise KeyboardInterrupt
            self.done_bytes += bytes_before
            return CONTENT[:bytes_before]

    stream = keeping.KeptStream(Stream(None))
    first = keeping.KeptSource(stream)
    assert first.refill(b"", 4096) == CONTENT[:bytes_before]
    assert first.interrupted
    again = keeping.KeptSource(stream)
    assert again.refill(b"", 4096) == CONTENT[:bytes_before]
    assert not again.interrupted
    assert again.size_bytes == bytes_before
    stream.close()


def test_a_copy_that_cannot_be_written_says_where_it_is(fifo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "TemporaryFile", lambda **_how: Full())
    with keep_streams(), pytest.raises(CaptureError, match=r"no space left on device \(TMPDIR says where"):
        frames(fifo)


def test_nobody_looks_into_a_stream_beforehand(fifo: str) -> None:
    assert run(fifo, jobs=2).capture.packets == len(frames(str(SAMPLE)))


def test_one_stream_by_two_names_is_refused(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    names = [f"/dev/fd/{reading}", str(tmp_path / "link")]
    (tmp_path / "link").symlink_to(names[0])
    with pytest.raises(UsageError, match="are one stream"):
        refuse_twice(names)
    with pytest.raises(UsageError, match="standard input can be read only once"):
        refuse_twice(["-", "-"])
    refuse_twice([names[0], str(SAMPLE), str(SAMPLE), "nosuch"])
    os.close(reading)
    os.close(writing)


def test_a_socket_is_read_by_the_name_of_its_descriptor() -> None:
    """As standard input under inetd or ssh: /dev/stdin cannot be opened then."""
    ours, other = socket.socketpair()
    with ours, other:
        other.sendall(CONTENT)
        other.shutdown(socket.SHUT_WR)
        name = f"/dev/fd/{ours.fileno()}"
        assert descriptor_of(name) == ours.fileno()
        with keep_streams():
            assert frames(name) == frames(str(SAMPLE))


def test_names_that_stand_for_no_open_file(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in (str(SAMPLE), str(tmp_path / "loop"), "nosuch", "", "/dev/null", "/proc/1/fd/1", "/dev/fd/", "nul\0"):
        assert descriptor_of(name) is None
