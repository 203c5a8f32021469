"""Copies of a segment (mirror ports, `-i any`, the network's own) against segments that their sender sent again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ladder import CLOSE, HANDSHAKE, ladder, play

DATA = "1.000 C PA len=10 id=77\n"

QUIET = "0.900 S PA len=3\n"  # both have spoken: nothing is logged any more
NEXT = "\n".join(f"1.00{n} C PA len=5 id={77 + n}" for n in range(1, 5)) + "\n"

SAME = "0.8 C PA len=2 id=7\n0.9 C PA len=3 id=7\n"  # different segments with one IP ID: it tells nothing apart

# after the handshake and ten bytes with IP ID 77: what comes next, how many are copies, what the client sent again
TOLD_APART = [
    ("mirror port: at once, same ID", DATA + "1.00001 C PA seq=1 len=10 id=77", 1, 0),
    ("the network's own copy: same ID, later", DATA + "1.030 C PA seq=1 len=10 id=77", 1, 0),
    ("the network's own copy behind the answer", DATA + "1.010 S A\n1.030 C PA seq=1 len=10 id=77", 1, 0),
    ("three captures of one frame", DATA + "1.00001 C PA seq=1 len=10 id=77\n1.00002 C PA seq=1 len=10 id=77", 2, 0),
    ("sent again: another ID", DATA + "1.250 C PA seq=1 len=10 id=78", 0, 1),
    ("sent again at once: another ID", DATA + "1.001 C PA seq=1 len=10 id=78", 0, 1),
    ("sent again, then that copied", DATA + "1.250 C PA seq=1 len=10 id=78\n1.25001 C PA seq=1 len=10 id=78", 1, 1),
    ("a copy of the segment before last", DATA + "1.001 C PA seq=11 len=5 id=79\n1.002 C PA seq=1 len=10 id=77", 1, 0),
    ("a copy of one of many before, IDs counted", QUIET + DATA + NEXT + "1.006 C PA seq=1 len=10 id=77", 1, 0),
    ("overtaken by many, it fills a hole", QUIET + "1 C PA seq=11 len=5 id=78\n" + NEXT + "1.006 C PA seq=1 len=10 id=77", 0, 0),
    ("sent again behind many, IDs counted", QUIET + DATA + NEXT + "1.006 C PA seq=1 len=10 id=82", 0, 1),
    ("sent again behind many, IDs at random", QUIET + DATA + NEXT.replace("id=80", "id=999") + "1.006 C PA seq=1 len=10 id=60", 0, 1),
    ("a byte to a closed window, mirror port", "0.9 S A win=0\n1 C PA len=1 id=7\n1.0001 C PA seq=1 len=1 id=7", 1, 0),
    ("the same ID, and new data: no copy", DATA + "1.001 C PA len=5 id=77", 0, 0),
    ("ID 0, mirror port", "1 C PA len=10 id=0\n1.00001 C PA seq=1 len=10 id=0", 1, 0),
    ("ID 0, sent again after a timeout", "1 C PA len=10 id=0\n1.210 C PA seq=1 len=10 id=0", 0, 1),
    ("ID 0, fast retransmission without timestamps", "1 C PA len=10 id=0\n1.020 C PA seq=1 len=10 id=0", 0, 1),
    ("ID 0, equal timestamps", "1 C PA len=10 id=0 ts=5,1\n1.0001 C PA seq=1 len=10 id=0 ts=5,1", 1, 0),
    ("ID 0, newer timestamp", "1 C PA len=10 id=0 ts=5,1\n1.020 C PA seq=1 len=10 id=0 ts=25,1", 0, 1),
    ("ID 0, another interface of `-i any`", "1 C PA len=10 id=0 if=1\n1.0007 C PA seq=1 len=10 id=0 if=2", 1, 0),
    ("no ID (IPv6), mirror port", "1 C PA len=10 id=-1\n1.00001 C PA seq=1 len=10 id=-1", 1, 0),
    ("no ID (IPv6), sent again after a timeout", "1 C PA len=10 id=-1\n1.210 C PA seq=1 len=10 id=-1", 0, 1),
    ("no ID (IPv6), newer timestamp", "1 C PA len=10 id=-1 ts=5,1\n1.020 C PA seq=1 len=10 id=-1 ts=25,1", 0, 1),
    ("ID always the same, sent again after a timeout", SAME + "1 C PA len=10 id=7\n1.210 C PA seq=6 len=10 id=7", 0, 1),
    ("ID always the same, sent again at once", SAME + "1 C PA len=10 id=7\n1.020 C PA seq=6 len=10 id=7", 0, 1),
    ("ID always the same, mirror port", SAME + "1 C PA len=10 id=7\n1.00001 C PA seq=6 len=10 id=7", 1, 0),
    ("ID always the same, FIN sent again", SAME + "1 C FA id=7\n1.210 C FA seq=6 id=7", 0, 1),
    ("data without ACK, which is dropped: mirror port", QUIET + DATA + "1.1 C - seq=11 len=5 id=78\n1.10001 C - seq=11 len=5 id=78", 1, 0),
    ("FIN, mirror port", "1 C FA id=5\n1.00001 C FA seq=1 id=5", 1, 0),
    ("FIN sent again", "1 C FA id=5\n1.210 C FA seq=1 id=6", 0, 1),
    ("FIN with ID 0 sent again", "1 C FA id=0\n1.210 C FA seq=1 id=0", 0, 1),
]


@pytest.mark.parametrize(("text", "copies", "repeats"), [case[1:] for case in TOLD_APART], ids=[case[0] for case in TOLD_APART])
def test_told_apart(text: str, copies: int, repeats: int) -> None:
    played = play(HANDSHAKE + text)
    sent = len([line for line in text.splitlines() if line.split()[1] == "C"])
    assert (played.table.duplicates, played.row.client_side.retransmissions) == (copies, repeats)
    assert played.row.client_side.packets == 2 + sent - copies


ACKS = [
    ("a pure ACK, mirror port", "1 S PA len=9\n1.01 C A id=9\n1.01001 C A id=9", 1),
    ("a pure ACK, ID 0, mirror port", "1 S PA len=9\n1.01 C A id=0\n1.01001 C A id=0", 1),
    ("a pure ACK behind one that is not believed, ID 0", "1 S PA len=9\n1.01 C FA id=0\n1.0101 C A ack=-91000 id=0\n1.0102 C A id=0", 0),
    ("overtaken by three others", "1 S PA len=9\n1.01 C A id=10\n1.02 C A id=11\n1.03 C A id=12\n1.04 C A ack=1 id=9", 0),
    (
        "the same ACK for another segment (duplicate ACK)",
        "1 S PA seq=11 len=9\n1.01 C A ack=1 id=9\n1.02 S PA seq=20 len=9\n1.03 C A ack=1 id=10",
        0,
    ),
    (
        "the same ACK for another segment, no ID",
        "1 S PA seq=11 len=9\n1.01 C A ack=1 id=-1\n1.011 S PA seq=20 len=9\n1.012 C A ack=1 id=-1",
        0,
    ),
    ("duplicate ACKs, ID always the same", "1 S PA seq=11 len=9\n1.01 C A ack=1 id=2\n1.02 S PA len=9\n1.03 C A ack=1 id=2", 0),
    ("a RST behind an ACK with its ID", "1 S PA len=9\n1.01 C A id=9\n1.011 C R id=9", 0),
    ("two RSTs for two segments, ID 0 (Linux)", "1 S PA len=9\n1.0001 S FA\n1.01 C R seq=1 id=0\n1.01001 C R seq=1 id=0", 0),
    ("a RST and all before it twice, ID 0", "1 S PA len=9 id=5\n1.00001 S PA seq=1 len=9 id=5\n1.01 C R id=0\n1.01001 C R id=0", 2),
    ("window updates", "1 S PA len=9\n1.01 C A id=0 win=10\n1.0101 C A id=0 win=20", 0),
]


@pytest.mark.parametrize(("text", "copies"), [case[1:] for case in ACKS], ids=[case[0] for case in ACKS])
def test_acknowledgements(text: str, copies: int) -> None:
    played = play(HANDSHAKE + text)
    assert played.table.duplicates == copies


SYNS = [
    ("SYN, mirror port", "0 C S id=7\n0.00001 C S seq=0 id=7\n0.01 S SA\n0.02 C A", 1, 0, 0),
    ("SYN sent again", "0 C S id=7\n1 C S seq=0 id=8\n1.01 S SA\n1.02 C A", 0, 1, 0),
    ("SYN, no ID, sent again", "0 C S id=-1\n1 C S seq=0 id=-1\n1.01 S SA\n1.02 C A", 0, 1, 0),
    ("SYN/ACK of Linux (ID 0), mirror port", "0 C S\n0.01 S SA id=0\n0.01001 S SA seq=0 id=0\n0.02 C A", 1, 0, 0),
    ("SYN/ACK of Linux (ID 0) sent again", "0 C S\n0.01 S SA id=0\n1.01 S SA seq=0 id=0\n1.02 C A", 0, 0, 1),
    (
        "SYN, no ID, sent again with the same timestamp (gVisor)",
        "0 C S id=-1 ts=5,0\n1 C S seq=0 id=-1 ts=5,0\n1.01 S SA\n1.02 C A",
        0,
        1,
        0,
    ),
    (
        "SYN/ACK of Linux for a SYN sent again",
        "0 C S\n0.05 S SA id=0\n1 C S seq=0\n1.05 S SA seq=0 id=0\n1.06 C A",
        0,
        1,
        1,
    ),
]


@pytest.mark.parametrize(("text", "copies", "syns", "synacks"), [case[1:] for case in SYNS], ids=[case[0] for case in SYNS])
def test_handshakes(text: str, copies: int, syns: int, synacks: int) -> None:
    played = play(text)
    assert played.table.duplicates == copies
    shake = played.row.handshake
    assert (shake.syn_retransmissions, shake.synack_retransmissions, shake.outcome) == (syns, synacks, "completed")


def test_a_whole_connection_captured_on_two_interfaces() -> None:
    """`-i any` on a router: every frame twice, out of the second interface a little later, IDs or not."""
    once = ladder(HANDSHAKE, "0.1 C PA len=10\n0.11 S A\n0.12 S PA len=900\n0.13 C A", CLOSE)
    for ids in (None, 0, -1):
        frames = [replace(s, ip_id=s.ip_id if ids is None else ids) for s in once]
        twice = [replace(s, interface=n, time_ns=s.time_ns + n * 30_000) for s in frames for n in (0, 1)]
        played, plain = play(twice), play(frames)
        assert played.table.duplicates == len(once)
        assert played.paths == plain.paths
        for side, alone in (
            (played.row.client_side, plain.row.client_side),
            (played.row.server_side, plain.row.server_side),
        ):
            assert side is not None
            assert alone is not None
            assert (side.packets, side.payload_bytes, side.retransmissions) == (
                alone.packets,
                alone.payload_bytes,
                alone.retransmissions,
            )


def test_long_transfer_captured_twice() -> None:
    """Copies in the quiet middle, where segments are only counted: none is taken for a repetition."""
    lines = "\n".join(f"{1 + i * 0.001:.3f} S PA len=1000\n{1.0005 + i * 0.001:.4f} C A" for i in range(40))
    once = ladder(HANDSHAKE, lines)
    played = play([replace(s, time_ns=s.time_ns + n * 2000) for s in once for n in (0, 1)])
    assert played.table.duplicates == len(once)
    side = played.row.server_side
    assert side is not None
    assert (side.payload_bytes, side.retransmissions) == (40_000, 0)


def test_copies_leave_every_mark_of_the_connection_alone() -> None:
    """The close's figures come from what was sent, not from how often it was captured."""
    once = ladder(HANDSHAKE, CLOSE)
    row, plain = play([s for s in once for _ in (0, 1)]).row, play(once).row
    assert row.teardown == plain.teardown
    assert (row.handshake, row.history) == (plain.handshake, plain.history)
    assert row.time_wait == plain.time_wait
