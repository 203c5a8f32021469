"""Stream numbers against tshark itself: random segments of a few tuples, written as a capture and read by both.

One run of tshark takes many little captures, told apart by their addresses: in one capture all numbers must agree.
"""

import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tcptrace_py.model.segments import QUOTED
from tcptrace_py.pipeline import run
from tests.flows.test_streams import FLAGS
from tests.flows.wireshark import Wireshark
from tests.ladder import START_NS, Seg, key_of
from tests.wire import write

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")]

SETS = 300


def scenario(rng: random.Random, number: int) -> list[Seg]:
    """Up to eight segments between two ports of two hosts, or of a port with itself."""
    ends = (
        (f"10.{number >> 8}.{number & 255}.1", 40000),
        (f"10.{number >> 8}.{number & 255}.2", rng.choice((33333, 40000))),
    )
    if rng.random() < 0.1:
        ends = (ends[0], ends[0])
    numbers = rng.sample((0, 1, 99, 100, 101, 2**32 - 1, 5000), 4)
    found = []
    for _ in range(rng.randint(1, 8)):
        (source, sport), (target, dport) = ends if rng.random() < 0.5 else ends[::-1]
        found.append(
            Seg(
                key_of(source, sport, target, dport),
                0,
                rng.choice(FLAGS),
                rng.choice(numbers),
                rng.choice(numbers),
                rng.choice((0, 0, 0, 1, 5)),
            )
        )
    return found


def capture_of(seed: int, *, quoted: bool) -> list[Seg]:
    """All scenarios, mixed; with `quoted`, every fourth segment comes back inside an ICMP error instead."""
    rng = random.Random(seed)
    waiting = [scenario(rng, number) for number in range(SETS)]
    mixed: list[Seg] = []
    while waiting:
        at = rng.randrange(len(waiting))
        notes = QUOTED if quoted and rng.random() < 0.25 else 0
        stamp_ns = START_NS + len(mixed) * 1_000_000
        mixed.append(replace(waiting[at].pop(0), notes=notes, time_ns=stamp_ns, ip_id=len(mixed) + 1))
        if not waiting[at]:
            del waiting[at]
    return mixed


def tshark(path: Path) -> list[int]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "frame.number", "-e", "tcp.stream"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [int(line.split("\t")[1]) for line in lines]


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_model_is_what_tshark_does(tmp_path: Path, seed: int, quoted: bool) -> None:
    segments = capture_of(seed, quoted=quoted)
    write(tmp_path / "x.pcap", segments)
    model = Wireshark()
    assert [model.take(segment) for segment in segments] == tshark(tmp_path / "x.pcap")


@pytest.mark.parametrize("quoted", [False, True])
def test_connections_carry_tsharks_numbers(tmp_path: Path, quoted: bool) -> None:
    segments = capture_of(3, quoted=quoted)
    write(tmp_path / "x.pcap", segments)
    streams = tshark(tmp_path / "x.pcap")
    result = run(tmp_path / "x.pcap")
    rows = list(result.connections)
    assert len(rows) > SETS // 2
    wrong = [(row.first_frame, row.stream, streams[row.first_frame - 1]) for row in rows if row.stream != streams[row.first_frame - 1]]
    assert not wrong
