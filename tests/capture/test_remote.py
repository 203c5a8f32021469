"""Captures at URLs: the same as of files, read in ranges, and nothing secret is said."""

from __future__ import annotations

import gzip
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.api import analyze
from tcptrace_py.capture import file, open_captures, remote
from tcptrace_py.cli import main
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.urls import is_url, scheme_of, shown, without_secrets

from .serving import Web
from .writing import S, payload, pcap

if TYPE_CHECKING:
    from collections.abc import Iterator

fsspec = pytest.importorskip("fsspec", reason="the extra remote is not installed")

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = ("close-wait-never-closes.pcap", "syn-refused.pcap", "big-endian.pcapng")
LARGE = "buildup-database.server.pcap.xz"  # large enough for several processes
LONG = pcap([(number * S, payload(number) * 40) for number in range(5000)])


@pytest.fixture
def memory() -> Iterator[Any]:
    """The memory file system with some samples in /day."""
    system = fsspec.filesystem("memory")
    for name in NAMES:
        system.pipe(f"/day/{name}", (SAMPLES / name).read_bytes())
    yield system
    system.rm("/", recursive=True)


def document(path: str | Path | list[str], jobs: int = 1) -> dict:
    """What is said of captures, without how they are called."""
    found = analyze(path, jobs=jobs).to_document()
    for info in found["capture"]["files"]:
        info["path"] = info["path"].rpartition("/")[2]
    return found


@pytest.mark.parametrize(
    ("path", "url"),
    [("s3://bucket/a.pcap", True), ("memory://a", True), ("simplecache::s3://b/a", True), ("HTTPS://h/a", True), ("a.pcap", False),
     ("/tmp/s3:/a", False), ("C:\\a.pcap", False), ("-", False), ("", False), ("./x://y", False)],
)  # fmt: skip
def test_what_is_a_url(path: str, url: bool) -> None:
    assert is_url(path) == url


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("s3://bucket/day/a@b.pcap", "s3://bucket/day/a@b.pcap"),
        ("sftp://anna:pass@host:22/a.pcap", "sftp://host:22/a.pcap"),
        ("sftp://anna@host/a.pcap", "sftp://host/a.pcap"),
        ("ftp://anna:p@ss@host/a.pcap", "ftp://host/a.pcap"),
        ("s3://KEY:se/cr+et@bucket/a.pcap", "s3://bucket/a.pcap"),
        ("http://host:8080/a@b.pcap", "http://host:8080/a@b.pcap"),
        ("https://host/a.pcap?X-Amz-Signature=abc&b=1", "https://host/a.pcap?..."),
        ("zip://a.pcap::https://anna:pass@host/a.zip?sig=abc", "zip://a.pcap::https://host/a.zip?..."),
        ("file-with-user:pass@host.pcap", "file-with-user:pass@host.pcap"),
    ],
)
def test_secrets_are_not_shown(url: str, text: str) -> None:
    assert shown(url) == text


def test_what_others_say_is_shown_without_secrets() -> None:
    said = without_secrets("no entry to https://anna:p%40ss@host/x?sig=abc for p@ss", "https://anna:p%40ss@host/x?sig=abc")
    assert said == "no entry to https://host/x?... for ***"
    assert scheme_of("zip://a::s3://b") == "zip"


@pytest.mark.parametrize("name", NAMES)
def test_a_url_says_what_the_file_says(name: str, memory: Any) -> None:
    assert document(f"memory://day/{name}") == document(SAMPLES / name)
    assert analyze(f"memory://day/{name}").capture.files[0].path == f"memory://day/{name}"


@pytest.mark.parametrize("url", ["memory://day", "memory://day/", "memory://day/*.pcap*", "memory://d?y/*"])
def test_folders_and_patterns(url: str, memory: Any) -> None:
    memory.pipe("/day/deeper/x.pcap", b"not looked at")
    names = sorted(NAMES)
    assert [info.path for info in analyze(url).capture.files] == [f"memory://day/{name}" for name in names]
    assert document(url) == document([str(SAMPLES / name) for name in names])


def test_compressed_captures_and_several_processes(memory: Any) -> None:
    data = gzip.compress((SAMPLES / NAMES[0]).read_bytes())
    memory.pipe("/day.gz", data)
    assert document("memory://day.gz")["summary"] == document(SAMPLES / NAMES[0])["summary"]
    memory.pipe("/long", LONG)
    assert analyze("memory://long", jobs=2, keep_rows=False).capture == analyze("memory://long").capture


def test_files_that_are_no_captures_are_passed_over(memory: Any) -> None:
    memory.pipe("/day/notes.txt", b"hello\n")
    problems = analyze("memory://day").capture.problems
    assert next(row.explanation for row in problems if row.code == "not-a-capture").startswith("skipped: memory://day/notes.txt: ")
    memory.pipe("/other/notes.txt", b"hello\n")
    with pytest.raises(CaptureError, match="memory://other: no capture among the 1 files"):
        analyze("memory://other")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://nowhere.pcap", "memory://nowhere.pcap: no such file, folder or bucket"),
        ("memory://day/*.zip", "no file has such a name"),
        ("nosuch://anna:secret@x/y", "nosuch://x/y: nosuch:// is no file system that fsspec knows"),
        ("memory://day/cut", "ends inside its file header"),
    ],
)
def test_what_cannot_be_read_is_named(url: str, words: str, memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    memory.pipe("/day/cut", LONG[:5])
    assert main.main(["analyze", url]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "secret" not in err


@pytest.mark.parametrize(("module", "url"), [("fsspec.core", "memory://day"), ("s3fs", "s3://bucket/a.pcap")])
def test_a_missing_package_is_named(module: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)  # it was met before
    monkeypatch.setitem(sys.modules, module, None)
    assert main.main(["analyze", url]) == 2
    assert "pip install 'tcptrace-py[remote]'" in capsys.readouterr().err


def rest_of(command: list[str], path: str, tmp_path: Path) -> list[str]:
    """What stands behind the command's name."""
    if command[0] == "query":
        pytest.importorskip("duckdb")
    behind = {"explain": ["0"], "query": ["SELECT * FROM connections"], "diff": [path], "extract": ["-o", str(tmp_path / "out.pcap")]}
    return [path, *behind.get(command[0], []), *command[1:]]


COMMANDS = pytest.mark.parametrize(
    "command",
    [["time-wait"], ["check", "--forbid", "rst"], ["explain"], ["extract"], ["diff"], ["query"], ["analyze", "--last", "1000s"],
     ["analyze", "--from", "+0s"], ["analyze", "--stream", "0"], ["analyze", "--format", "json"]],
)  # fmt: skip


@COMMANDS
def test_every_command_reads_urls(command: list[str], memory: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def run(path: str) -> tuple[int, str]:
        code = main.main([command[0], *rest_of(command, path, tmp_path)])
        return code, capsys.readouterr().out.replace(path, "PATH")

    assert run(f"memory://day/{NAMES[0]}") == run(str(SAMPLES / NAMES[0]))


@COMMANDS
@pytest.mark.parametrize("name", [NAMES[0], "nowhere.pcap", "notes.txt"])
def test_no_command_shows_a_password(
    command: list[str], name: str, memory: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    memory.pipe(f"/anna:hunter2@day/{NAMES[0]}", (SAMPLES / NAMES[0]).read_bytes())
    memory.pipe("/anna:hunter2@day/notes.txt", b"hello\n")
    main.main([command[0], *rest_of(command, f"memory://anna:hunter2@day/{name}", tmp_path)])
    said = "".join(capsys.readouterr())
    assert "hunter2" not in said
    assert "anna" not in said


@pytest.mark.parametrize(
    "args",
    [
        ["analyze", NAMES[1], "-o", "s3://anna:hunter2@b/x.json"],
        ["analyze", NAMES[1], "-o", "s3://anna:hunter2@b/x.foo"],
        ["check", NAMES[1], "--rules", "s3://anna:hunter2@b/x.toml"],
        ["check", NAMES[1], "--forbid", "rst", "--report", "json=s3://anna:hunter2@b/x.json"],
        ["diff", "memory://anna:hunter2@b/x", "memory://anna:hunter2@b/y"],
        ["query", "memory://anna:hunter2@b/x"],
        ["memory://anna:hunter2@b/x"],
    ],
)
def test_no_mistake_shows_a_password(args: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(SAMPLES)
    assert main.main(args) == 2
    assert "hunter2" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("args", "begins"),
    [
        (["analyze", NAMES[1], "-o", "memory://out/a.json"], b"{"),
        (["analyze", NAMES[1], "-o", "memory://out/a.txt"], NAMES[1].encode()),
        (["extract", NAMES[0], "--stream", "0", "-o", "memory://out/a.pcap"], b"\xd4\xc3\xb2\xa1"),
        (["check", NAMES[0], "--forbid", "refused", "--report", "junit=memory://out/a.xml"], b"<?xml"),
    ],
)
def test_what_is_written_may_be_at_a_url(args: list[str], begins: bytes, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    assert main.main(args) == 0
    (path,) = memory.find("/out")
    assert memory.cat(path).startswith(begins)
    memory.pipe(path, b"an old one\n")
    assert main.main(args) == 0
    assert memory.cat(path).startswith(begins)


def test_the_rules_for_files_hold_for_urls(memory: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (f"memory://day/{name}" for name in NAMES[:2])
    before = {path: memory.cat(path) for path in memory.find("/day")}
    for read in (one, "memory://day", "memory://day/*"):
        assert main.main(["analyze", read, "-o", one, "--format", "json", "--force"]) == 2
        assert "is one of the inputs" in capsys.readouterr().err
    assert main.main(["analyze", one, "-o", other, "--format", "json"]) == 2
    assert "is a capture and would be written over" in capsys.readouterr().err
    assert {path: memory.cat(path) for path in memory.find("/day")} == before
    assert main.main(["analyze", one, "-o", other, "--format", "json", "--force"]) == 0
    assert json.loads(memory.cat(f"/day/{NAMES[1]}"))["schema"] == "tcpstates/analysis/1"


def test_where_nothing_can_be_written_is_said_first(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    assert main.main(["analyze", "nowhere.pcap", "-o", "http://127.0.0.1:9/a.json"]) == 2
    assert "cannot write http://127.0.0.1:9/a.json" in capsys.readouterr().err


def test_ranges_are_read_and_nothing_is_copied_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(file, "PIECE_BYTES", 1 << 14)
    with Web({"/long.pcap": LONG}, ranges=True).serving() as web:
        reader = open_captures([web.url("/long.pcap")], Problems())
        assert not reader.once
        assert sum(block.count for block in reader.blocks()) == 5000
    assert len(LONG) > 5 * remote.PIECES << 14
    assert max(count for _, _, count in web.asked) <= (remote.PIECES << 14) + (1 << 14)
    assert sum(count for _, _, count in web.asked) < len(LONG) + (1 << 16)
    starts = [first for _, first, _ in web.asked]
    assert starts[-3:] == sorted(starts[-3:])


@pytest.mark.parametrize(("ranges", "sizes"), [(False, True), (False, False)])
def test_a_server_without_ranges_is_read_as_a_pipe(ranges: bool, sizes: bool) -> None:
    pytest.importorskip("aiohttp")
    with Web({"/long.pcap": LONG}, ranges=ranges, sizes=sizes).serving() as web:
        reader = open_captures([web.url("/long.pcap")], Problems())
        assert reader.once
        assert sum(block.count for block in reader.blocks()) == 5000


@pytest.mark.parametrize(("path", "words"), [("/nowhere", "no such file, folder or bucket"), ("/forbidden", "the server answers 403")])
def test_answers_of_a_server(path: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    with Web({}, ranges=True).serving() as web:
        url = web.url(path).replace("://", "://anna:hunter2@") + "?sig=hunter2"
        assert main.main(["analyze", url]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "hunter2" not in err


def test_no_server_is_an_error_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    assert main.main(["analyze", "http://127.0.0.1:9/a.pcap"]) == 2
    assert "127.0.0.1:9" in capsys.readouterr().err.partition("a.pcap:")[2]


def test_a_server_that_breaks_off_is_damage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(file, "PIECE_BYTES", 1 << 14)
    with Web({"/long.pcap": LONG}, ranges=True).serving() as web:
        web.broken_from = len(LONG) // 2
        assert main.main(["analyze", web.url("/long.pcap") + "?sig=hunter2", "--format", "json"]) == 3
    out, err = capsys.readouterr()
    found = json.loads(out)["capture"]
    assert [row["code"] for row in found["problems"] if row["damaged"]] == ["read-error"]
    assert 1000 < found["packets"] < 5000
    assert "503" in err
    assert "hunter2" not in out + err


def test_a_file_that_got_shorter_is_damage(memory: Any) -> None:
    memory.pipe("/long", LONG)
    source = remote.open_remote("memory://long")
    assert len(source.refill(b"", 100)) > 100
    memory.store["/long"].truncate(200)
    source.done_bytes = 300
    with pytest.raises(Exception, match="shorter by now"):
        source.refill(b"", 100)


@pytest.mark.slow
def test_s3_says_what_files_say(bucket: str) -> None:
    names = sorted(NAMES)
    for name in names:
        fsspec.filesystem("s3").pipe(f"{bucket}/day/{name}", (SAMPLES / name).read_bytes())
    for name in names:
        assert document(f"s3://{bucket}/day/{name}") == document(SAMPLES / name)
    assert document(f"s3://{bucket}/day/*.pcap*") == document([str(SAMPLES / name) for name in names])
    assert [info.path for info in analyze(f"s3://{bucket}/day").capture.files] == [f"s3://{bucket}/day/{name}" for name in names]


@pytest.mark.slow
def test_what_is_written_to_s3(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", str(SAMPLES / NAMES[0]), "-o", f"s3://{bucket}/a.json"]) == 0
    assert json.loads(fsspec.filesystem("s3").cat(f"{bucket}/a.json"))["summary"]["connections"] == 3
    assert fsspec.filesystem("s3").find(bucket) == [f"{bucket}/a.json"]
    assert main.main(["analyze", str(SAMPLES / NAMES[0]), "-o", "s3://nosuchbucket/a.json"]) == 2
    assert "bucket does not exist" in capsys.readouterr().err


@pytest.mark.slow
def test_processes_share_what_one_reads_from_s3(bucket: str) -> None:
    path = SAMPLES / LARGE
    fsspec.filesystem("s3").pipe(f"{bucket}/{LARGE}", path.read_bytes())
    expected = document(path)
    for _ in range(5):  # a process is forked while the file system has a thread
        assert document(f"s3://{bucket}/{LARGE}", jobs=3) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://nosuchbucket/a.pcap", "bucket does not exist"),
        ("s3://captures/nowhere.pcap", "no such file, folder or bucket"),
        ("s3://nosuchbucket/*.pcap", "no such folder or bucket"),
    ],
)
def test_what_s3_does_not_have_is_named(bucket: str, url: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", url]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "hunter2" not in err


@pytest.mark.slow
def test_s3_without_credentials_says_so(bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert main.main(["analyze", f"s3://{bucket}/day/{NAMES[0]}"]) == 2
    assert "no credentials" in capsys.readouterr().err


def test_ctrl_c_does_not_wait_for_a_server(memory: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    memory.pipe("/long.pcap", LONG)
    read, asked = remote.RemoteSource._read, []

    def hangs(self: remote.RemoteSource, most_bytes: int) -> bytes:
        asked.append(most_bytes)
        if len(asked) == 3:
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("it went on waiting")
        return read(self, min(most_bytes, len(LONG) // 4))

    monkeypatch.setattr(remote.RemoteSource, "_read", hangs)
    assert main.main(["analyze", "memory://long.pcap"]) == 130
    out, err = capsys.readouterr()
    assert "interrupted" in err
    assert "Interrupted: this is what was analysed so far." in out
    assert len(asked) == 3
