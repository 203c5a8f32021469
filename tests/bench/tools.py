"""tcpstates in its forms, and its peers: how each is found, asked for its version, and run over a capture."""

import compileall
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

from .measure import Command

PACKAGE = "tcptrace_py"
OURS = "tcpstates"
SCRIPT = Path(__file__).with_name("dpkt_loop.py")
ALSO_IN = ("/usr/local/sbin", "/usr/sbin", "/opt/zeek/bin")  # daemons are not on everybody's path
Line = Callable[[str, Path, int | None], list[str]]


@dataclass(frozen=True)
class Tool:
    """A program that is measured. `line` makes its command line of a capture, a scratch folder and a packet limit.

    `limited`: it is so slow that it reads only the first packets, unless it is asked to read the whole.
    """

    name: str
    about: str
    line: Line
    limited: bool = False
    home: Path | None = None

    def command(self, capture: Path, scratch: Path, limit: int | None = None) -> Command:
        """The command for a capture; `limit` is a number of packets, for tools that are `limited`."""
        return Command(tuple(self.line(str(capture), scratch, limit)), self.home or scratch)


@dataclass(frozen=True)
class Peer:
    """Where a peer comes from: the program, how it tells its version, and its arguments."""

    program: str
    ask: str
    version: str
    about: str
    args: Line
    limited: bool = False

    def found(self, name: str) -> Tool | None:
        """The peer on this machine."""
        program = shutil.which(self.program, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *ALSO_IN)))
        if program is None:
            return None
        number = re.search(self.version, said([program, self.ask]))
        return Tool(
            name,
            f"{self.program} {number[1] if number else '(version unknown)'}, {self.about}",
            lambda path, scratch, limit: [program, *self.args(path, scratch, limit)],
            self.limited,
        )


def _limit(option: list[str], limit: int | None) -> list[str]:
    return [] if limit is None else [*option, str(limit)]


PEERS = {
    "tcptrace": Peer("tcptrace", "-v", r"version ([\d.]+)", "-n: a line for each connection", lambda path, _scratch, _limit: ["-n", path]),
    "nfpcapd": Peer("nfpcapd", "-V", r"Version: ([\d.]+)", "flow records", lambda path, scratch, _limit: ["-r", path, "-w", str(scratch)]),
    "argus": Peer("argus", "-h", r"Version ([\d.]+)", "flow records", lambda path, _scratch, _limit: ["-X", "-r", path, "-w", "-"]),
    "zeek": Peer(
        "zeek", "--version", r"version ([\d.]+)", "conn.log", lambda path, _scratch, _limit: ["-b", "-C", "-r", path, "base/protocols/conn"]
    ),
    "tshark": Peer(
        "tshark",
        "--version",
        r"Wireshark\) ([\d.]+\d)",
        "-n -q -z conv,tcp",
        lambda path, _scratch, limit: ["-n", "-q", "-z", "conv,tcp", "-r", path, *_limit(["-c"], limit)],
        limited=True,
    ),
}
DPKT = "dpkt"


def ours(interpreted_in: Path | None) -> list[Tool]:
    """tcpstates as it is installed, or its source without compiled modules copied to a folder; also on one core."""
    if interpreted_in is None:
        script = Path(sys.executable).with_name(OURS)
        begin = [str(script)] if script.exists() else [sys.executable, "-m", PACKAGE]
    else:
        _copy_source(interpreted_in)
        begin = [sys.executable, "-m", PACKAGE]
    version = said([*begin, "--version"], interpreted_in)
    has_jobs = "--jobs" in said([*begin, "analyze", "--help"], interpreted_in)
    variants = {OURS: ["analyze"]} | ({f"{OURS} --jobs 1": ["analyze", "--jobs", "1"]} if has_jobs else {})
    return [_variant(name, version, [*begin, *args], interpreted_in) for name, args in variants.items()]


def _variant(name: str, version: str, begin: list[str], home: Path | None) -> Tool:
    return Tool(name, version, lambda path, _scratch, _limit: [*begin, path], home=home)


def start_up(tool: Tool, tiny: Path) -> dict[str, Command]:
    """Commands of tcpstates that show what starting costs."""
    (*analyze, path) = tool.command(tiny, tiny.parent).args
    begin = analyze[: analyze.index("analyze")]
    lines = {"--version": ["--version"], "--help": ["--help"], "analyze of ten packets": ["analyze", path]}
    return {name: Command((*begin, *args), tool.home or tiny.parent) for name, args in lines.items()}


def peers(wanted: set[str] | None = None) -> list[Tool]:
    """The peers that there are on this machine, of those that are wanted (None: all)."""
    names = [name for name in PEERS if wanted is None or name in wanted]
    found = [tool for name in names if (tool := PEERS[name].found(name)) is not None]
    return [*found, _dpkt_loop()] if wanted is None or DPKT in wanted else found


def _dpkt_loop() -> Tool:
    return Tool(
        DPKT,
        f"bare loop over dpkt {version_of('dpkt')}: Ethernet, IP and TCP objects, nothing tracked",
        lambda path, _scratch, limit: [sys.executable, str(SCRIPT), path, *_limit([], limit)],
        limited=True,
    )


def _copy_source(folder: Path) -> None:
    """Put the package's Python source, and no more built from it than the bytecode that pip makes, into a folder."""
    built = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "*.pxd", "__pycache__")
    shutil.copytree(Path(__file__).parents[2] / PACKAGE, folder / PACKAGE, ignore=built)
    compileall.compile_dir(folder / PACKAGE, quiet=2)


def said(args: list[str], cwd: Path | None = None) -> str:
    """All that a short command prints."""
    done = subprocess.run(args, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return (done.stdout + done.stderr).strip()
