"""What is the user's stays: inputs always, captures unless told otherwise, and whatever was not named."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py import writing
from tcptrace_py.capture.file import holds_capture
from tcptrace_py.cli import main
from tcptrace_py.model.errors import UsageError
from tcptrace_py.writing import Output, check_apart
from tests.thorough import examples

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
ONE, OTHER = SAMPLES / "half-close.pcap", SAMPLES / "syn-refused.pcap"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, modes and FIFOs of POSIX")


def write(output: Output, content: bytes = b"new") -> None:
    with output.open() as out:
        out.write(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# A file that is there keeps what it is.


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(mode)
    write(Output(str(path)))
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_that_the_umask_leaves(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write(Output(str(tmp_path / "x")))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~mask


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    os.chown(path, 65534, 65534)
    write(Output(str(path)))
    assert (path.read_text(), path.stat().st_uid, path.stat().st_gid) == ("new", 65534, 65534)


@pytest.mark.skipif(sys.platform != "linux", reason="access lists of Linux")
def test_a_file_keeps_its_access_list(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    entries = [(1, 6, -1), (2, 6, 65534), (4, 0, -1), (16, 6, -1), (32, 0, -1)]  # the owner, a user, the group, the mask, others
    access = b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little") for tag, mode, who in entries
    )
    try:
        os.setxattr(path, writing.ACCESS_LIST, access)
    except OSError:
        pytest.skip("no access lists on this file system")
    write(Output(str(path)))
    assert (path.read_text(), os.getxattr(path, writing.ACCESS_LIST)) == ("new", access)


def test_a_file_that_is_not_writable_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write everything
    with pytest.raises(UsageError, match=r"cannot write .*x: Permission denied"):
        write(Output(str(path)))
    assert path.read_text() == "old"


# Links, and files of other names.


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(there: bool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    link.symlink_to("elsewhere/target")
    if there:
        target.write_text("old")
    write(Output(str(link)))
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert (names(tmp_path), names(tmp_path / "elsewhere")) == (["elsewhere", "link"], ["target"])


def test_the_other_name_of_a_file_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    os.link(tmp_path / "a", tmp_path / "b")
    write(Output(str(tmp_path / "a")))
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("new", "old")


def test_files_beside_it_stay(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "x.part").symlink_to("precious")
    (tmp_path / "x.tmp").write_text("mine too")
    write(Output(str(tmp_path / "x")))
    assert (tmp_path / "precious").read_text() == "mine"
    assert names(tmp_path) == ["precious", "x", "x.part", "x.tmp"]


def test_the_names_of_half_written_files_cannot_be_guessed(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with Output(str(tmp_path / "x")).open():
            seen += [name for name in names(tmp_path) if name != "x"]
    assert len(set(seen)) == 2
    assert all(len(name) > 30 for name in seen)


# Failures leave everything as it was.


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(143), OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize("old", ["old", None])
def test_what_fails_half_way_leaves_nothing(error: BaseException, old: str | None, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if old is not None:
        path.write_text(old)
    expected = UsageError if isinstance(error, OSError) else type(error)

    def half() -> None:
        with Output(str(path)).open() as out:
            out.write(b"half")
            raise error

    with pytest.raises(expected):
        half()
    assert names(tmp_path) == ([] if old is None else ["x"])
    assert old is None or path.read_text() == old


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("hindrance", ["busy", "read-only folder", "owner"])
def test_what_cannot_be_replaced_is_written_in_place(hindrance: str, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount point, a folder that takes no new file, a file of somebody else: and what is in it comes back after a failure."""
    path = tmp_path / "x"
    path.write_text("the old content")
    number = path.stat().st_ino

    def refuse(code: int) -> Any:
        def refused(*_args: object, **_more: object) -> None:
            raise OSError(code, os.strerror(code))

        return refused

    if hindrance == "busy":
        monkeypatch.setattr(os, "replace", refuse(errno.EBUSY))
    elif hindrance == "owner":
        monkeypatch.setattr(os, "fchmod", refuse(errno.EPERM))
    else:
        opened = os.open
        monkeypatch.setattr(os, "open", lambda name, *more: refuse(errno.EACCES)() if ".tcpstates-" in str(name) else opened(name, *more))
    if fails:
        rewrite, calls = writing._rewrite, []

        def half(content: Any, out: Any) -> None:
            calls.append(1)
            if len(calls) == 1:
                out.write(b"ha")
                raise OSError(errno.ENOSPC, "No space left on device")
            rewrite(content, out)

        monkeypatch.setattr(writing, "_rewrite", half)
        with pytest.raises(UsageError, match="No space left"):
            write(Output(str(path)))
    else:
        write(Output(str(path)))
    assert path.read_text() == ("the old content" if fails else "new")
    assert path.stat().st_ino == number
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["", "nothing/x", "folder", "folder/", "new/", "a" * 300, "loop", "half.pcap/x", "nul\0"])
def test_places_that_cannot_be_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "half.pcap").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot write"):
        Output(name).check()
    with pytest.raises(UsageError, match="cannot write"):
        write(Output(name))
    assert names(tmp_path) == ["folder", "half.pcap", "loop"]
    assert names(tmp_path / "folder") == []


# What is no regular file is written to.


def _take(fifo: Path, got: list[bytes]) -> None:
    got.append(fifo.read_bytes())


def test_a_fifo_is_written_to(tmp_path: Path) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to("fifo")
    for path in (fifo, link):
        got: list[bytes] = []
        reader = threading.Thread(target=_take, args=(fifo, got))
        reader.start()
        write(Output(str(path)))
        reader.join()
        assert got == [b"new"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert link.is_symlink()


def test_a_reader_that_leaves_a_fifo_ends_it_quietly(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with Output(str(fifo)).open() as out:
        os.close(reading)
        out.write(bytes(1 << 20))
    assert names(tmp_path) == ["fifo"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full of Linux")
def test_a_full_device_stays_a_device() -> None:
    with pytest.raises(UsageError, match="cannot write /dev/full: No space left"):
        write(Output("/dev/full"))
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_an_open_file_of_this_process_is_written_on(name: str, tmp_path: Path) -> None:
    """As /dev/stdout behind a shell's >>: what is in it stays, and the file stays the same one."""
    path = tmp_path / "log"
    path.write_text("before ")
    with path.open("ab") as file:
        named = name.format(file.fileno())
        if named == "link":
            (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
            named = str(tmp_path / "link")
        if not os.path.lexists(named):
            pytest.skip("no such name here")
        write(Output(named))
    assert path.read_text() == "before new"


# Inputs and captures.


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    a, link = tmp_path / "a", tmp_path / "link"
    link.symlink_to("a")
    with pytest.raises(UsageError, match="twice"):
        check_apart([Output(str(a)), Output(str(link))])
    with pytest.raises(UsageError, match="standard output is to be written twice"):
        check_apart([Output("-"), Output("-")])
    check_apart([Output(str(a)), Output(str(tmp_path / "b")), Output("-"), Output("/dev/null"), Output("/dev/null")])


@pytest.mark.parametrize(("content", "is_capture"), [
    (ONE.read_bytes(), True),
    (ONE.read_bytes()[:30], True),
    (ONE.read_bytes()[:9], True),  # the header is cut
    ((SAMPLES / "compressed.pcap.gz").read_bytes(), True),
    ((SAMPLES / "compressed.pcap.xz").read_bytes(), True),
    ((SAMPLES / "compressed.pcap.zst").read_bytes(), True),
    ((SAMPLES / "cut-tail.pcap.gz").read_bytes(), True),
    ((SAMPLES / "plain.pcapng").read_bytes(), True),
    (b"snoop\0\0\0" + bytes(40), True),
    (b"btsnoop\0" + bytes(40), True),
    (b"", False),
    (b'{"schema": "tcpstates/analysis/1"}', False),
    (b"192.0.2.10 a page\n" * 40, False),
])  # fmt: skip
def test_what_holds_a_capture_is_known_by_its_content(content: bytes, is_capture: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert holds_capture(str(path)) == is_capture
    if is_capture:
        with pytest.raises(UsageError, match="--force"):
            write(Output(str(path)))
        assert path.read_bytes() == content
    write(Output(str(path), over_captures=True))
    assert path.read_bytes() == b"new"


# All commands and options that write.

RULES = "[rules.teardown-pattern]\nforbid = ['rst']\n"
WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "analyze": (("IN",), ("IN", "--format", "json"), ("IN", "--show", "hosts", "--format", "table")),
    "time-wait": (("IN",), ("IN", "--format", "csv")),
    "explain": (("IN", "0"),),
    "check": (("IN", "--forbid", "rst"), ("IN", "--rules", "RULES"), ("IN", "--forbid", "rst", "--report", "junit=OUT")),
    "query": (("IN", "select count(*) from connections"),),
    "diff": (("IN", "BASE"), ("BASE", "IN", "--same-traffic"), ("BASE", "IN", "--report", "json=OUT")),
    "extract": (("IN",), ("IN", "--format", "pcapng")),
}
INPUTS = ("a.pcap", "set", "link.pcap", "-", "/dev/stdin")
OUTPUTS = (
    "a.pcap",
    "./set/../a.pcap",
    "link.pcap",
    "hard.pcap",
    "set/b.pcap",
    "set/b-link.pcap",
    "set/notes.txt",
    "linked-set/b.pcap",
    "other.pcap",
    "other.gz",
    "rules.toml",
    "base.json",
    "text.json",
    "text-link.json",
    "new.json",
    "set/new.pcap",
    "/dev/null",
    "/dev/stdin",
)


def lay_out(folder: Path) -> None:
    """Captures, links to them, and what else may lie about."""
    (folder / "set").mkdir()
    shutil.copy(ONE, folder / "a.pcap")
    shutil.copy(OTHER, folder / "set" / "b.pcap")
    shutil.copy(OTHER, folder / "other.pcap")
    shutil.copy(SAMPLES / "compressed.pcap.gz", folder / "other.gz")
    (folder / "set" / "notes.txt").write_text("notes\n")
    (folder / "link.pcap").symlink_to("a.pcap")
    os.link(folder / "a.pcap", folder / "hard.pcap")
    (folder / "set" / "b-link.pcap").symlink_to("b.pcap")
    (folder / "linked-set").symlink_to("set")
    (folder / "text.json").write_text("{}")
    (folder / "text.json").chmod(0o600)
    (folder / "text-link.json").symlink_to("text.json")
    (folder / "rules.toml").write_text(RULES)
    (folder / "base.json").write_bytes(BASE)
    for name in ("new.json.part", "text.json.part", "other.pcap.part"):
        (folder / name).write_text("mine")


def picture(folder: Path) -> dict[str, tuple[object, ...]]:
    """All there is: kind, mode, owner, where links go, what is in files."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


def run(*words: str, stdin: Path) -> int:
    """Run a command here, with a file as its standard input, by whatever name it asks for that."""
    standard, before = sys.stdin, os.dup(0)
    with stdin.open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        with open(0, closefd=False) as sys.stdin, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return main.main(words)
    finally:
        sys.stdin = standard
        os.dup2(before, 0)
        os.close(before)


def _base() -> bytes:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main.main(["analyze", str(OTHER), "--format", "json"])
    return out.getvalue().encode()


BASE = _base()


FORMATS = {
    "analyze": "table",
    "time-wait": "table",
    "explain": "ladder",
    "check": "text",
    "query": "table",
    "diff": "text",
    "extract": "pcap",
}


def test_every_option_that_writes_is_tried() -> None:
    """A new command or option with a path must be sorted in here."""
    context = click.Context(main.tcpstates)
    paths = {
        (name, parameter.name)
        for name in main.COMMANDS
        for parameter in main.tcpstates.get_command(context, name).params  # type: ignore[union-attr]
        if isinstance(parameter.type, click.Path) or parameter.name == "reports"
    }
    read = {(name, "captures") for name in WAYS} | {("check", "files"), ("rules", "files")}
    reports = {("check", "reports"), ("diff", "reports")}
    assert paths - read == {(name, "output") for name in WAYS} | reports | {("analyze", "tables")}


@pytest.mark.parametrize("command", WAYS)
@settings(max_examples=examples(15))
@given(data=st.data())
def test_no_input_changes_and_nothing_that_was_not_named(command: str, data: Any, tmp_path_factory: Any) -> None:
    try_one(command, data, tmp_path_factory.mktemp("safe"))


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("out", [*(name for name in OUTPUTS if "new" not in name), "set", "linked-set", "."])
def test_tables_take_the_place_of_nothing(out: str, force: bool, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("fsspec")
    lay_out(tmp_path)
    before = picture(tmp_path)
    with contextlib.chdir(tmp_path):
        assert run("analyze", "a.pcap", "--tables", out, *(["--force"] if force else []), stdin=tmp_path / "a.pcap") == 2
    assert picture(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", WAYS)
@settings(max_examples=300)
@given(data=st.data())
def test_no_input_changes_in_many_more_trials(command: str, data: Any, tmp_path_factory: Any) -> None:
    try_one(command, data, tmp_path_factory.mktemp("safe"))


def try_one(command: str, data: Any, folder: Path) -> None:
    """Run a command on some input with some output, and look at everything that was there."""
    if command == "query":
        pytest.importorskip("duckdb")
    lay_out(folder)
    words = data.draw(st.sampled_from(WAYS[command]))
    read, out = data.draw(st.sampled_from(INPUTS)), data.draw(st.sampled_from(OUTPUTS))
    force = data.draw(st.booleans()) and command != "extract"
    base = data.draw(st.sampled_from(["other.pcap", "base.json"])) if "--same-traffic" not in words else "other.pcap"
    names_out = "OUT" in " ".join(words)
    named = {"IN": read, "RULES": "rules.toml", "BASE": base}
    args = [named.get(word, word.replace("OUT", out)) for word in words]
    args += ["-o", "verdict.txt" if names_out else out, *(["--force"] if force else [])]
    if "--format" not in args:
        args += ["--format", FORMATS[command]]  # else the ending of a capture would be refused before anything else is looked at
    before = picture(folder)
    with contextlib.chdir(folder):
        target = os.path.realpath("a.pcap" if out == "/dev/stdin" else out)
        inputs = {"a.pcap": ["a.pcap"], "link.pcap": ["a.pcap"], "-": ["a.pcap"], "/dev/stdin": ["a.pcap"], "set": ["set/b.pcap"]}[read]
        inputs = [*inputs, *(["rules.toml"] if "RULES" in words else []), *([base] if "BASE" in words else [])]
        is_input = any(Path(target).exists() and Path(target).samefile(name) for name in inputs)
        was_capture = Path(target).is_file() and holds_capture(target)
        code = run(command, *args, stdin=folder / "a.pcap")
    after = picture(folder)
    relative = os.path.relpath(target, folder)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed <= {relative, "verdict.txt"} if names_out else changed <= {relative}, (args, code)
    if is_input or (was_capture and not force and command != "extract") or out == "/dev/stdin":
        assert code == 2, args
        assert not changed, args
    else:
        assert code in {0, 1}, args
    for name in before:
        assert after[name][:3] == before[name][:3], f"{name} is no longer what it was"
