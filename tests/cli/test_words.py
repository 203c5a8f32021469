"""Sentences that commands print of situations which are easily told wrongly: what each must say, and what it must not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.cli.main import main
from tests.ladder import HANDSHAKE, SECOND_NS, START_NS, ladder
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.ladder import Seg

FIN, SYN, RST, ACK = 1, 2, 4, 16
RECORDED = Path(__file__).parents[1] / "findings" / "recorded"
EXCHANGE = HANDSHAKE + "0.03 C PA len=20\n0.04 S PA len=90\n0.05 C A\n"
WHOLE = EXCHANGE + "0.06 C FA\n0.07 S FA\n0.08 C A\n"
HALF = EXCHANGE + "0.06 C FA\n0.07 S A\n"
AGAIN = "".join(f"{at} C PA len=20 seq=1\n" for at in (0.24, 0.66, 1.5, 3.2, 6.6))
CLOSED_WINDOW = "".join(f"0.{n}0 C PA len=99\n0.{n}1 S A win=0\n0.{n}2 S A win=512\n" for n in range(1, 9)) + "2 C FA\n2.01 S FA\n2.02 C A"


def several(text: str, count: int, apart_s: float, first_s: float = 0.0) -> list[Seg]:
    """The same connection from one port after another."""
    return [
        replace(segment, time_ns=segment.time_ns + round((first_s + apart_s * number) * SECOND_NS))
        for number in range(count)
        for segment in ladder(text, port=40_000 + number, isns=(1000 * number + 5, 100_000 + number))
    ]


def later(text: str, s: float) -> list[Seg]:
    """A connection of another client, by which the capture goes on."""
    return [replace(segment, time_ns=segment.time_ns + round(s * SECOND_NS)) for segment in ladder(text, client="10.0.0.9")]


def rounded(segments: Iterable[Seg], to_ns: int) -> list[Seg]:
    """As a coarse clock stamps them, in the order in which they came."""
    return [replace(s, time_ns=s.time_ns // to_ns * to_ns) for s in sorted(segments, key=lambda s: s.time_ns)]


def answered_by_resets() -> list[Seg]:
    """The server sends much and cuts the connection off; each ACK that comes then is answered by a RST at its number."""
    data = "".join(f"{0.05 + n / 1e4:.4f} S PA len=1000\n{0.05005 + n / 1e4:.5f} C A\n" for n in range(200))
    reset = "0.0701 S RA ack=21\n"
    late = "".join(f"{0.08 + n / 1e4:.4f} S R seq={1 + 1000 * (n + 1)}\n" for n in range(200))
    return ladder(HANDSHAKE + "0.03 C PA len=20\n0.031 S A\n" + data + reset + late)


@dataclass(frozen=True)
class Told:
    """What a command says of segments, in any order of lines; `never` are patterns."""

    segments: list[Seg]
    command: str
    says: tuple[str, ...]
    never: tuple[str, ...] = ()


SYN_CHECK = "0 C S\n0.002 S SA\n0.003 C R seq=1\n"
BY_DESIGN = "30 of them were reset by design, as said above: nothing is broken there."

CASES = {
    "checks that reset are not broken": Told(several(SYN_CHECK, 30, 2), "analyze", ("Broken connections 30 of 30", BY_DESIGN)),
    "resets at no period may be": Told(
        [replace(s, time_ns=START_NS + (s.time_ns - START_NS) ** 2 // (20 * SECOND_NS)) for s in several(SYN_CHECK, 30, 2)],
        "analyze",
        ("Broken connections 30 of 30",),
        ("by design",),
    ),
    "a burst has no rate": Told(
        [*several(WHOLE, 12, 0.004), *later(EXCHANGE, 84)],
        "time-wait",
        ("All of them came within 44 ms.", "at most 12 were taken (<0.1 %)."),
        ("leads to", "levels off", "a second until"),
    ),
    "what came at one moment has no rate either": Told(
        [*several(WHOLE, 12, 0), *later(EXCHANGE, 84)], "time-wait", ("at most 12 at once",), ("leads to", "a second until", "All of them")
    ),
    "a rate that ended leads to nothing": Told(
        [*several(WHOLE, 600, 0.002), *later(EXCHANGE, 30)],
        "time-wait",
        ("its 500 a second, more than they carry, lasted 1.2 s only.",),
        ("leads to", "levels off"),
    ),
    "a rate below what the ports carry that ended leads to nothing": Told(
        [*several(WHOLE, 400, 0.003), *later(EXCHANGE, 30)], "time-wait", ("its 333 a second lasted 1.2 s only.",), ("leads to",)
    ),
    "a rate that goes on leads to a level": Told(
        several(WHOLE, 400, 0.003),
        "time-wait",
        ("They come at 333 a second, which levels off at about 20,000", "the rate leads to about 20,000"),
    ),
    "an attempt lasts until its last retry was due": Told(
        [*ladder("0 C S\n1 C S seq=0\n3 C S seq=0"), *later(WHOLE, 600)],
        "time-wait",
        (r"SYN_SENT 10.0.0.1 client 10.0.0.2:80 1 0 7 s",),
        (r"SYN_SENT \S+ client \S+ 1 . 10 min",),
    ),
    "a wait goes on while only old data is sent": Told(
        ladder(HANDSHAKE + "0.03 C PA len=20\n" + AGAIN + "6.62 S PA len=90\n6.63 C A"),
        "explain 0",
        ("The longest wait, up to frame 10, was 6.59 s: nothing came but what had been sent before.",),
    ),
    "an answer may come behind an acknowledgement": Told(
        ladder(HANDSHAKE + "0.03 C PA len=20\n0.04 S A\n1.24 S PA len=90\n1.25 C A"),
        "explain 0",
        ("The longest wait, before frame 6, was 1.2 s: the server took so long to answer.",),
        ("sent nothing new",),
    ),
    "who is silent behind an answer owes none": Told(
        ladder(EXCHANGE + "6.05 C PA len=20\n6.06 S PA len=90\n6.07 C A"),
        "explain 0",
        ("The longest wait, before frame 7, was 6 s in which the client sent nothing new.",),
        ("to answer",),
    ),
    "who spoke last sent nothing new": Told(
        ladder(EXCHANGE + "1.24 S PA len=90\n1.25 C A"),
        "explain 0",
        ("The longest wait, before frame 7, was 1.19 s in which the server sent nothing new.",),
        ("to answer",),
    ),
    "connections in CLOSE_WAIT are counted once": Told(
        [*several(HALF, 14, 3), *later(WHOLE, 400)],
        "analyze",
        ("14 are silent in CLOSE_WAIT at the end", "14 of 15 connections", "Broken connections 14 of 15"),
        (r"(?<!\d)1[0-35-9] (are|of 15|half-closed)",),
    ),
    "and the same number in time-wait": Told(
        [*several(HALF, 14, 3), *later(WHOLE, 400)],
        "time-wait",
        ("is stuck in CLOSE_WAIT, 14 connections at the end", "CLOSE_WAIT 10.0.0.2 server 10.0.0.2:80 14 14"),
    ),
    "what begins with a SYN/ACK": Told(
        ladder("0 S SA\n0.01 C A\n0.02 C PA len=20\n0.03 S PA len=7"),
        "explain 0",
        ("10.0.0.2:80 sent 10.0.0.1:40000 a SYN/ACK, and no SYN of this connection was captured.",),
        ("opens no connection",),
    ),
    "what is missing may be a FIN": Told(
        ladder(HANDSHAKE + "1 S A ack=2\n1.01 S FA ack=2\n1.02 C A seq=2"),
        "explain 0",
        (
            "No data was captured.",
            "Something was acknowledged that the capture does not hold.",
            "How it ended and who closed first cannot be told: a part of it is not in the capture.",
        ),
        ("some was sent", "its beginning is not"),
    ),
    "a gap in the numbers": Told(
        ladder(HANDSHAKE + "1 C FA seq=50"),
        "explain 0",
        ("No data was captured.", "The numbers leave a gap: something was sent that the capture does not hold."),
        ("some was sent", "acknowledged that the capture"),
    ),
    "SYN/ACKs with numbers of their own are no repeats": Told(
        ladder("0 C S\n0.01 S SA\n" + "".join(f"{n} S SA isn={20_000 * n}\n" for n in range(1, 7))),
        "explain 0",
        ("it sent nothing more, and did not take the SYN/ACK that was captured.",),
        ("more time", "had no answer in SYN_SENT"),
    ),
    "RSTs at what was acknowledged are explained": Told(
        answered_by_resets(), "analyze --show problems", ("Oddities segments that no rule of their connection explains None.",)
    ),
    "and folded": Told(
        answered_by_resets(),
        "explain 0",
        (r"no-socket, high confidence (its sender's connection had ended before)", " RSTs ═"),
        ("low confidence", "its numbers are", "no segment was captured that it answers"),
    ),
    "SYNs at one second are not late": Told(
        ladder(EXCHANGE + "".join(f"{n} C S seq=0\n" for n in range(1, 11))),
        "analyze",
        ("frames 7, 8, 9 and 7 more frames: the SYN of this connection once more, after its answer had come (old-duplicate-syn)",),
        ("delivered late",),
    ),
    "nor are those of a connection before": Told(
        ladder(WHOLE + "70 C S isn=500000\n70.01 S SA isn=70000\n70.02 C A\n" + "".join(f"{n} C S isn=1000\n" for n in range(71, 76))),
        "analyze --show problems",
        (),
        ("delivered late",),
    ),
    "a RST right behind data is nobody's forgetting": Told(
        ladder(EXCHANGE + "2 C PA len=20\n2.01 S R seq=91"),
        "analyze",
        ("no-socket (the side that sent it no longer had, or never had, this connection; confidence high; answers the data of frame 7)",),
        ("forgot", "firewall"),
    ),
    "nor where check says what to do": Told(
        ladder(EXCHANGE + "2 C PA len=20\n2.01 S R seq=91"),
        "check --forbid no-socket",
        (
            "FAIL TS301 resets",
            "`no-socket`: who answers so was restarted, had closed long before, or a box in between forgot the connection",
        ),
        ("a firewall or load balancer forgot", "send keep-alives"),
    ),
    "a closed window is explained": Told(
        several(HANDSHAKE + CLOSED_WINDOW, 12, 0.4),
        "analyze",
        ("Oddities 12 segments to be noted: --show problems",),
        ("no rule explains",),
    ),
    "and listed apart": Told(
        several(HANDSHAKE + CLOSED_WINDOW, 12, 0.4),
        "analyze --show problems",
        ("explains None. To be noted probes, closed windows, errors from routers, holes in the capture zero-window",),
    ),
    "a lone RST/ACK is no abort": Told(
        [replace(segment, seq=0, ack=5678) for segment in ladder("0 S RA")],
        "analyze",
        ("no-socket", "confidence low; nothing else of the connection was captured before it"),
        ("abort",),
    ),
    "a clock that stands tells no times": Told(
        rounded(several(WHOLE, 12, 0.004), 10 * SECOND_NS),
        "analyze",
        ("Handshake not known: see above", " completed "),
        (r"\b0 s four-way",),
    ),
    "nor in explain": Told(
        rounded(several(WHOLE, 12, 0.004), 10 * SECOND_NS),
        "explain 0",
        ("The handshake was completed; the clock is too coarse to tell how long it took.", "a full close in 3 segments."),
        ("took 0 s", "in 0 s"),
    ),
    "nor in time-wait": Told(
        rounded(several(WHOLE, 12, 0.004), 10 * SECOND_NS),
        "time-wait",
        ("each exchange has a connection of its own: there is no keep-alive",),
        ("median",),
    ),
    "a clock of seconds tells none of one connection": Told(
        rounded(later(WHOLE, 0.97), SECOND_NS), "analyze", ("Opened three-way Closed four-way in 3 segments, client first TIME_WAIT",)
    ),
    "only what opens and closes was captured": Told(
        [segment for segment in several(WHOLE, 12, 0.4) if segment.flags & (SYN | FIN | RST)],
        "analyze",
        (
            "only SYN, FIN and RST were captured, as a filter does: what all other segments would say is not known",
            "Not concluded, as the capture is filtered: handshake-latency (the ACKs that complete handshakes were not captured)",
            "times (data and acknowledgements were not captured)",
            "teardown (the ACKs that complete closes were not captured)",
            "TIME_WAIT 12 entered",  # two FINs tell
        ),
        (r"Handshake \d", "Close 12 four-way", "neither a FIN nor data"),
    ),
    "only SYNs were captured": Told(
        [segment for segment in [*several(WHOLE, 12, 0.4), *later(WHOLE, 20)] if segment.flags & (SYN | ACK) == SYN],
        "analyze",
        (
            "only SYNs were captured, as a filter does",
            "handshake-outcome (neither a FIN nor data shows which handshakes were completed)",
            "time-wait (no FIN shows who closed)",
            "12 unanswered (no answer was captured)",
        ),
        ("nothing cut", "Broken connections"),
    ),
    "only one direction was captured": Told(
        [segment for segment in several(WHOLE, 12, 0.4) if segment.key[8:10] != (80).to_bytes(2, "big")],
        "analyze",
        (
            "handshake-outcome (one direction was captured only: how a SYN was answered is known only where an acknowledgement proves it)",
            "teardown (one direction was captured only: how those connections ended and who closed first is not known)",
            "time-wait (one direction was captured only: who entered TIME_WAIT of those connections is not known)",
        ),
        ("Broken connections", "nothing cut", "Closed first the"),
    ),
    "a clock that stands is named": Told(
        rounded(several(WHOLE, 12, 0.004), 10 * SECOND_NS),
        "analyze",
        (
            "the clock is too coarse for what is measured: all packets have the same time",
            "handshake-latency (handshakes take less than the clock tells apart); times (the clock does not tell apart what is measured)",
        ),
    ),
    "so is a clock of seconds": Told(
        rounded(several(WHOLE, 12, 0.4), SECOND_NS), "analyze", ("its times are multiples of 1000 ms",), ("all packets have the same time",)
    ),
    "a capture that lacks nothing": Told(
        several(WHOLE, 3, 30),
        "analyze",
        ("Capture quality: nothing cut, missing, doubled or out of order.", "Handshake 20 ms each", "at most 2 at once"),
        ("Not concluded", "still rising", "Broken connections", "Findings"),
    ),
    "one that is shorter than a stay": Told(
        several(WHOLE, 3, 3), "analyze", ("3 there at the end; still rising: the capture is shorter than a stay",)
    ),
    "an address that is not there": Told(
        several(WHOLE, 3, 3),
        "analyze --host 9.9.9.9",
        ("0 connections", "No connection matches --host 9.9.9.9."),
        ("completed", "four-way"),
    ),
    "a close in flight": Told(
        ladder(EXCHANGE + "0.06 C FA"),
        "analyze",
        ("Closed half-closed, client first: in flight when the capture ended",),
        ("four-way", "TIME_WAIT client"),
    ),
    "a TIME_WAIT that a new SYN ends": Told(
        [*ladder(WHOLE), *(replace(s, time_ns=s.time_ns + 5 * SECOND_NS) for s in ladder(WHOLE, isns=(5_000_000, 6_000_000)))],
        "analyze",
        ("TIME_WAIT client from 10:00:00.080; cut short by a new SYN at 10:00:05.000",),
        ("ran out", "cut short by a RST"),
    ),
    "one that a RST ends": Told(
        ladder(WHOLE + "0.5 S RA seq=92"), "analyze", ("cut short by a RST",), ("ran out", "cut short by a new SYN", "reset by")
    ),
    "nor of its waits": Told(rounded(later(WHOLE, 0.97), SECOND_NS), "explain 0", (), ("longest wait", "sent nothing new")),
}


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    main(arguments)
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    segments = case.segments if "clock" in name or "nor " in name else sorted(case.segments, key=lambda segment: segment.time_ns)
    command, *options = case.command.split()
    text = printed([command, str(write(tmp_path / "a.pcap", segments)), *options], capsys)
    assert [words for words in case.says if words not in text] == []
    assert [pattern for pattern in case.never if re.search(pattern, text)] == []


def test_a_ladder_of_many_resets_keeps_to_a_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", str(write(tmp_path / "a.pcap", answered_by_resets())), "0"])
    assert len(capsys.readouterr().out.splitlines()) < 100
    main(["explain", str(tmp_path / "a.pcap"), "0", "--full"])
    assert len(capsys.readouterr().out.splitlines()) > 800


def test_a_pool_that_is_too_small_is_kept_alive(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(["time-wait", str(RECORDED / "small-pool.pcap.xz")], capsys)
    assert "connections are used again, but fewer are kept than are in use at once" in text
    assert "there is no keep-alive" not in text
    assert "there is no keep-alive" in printed(["time-wait", str(RECORDED / "once-each.pcap.xz")], capsys)
