"""Sequence space: distinct bytes, repetitions, holes and probes, against a model that keeps a set of numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.model.segments import PAYLOAD_CUT
from tcptrace_py.model.seq import add, ahead
from tests.ladder import HANDSHAKE, Played, ladder, play
from tests.thorough import examples


def codes(played: Played) -> list[str]:
    return [anomaly.code for row in played.rows for anomaly in row.anomalies]


# -- against sets ----------------------------------------------------------------------------------------------------


class Covered:
    """What a side has sent, number by number."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.fin_sent = False
        self.repeats = 0
        self.fin_repeats = 0

    def take(self, start: int, length: int, *, fin: bool) -> None:
        numbers = set(range(start, start + length))
        again = bool(numbers & self.numbers) or (fin and self.fin_sent)
        self.repeats += again
        self.fin_repeats += fin and self.fin_sent
        self.numbers |= numbers
        self.fin_sent |= fin


@settings(max_examples=examples(200), deadline=None)
@given(
    isn=st.sampled_from((1000, 2**32 - 1, 2**32 - 40, 2**31 - 10)),
    length=st.integers(2, 60),
    cuts=st.lists(st.tuples(st.integers(0, 60), st.integers(2, 30), st.booleans()), max_size=12),
)
def test_distinct_bytes_and_repetitions(isn: int, length: int, cuts: list[tuple[int, int, bool]]) -> None:
    """Any pieces of a stream, in any order and as often as you like, its FIN alone or on the last piece."""
    model, lines = Covered(), []
    for number, (at, most, with_fin) in enumerate(cuts):
        begin = min(at, length)
        size = min(most, length - begin)
        if size == 1:  # a lone byte may be a keep-alive
            begin, size = begin - 1, 2
        fin = with_fin and begin + size == length
        if not size and not fin:
            continue
        model.take(begin, size, fin=fin)
        lines.append(f"{number + 1} C {'F' if fin else ''}A seq={begin + 1} len={size} ack=1")
    row = play("\n".join((HANDSHAKE, *lines)), isns=(isn, 77)).row
    side = row.client_side
    assert side.payload_bytes == len(model.numbers)
    assert (side.retransmissions, side.fin_retransmissions) == (model.repeats, model.fin_repeats)
    assert side.packets == 2 + len(lines)


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_distance_is_what_was_added(number: int, distance: int) -> None:
    assert ahead(add(number, distance), number) == distance


# -- one by one ------------------------------------------------------------------------------------------------------

# segments behind the handshake; the client's payload bytes, repetitions, repeated FINs
COUNTS = [
    ("nothing", "", (0, 0, 0)),
    ("data", "1 C PA len=10", (10, 0, 0)),
    ("data lost and sent again, both captured", "1 C PA len=10\n2 C PA seq=1 len=10", (10, 1, 0)),
    ("repetition with more", "1 C PA len=10\n2 C PA seq=1 len=15", (15, 1, 0)),
    ("middle lost before the capture", "1 C PA len=10\n1.1 C PA seq=21 len=10\n2 C PA seq=11 len=10", (30, 0, 0)),
    ("swapped on the way", "1 C PA seq=11 len=10\n1.001 C PA seq=1 len=10", (20, 0, 0)),
    ("hole filled in two pieces", "1 C PA seq=21 len=10\n2 C PA seq=1 len=10\n3 C PA seq=11 len=10", (30, 0, 0)),
    ("hole filled twice", "1 C PA seq=11 len=10\n2 C PA seq=1 len=10\n3 C PA seq=1 len=10", (20, 1, 0)),
    ("FIN once more", "1 C FA\n2 C FA seq=1", (0, 1, 1)),
    ("FIN with data once more", "1 C FPA len=5\n2 C FPA seq=1 len=5", (5, 1, 1)),
    ("data again, now with the FIN", "1 C PA len=5\n2 C FPA seq=1 len=5", (5, 1, 0)),
    ("FIN beyond a hole, then the hole", "1 C FA seq=11\n2 C PA seq=1 len=10", (10, 0, 0)),
    ("SYN once more afterwards", "1 C S seq=0", (0, 1, 0)),
    ("a keystroke", "1 C PA len=1\n1.1 S A", (1, 0, 0)),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in COUNTS], ids=[case[0] for case in COUNTS])
def test_counts(text: str, expected: tuple[int, int, int]) -> None:
    side = play(HANDSHAKE + text).row.client_side
    assert (side.payload_bytes, side.retransmissions, side.fin_retransmissions) == expected


def test_fin_beyond_a_hole_then_all_of_it() -> None:
    side = play(HANDSHAKE + "1 C FA seq=11\n2 C FPA seq=1 len=10").row.client_side
    assert (side.payload_bytes, side.retransmissions, side.fin_retransmissions) == (10, 1, 1)


def test_syn_and_synack_sent_again_count_for_their_senders() -> None:
    row = play("0 C S\n1 C S seq=0\n1.01 S SA\n2.01 S SA seq=0\n2.02 C A").row
    assert (row.client_side.retransmissions, row.server_side and row.server_side.retransmissions) == (1, 1)
    assert (row.handshake.syn_retransmissions, row.handshake.synack_retransmissions) == (1, 1)
    assert row.client_side.payload_bytes == 0


def test_simultaneous_opens_synacks_repeat_no_syn() -> None:
    """The SYN/ACK of RFC 9293 figure 7 repeats the SYN's number without being a retransmission of it."""
    row = play("0 C S\n0.01 S S\n0.02 C SA seq=0\n0.03 S SA seq=0").row
    assert (row.client_side.retransmissions, row.server_side and row.server_side.retransmissions) == (0, 0)


def test_a_lone_byte_sent_again_unacknowledged_is_a_repetition() -> None:
    """An interactive session's keystroke, lost and sent again: a keep-alive asks when all was acknowledged."""
    played = play(HANDSHAKE + "1 C PA len=1\n1.3 C PA seq=1 len=1\n1.31 S A")
    assert played.row.client_side.retransmissions == 1
    assert codes(played) == []


@pytest.mark.parametrize("length", [0, 1])
def test_keep_alive_counts_nothing(length: int) -> None:
    """RFC 9293 3.8.4: SEG.SEQ = SND.NXT-1, with or without one garbage byte."""
    played = play(HANDSHAKE + f"1 C PA len=10\n1.01 S A\n8000 C A seq=10 len={length}\n8000.01 S A\n8075 C A seq=10 len={length}")
    side = played.row.client_side
    assert (side.payload_bytes, side.retransmissions, side.packets) == (10, 0, 5)
    assert codes(played) == ["keep-alive-probe"]


def test_keep_alive_before_any_data() -> None:
    """The garbage byte stands where the SYN was."""
    played = play(HANDSHAKE + "75 S A seq=0\n75.01 C A\n150 S A seq=0 len=1\n150.01 C A")
    side = played.row.server_side
    assert side is not None
    assert (side.payload_bytes, side.retransmissions) == (0, 0)
    assert codes(played) == ["keep-alive-probe"]


def test_zero_window_and_its_probes() -> None:
    """RFC 9293 3.8.6.1: a probe's byte is new data that the closed window may refuse, again and again."""
    played = play(
        HANDSHAKE
        + """
        1.0 C PA len=10
        1.1 S A win=0
        1.3 C A seq=11 len=1
        1.4 S A ack=11 win=0
        1.9 C A seq=11 len=1
        2.0 S A ack=11 win=0
        3.1 S A ack=11 win=100
        3.2 C PA seq=11 len=10
        3.3 S A
    """
    )
    side = played.row.client_side
    assert (side.payload_bytes, side.retransmissions) == (20, 0)
    assert codes(played) == ["zero-window", "zero-window-probe"]


def test_zero_window_probe_of_linux() -> None:
    """tcp_write_wakeup(): an empty segment one below; the receiver answers with its window."""
    played = play(HANDSHAKE + "1 C PA len=10\n1.1 S A win=0\n1.3 C A seq=10\n1.4 S A win=0\n1.9 C A seq=10\n2 S A win=9")
    assert (played.row.client_side.payload_bytes, played.row.client_side.retransmissions) == (10, 0)
    assert codes(played) == ["zero-window", "zero-window-probe"]


def test_the_byte_of_a_window_probe_counts_if_it_was_taken() -> None:
    played = play(HANDSHAKE + "1 C PA len=10\n1.1 S A win=0\n1.3 C A seq=11 len=1\n1.4 S A ack=12 win=50\n1.5 C PA seq=12 len=9\n1.6 S A")
    assert (played.row.client_side.payload_bytes, played.row.client_side.retransmissions) == (20, 0)
    assert "acked-unseen" not in codes(played)


def test_acknowledged_but_never_captured() -> None:
    played = play(HANDSHAKE + "1 S A ack=101\n1.1 C PA seq=101 len=10")
    assert played.row.client_side.payload_bytes == 10
    assert "acked-unseen" in codes(played)


def test_snapped_payload_counts_in_full() -> None:
    segments = [replace(s, notes=PAYLOAD_CUT) if s.payload else s for s in ladder(HANDSHAKE + "1 C PA len=1000\n1.01 S A\n1.1 C PA len=9")]
    assert play(segments).row.client_side.payload_bytes == 1009


def test_data_on_the_third_segment_and_in_the_syn() -> None:
    third = play("0 C S\n0.01 S SA\n0.02 C PA len=10\n0.03 S A").row
    assert (third.client_side.payload_bytes, third.handshake.outcome) == (10, "completed")
    fast = play("0 C S len=7\n0.01 S SA\n0.02 C A\n0.03 C PA len=3").row
    assert (fast.client_side.payload_bytes, fast.handshake.kind) == (10, "fast-open")


def test_fast_open_data_refused_is_sent_again() -> None:
    """RFC 7413 4.2.1: the SYN/ACK acknowledges the SYN alone; the data comes again and is the same data."""
    row = play("0 C S len=7\n0.01 S SA ack=1\n0.02 C PA seq=1 len=7\n0.03 S A").row
    assert row.client_side.payload_bytes == 7
    assert row.handshake.kind == "three-way"
    assert row.client_side.retransmissions == 1


def test_a_transfer_beyond_2_to_the_32() -> None:
    """Distinct numbers stay distinct when the numbers come round again: five steps of a gigabyte."""
    step = 2**30
    lines = [f"{1 + i * 0.01:.2f} C A len={step}\n{1.005 + i * 0.01:.3f} S A win=65535" for i in range(5)]
    row = play(HANDSHAKE.replace("C S", "C S ws=14").replace("S SA", "S SA ws=14 win=65535") + "\n".join(lines)).row
    assert row.client_side.payload_bytes == 5 * step
    assert row.client_side.retransmissions == 0


def test_old_segment_of_an_earlier_incarnation_counts_nothing() -> None:
    """RFC 9293 3.4.1: far from everything that this connection is about."""
    played = play(HANDSHAKE + "1 C PA len=10\n1.01 S A\n1.5 C PA seq=2000000000 len=50\n2 C PA seq=11 len=5\n2.01 S A ack=16")
    assert played.row.client_side.payload_bytes == 15
    assert codes(played) == ["old-incarnation-segment"]
    assert played.row.client_side.retransmissions == 0


def test_a_capture_that_missed_much_is_believed_at_the_second_segment() -> None:
    """Four seconds of a fast transfer lost by the capture: the numbers jump, and go on from there."""
    jump = 1_500_000_000
    played = play(HANDSHAKE + f"1 C PA len=10\n1.01 S A\n5 C PA seq={jump} len=50\n5.1 C PA len=50\n5.2 S A\n5.3 C PA len=50\n5.4 S A")
    assert played.row.client_side.payload_bytes >= 110
