"""One four-tuple, several connections: every rule of DESIGN 3.4 for a bare SYN on a known tuple."""

from __future__ import annotations

import pytest

from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, STAMPED, Played, ladder, play

ANSWERED = "{0:.2f} S SA isn=400000\n{1:.2f} C A\n"


def opened(played: Played) -> list[str]:
    return [row.handshake.outcome for row in played.rows]


def codes(played: Played, number: int = 0) -> list[str]:
    return [anomaly.code for anomaly in played.rows[number].anomalies]


def answered(at_s: float) -> str:
    return ANSWERED.format(at_s + 0.01, at_s + 0.02)


# -- at once ---------------------------------------------------------------------------------------------------------

# the old connection, then a SYN with another number: the outcomes of all connections
AT_ONCE = [
    ("in SYN_SENT", "0 C S", "3 C S isn=500000", ["unanswered", "unanswered"]),
    ("half-open", "0 C S\n0.01 S SA", "30 C S isn=500000", ["half-open", "unanswered"]),
    (
        "refused, tried again with a new number",
        "0 C S\n0.01 S RA",
        "1 C S isn=500000\n1.01 S RA",
        ["refused", "refused"],
    ),
    ("reset by the client", HANDSHAKE + "1 C RA", "2 C S isn=500000", ["completed", "unanswered"]),
    ("reset by the server", HANDSHAKE + "1 S RA", "2 C S isn=500000", ["completed", "unanswered"]),
    ("reset, with a lower number", HANDSHAKE + "1 C RA", "2 C S isn=5", ["completed", "unanswered"]),
    (
        "the client's own TIME_WAIT (its kernel let it go)",
        HANDSHAKE + CLOSE,
        "3 C S isn=500000",
        ["completed", "unanswered"],
    ),
    ("the client's own TIME_WAIT, lower number", HANDSHAKE + CLOSE, "3 C S isn=5", ["completed", "unanswered"]),
    (
        "the server's TIME_WAIT, higher number",
        HANDSHAKE + SERVER_CLOSE,
        "3 C S isn=500000",
        ["completed", "unanswered"],
    ),
    (
        "the server's TIME_WAIT, higher number over the wrap",
        HANDSHAKE + SERVER_CLOSE,
        "3 C S isn=2147480000",
        ["completed", "unanswered"],
    ),
    ("the server calls the client", HANDSHAKE + SERVER_CLOSE, "3 S S isn=500000", ["completed", "unanswered"]),
    ("TIME_WAIT long over, lower number", HANDSHAKE + SERVER_CLOSE, "200 C S isn=5", ["completed", "unanswered"]),
    ("TIME_WAIT just over, lower number", HANDSHAKE + SERVER_CLOSE, "61.1 C S isn=5", ["completed", "unanswered"]),
    ("newer timestamp, lower number", STAMPED, "3 C S isn=5 ts=2021,0", ["completed", "unanswered"]),
    ("newer timestamp over the wrap", STAMPED, "3 C S isn=5 ts=2147485667,0", ["completed", "unanswered"]),
    ("timestamps only on the old one, higher number", STAMPED, "3 C S isn=500000", ["completed", "unanswered"]),
    (
        "timestamps only on the new one, higher number",
        HANDSHAKE + SERVER_CLOSE,
        "3 C S isn=500000 ts=1,0",
        ["completed", "unanswered"],
    ),
    ("a SYN behind a whole silent day", HANDSHAKE, "90000 C S isn=5", ["completed", "unanswered"]),
]


@pytest.mark.parametrize(("old", "new", "outcomes"), [case[1:] for case in AT_ONCE], ids=[case[0] for case in AT_ONCE])
def test_a_new_incarnation_at_once(old: str, new: str, outcomes: list[str]) -> None:
    played = play(old + "\n" + new, end_s=90_100)
    assert opened(played) == outcomes
    assert "stray-syn" not in codes(played)


def test_an_equal_timestamp_leaves_the_number_to_decide() -> None:
    """tcp_timewait_state_process(): PAWS rejects only what is older; at an equal value after(seq, rcv_nxt) decides."""
    assert opened(play(STAMPED + "1.031 C S isn=500000 ts=2020,0", end_s=9)) == ["completed", "unanswered"]
    assert opened(play(STAMPED + "1.031 C S isn=5 ts=2020,0")) == ["completed"]


# -- the same number -------------------------------------------------------------------------------------------------


def test_the_same_number_is_a_retransmission() -> None:
    row = play("0 C S\n1 C S seq=0\n3 C S seq=0\n3.01 S SA\n3.02 C A").row
    assert (row.handshake.syn_retransmissions, row.client_side.retransmissions) == (2, 2)
    assert (row.handshake.total_ns, row.handshake.syn_to_synack_ns) == (3_020_000_000, 10_000_000)


@pytest.mark.parametrize("at_s", [0.5, 1.5])
def test_an_old_duplicate_of_the_syn_is_no_new_connection(at_s: float) -> None:
    """During the connection and after its close."""
    segments = sorted(ladder(HANDSHAKE, CLOSE, f"{at_s} C S seq=0"), key=lambda segment: segment.time_ns)
    played = play(segments)
    assert opened(played) == ["completed"]
    assert codes(played) == ["old-duplicate-syn"]
    assert played.row.teardown.pattern == "four-way"
    assert played.paths == play(HANDSHAKE + CLOSE).paths


# Behind isn=500000 the writer counts from there: the first incarnation's number, 1000, is seq=-499000.
SECOND = "3 C S isn=500000\n3.01 S SA isn=700000\n3.02 C A\n4 C FA\n4.01 S FA\n4.02 C A\n"
GHOST = "5 C S seq=-499000{}\n5.01 S SA isn=900000 ack=-498999\n5.02 C A seq=2 ack=-199998\n5.03 S R seq=-199998"


def test_an_old_duplicate_of_an_earlier_incarnations_syn_is_no_connection() -> None:
    """The listener answers it; the client's TIME_WAIT answers that, and the RST that this meets ends the stay (RFC 1337)."""
    played = play(HANDSHAKE + CLOSE + SECOND + GHOST.format(""))
    assert opened(played) == ["completed", "completed"]
    assert codes(played, 1)[:2] == ["old-duplicate-syn", "synack-wrong-ack"]
    assert played.rows[1].teardown.pattern == "four-way"
    assert played.rows[1].handshake.synack_retransmissions == 0
    assert [stay.ended_by for stay in played.rows[1].time_wait] == ["killed"]


def test_an_old_duplicate_of_an_earlier_incarnations_syn_in_a_later_one() -> None:
    played = play(HANDSHAKE + CLOSE + "3 C S isn=500000\n3.01 S SA isn=700000\n3.02 C A\n3.5 C S seq=-499000\n3.51 S A\n4 C FA")
    assert opened(played) == ["completed", "completed"]
    assert codes(played, 1) == ["old-duplicate-syn"]


def test_an_earlier_number_with_a_newer_timestamp_is_a_new_connection() -> None:
    second = "3 C S isn=500000 ts=3000,0\n3.01 S SA isn=700000 ts=3000,3000\n3.02 C A ts=3020,3000\n3.1 C RA ts=3100,3000\n"
    assert len(play(STAMPED + second + "5 C S isn=1000 ts=5000,0").rows) == 3
    assert len(play(STAMPED + second + "5 C S isn=1000 ts=1000,0").rows) == 2
    assert len(play(STAMPED + second + "5 C S isn=1001 ts=5000,0").rows) == 3


def test_a_reset_that_answers_an_old_segment_during_the_handshake_ends_nothing() -> None:
    text = "0 C S\n0.01 S SA\n0.015 C A seq=-700000 ack=-500000\n0.016 S R seq=-500000\n0.02 C A\n0.03 C PA len=5\n0.04 S A\n"
    assert play(text + CLOSE).row.teardown.pattern == "four-way"


def test_segments_of_an_earlier_incarnation_in_a_row_are_not_believed_for_their_old_timestamps() -> None:
    text = STAMPED.split("1.000")[0] + "0.5 C A seq=-900000 ack=5 len=100 ts=10,5\n0.6 C FA seq=-899900 ack=5 ts=11,5\n"
    assert [fin.state.name for fin in play(text).row.client_side.states] == ["CLOSED", "SYN_SENT", "ESTABLISHED"]
    assert codes(play(text)) == ["old-incarnation-segment"] * 2


def test_a_refused_syn_sent_again_with_the_same_number() -> None:
    row = play("0 C S\n0.01 S RA\n0.5 C S seq=0\n0.51 S RA").row
    assert row.handshake.outcome == "refused"
    assert (row.handshake.syn_retransmissions, len(row.resets)) == (1, 2)


# -- strays ----------------------------------------------------------------------------------------------------------

# Behind a SYN the writer counts from its number: -498999 is 1 as the old connection counts.
STRAYS = [
    ("over an open connection", HANDSHAKE, "1 C S isn=500000"),
    ("lower number, over an open connection", HANDSHAKE, "1 C S isn=5"),
    ("over a half-closed connection", HANDSHAKE + "1 C FA\n1.01 S A", "2 C S isn=500000"),
    ("the server's TIME_WAIT, lower number", HANDSHAKE + SERVER_CLOSE, "3 C S isn=5"),
    ("the server's TIME_WAIT, equal to what it expects", HANDSHAKE + SERVER_CLOSE, "3 C S isn=1002"),
    ("older timestamp, higher number", STAMPED, "3 C S isn=500000 ts=2019,0"),
    (
        "over a connection that began before the capture",
        "0 C PA seq=1 ack=1 len=4\n0.1 S A seq=1 ack=5",
        "1 C S isn=500000",
    ),
]


@pytest.mark.parametrize(("old", "syn"), [case[1:] for case in STRAYS], ids=[case[0] for case in STRAYS])
def test_a_stray_syn_changes_nothing(old: str, syn: str) -> None:
    """Nothing answers it: the old connection is what it would have been without it."""
    played, plain = play(f"{old}\n{syn}"), play(old)
    assert len(played.rows) == 1
    assert "stray-syn" in codes(played)
    assert played.paths == plain.paths
    assert played.row.teardown == plain.row.teardown
    assert played.row.client_side.payload_bytes == plain.row.client_side.payload_bytes


def test_an_open_connection_goes_on_over_a_stray_syn() -> None:
    played = play(
        HANDSHAKE + "1 C S isn=500000\n" + "2 C PA seq=-498999 len=5\n2.01 S A ack=-498994\n3 S PA ack=-498994 len=6\n3.01 C A seq=-498994"
    )
    assert len(played.rows) == 1
    assert (played.row.client_side.payload_bytes, played.row.server_side and played.row.server_side.payload_bytes) == (
        5,
        6,
    )
    assert codes(played) == ["stray-syn"]


def test_a_stray_syn_that_is_answered_at_once() -> None:
    played = play(HANDSHAKE + "1 C S isn=500000\n1.01 S SA isn=600000\n1.02 C A\n1.1 C PA len=5\n1.11 S A")
    assert opened(played) == ["completed", "completed"]
    assert played.rows[1].client_side.payload_bytes == 5
    assert played.rows[1].first_frame == 4
    assert played.rows[0].teardown.pattern == "none"


def test_a_stray_syn_answered_when_it_comes_again() -> None:
    """The new connection began with its first SYN: what its user waited for."""
    played = play(HANDSHAKE + "1 C S isn=500000\n2 C S seq=0\n2.01 S SA isn=600000\n2.02 C A")
    assert opened(played) == ["completed", "completed"]
    shake = played.rows[1].handshake
    assert (shake.syn_retransmissions, shake.total_ns, shake.syn_to_synack_ns) == (1, 1_020_000_000, 10_000_000)
    assert played.rows[1].first_frame == 4


def test_a_stray_syn_that_is_refused() -> None:
    played = play(HANDSHAKE + "1 C S isn=500000\n1.01 S RA")
    assert opened(played) == ["completed", "refused"]


def test_half_open_discovery() -> None:
    """RFC 9293 figure 9: the client forgot; a RST answers the challenge, then the SYN comes again."""
    played = play(HANDSHAKE + "5 C S isn=500000\n5.01 S A ack=-498999\n5.02 C R seq=-498999\n6 C S seq=0\n6.01 S SA isn=600000\n6.02 C A")
    assert opened(played) == ["completed", "completed"]
    old, new = played.rows
    assert old.teardown.pattern == "rst"
    assert old.teardown.reset is not None
    assert old.teardown.reset.by == "client"
    assert new.handshake.syn_retransmissions == 1
    assert new.teardown.pattern == "none"


def test_refused_in_time_wait_then_let_in() -> None:
    """FACTS: the old ACK is answered by a RST, which kills TIME_WAIT and not the attempt; the SYN comes again."""
    old_ack = 1002 - 5
    played = play(
        HANDSHAKE
        + SERVER_CLOSE
        + f"""
        3.00 C S isn=5
        3.01 S A ack={old_ack}
        3.02 C R seq={old_ack}
        4.00 C S seq=0
        4.01 S SA isn=700000
        4.02 C A
    """
    )
    assert opened(played) == ["completed", "completed"]
    old, new = played.rows
    assert (old.teardown.pattern, old.time_wait[0].ended_by) == ("four-way", "killed")
    assert (new.handshake.syn_retransmissions, new.teardown.pattern) == (1, "none")


def test_a_new_syn_ends_the_stay() -> None:
    played = play(HANDSHAKE + CLOSE + "3 C S isn=500000\n" + answered(3))
    stay = played.rows[0].time_wait[0]
    assert (stay.ended_by, stay.ended_at_ns) == ("reused", played.rows[1].start_ns)
    assert played.rows[0].client_side.final_state_name == "CLOSED"


def test_three_incarnations_keep_their_segments_apart() -> None:
    text = (
        HANDSHAKE
        + CLOSE
        + "3 C S isn=500000\n"
        + answered(3)
        + "3.1 C PA len=7\n3.11 S RA\n"
        + "4 C S isn=900000\n4.01 S SA isn=800000\n4.02 C A\n4.1 C PA len=9\n4.2 S A"
    )
    played = play(text)
    assert [row.client_side.payload_bytes for row in played.rows] == [0, 7, 9]
    assert [row.teardown.pattern for row in played.rows] == ["four-way", "rst", "none"]
    assert [row.id for row in played.rows] == [0, 1, 2]
    assert [row.stream for row in played.rows] == [0, 1, 2]
    assert sum(row.client_side.packets + (row.server_side.packets if row.server_side else 0) for row in played.rows) == 7 + 5 + 5


# -- not incarnations at all -----------------------------------------------------------------------------------------


def test_simultaneous_open_is_one_connection() -> None:
    played = play("0 C S\n0.01 S S\n0.02 C SA seq=0\n0.03 S SA seq=0")
    assert opened(played) == ["completed"]
    assert played.row.handshake.kind == "simultaneous"


def test_syn_captured_behind_its_answer() -> None:
    played = play("0 S SA ack=1\n0.0001 C S\n0.01 C A\n0.1 C PA len=4")
    assert len(played.rows) == 1
    assert (played.row.client.port, played.row.handshake.outcome) == (40000, "completed")


def test_syn_captured_behind_its_own_data() -> None:
    played = play("0 C PA seq=1 ack=1 len=4\n0.0001 C S seq=0\n0.0002 S SA seq=0")
    assert len(played.rows) == 1
    assert played.row.client_side.payload_bytes == 4


def test_a_synack_with_another_number_begins_nothing() -> None:
    played = play(HANDSHAKE + "1 S SA isn=300000 ack=1")
    assert len(played.rows) == 1


def test_self_connect_is_one_connection() -> None:
    played = play("0 C S\n0.00001 C SA seq=0 ack=1\n0.00002 C A seq=1 ack=1", client="127.0.0.1", server="127.0.0.1", port=80)
    row = played.row
    assert (row.handshake.kind, row.handshake.outcome, row.server_side) == ("self-connect", "completed", None)


def test_who_connects_to_itself_twice_at_once_has_one_side_in_each() -> None:
    """What came behind was the second side's, which has no path: an index out of range."""
    text = "0 C S if=0\n0.00001 C S seq=500000 if=1\n0.00002 C A seq=1 ack=1 if=0\n0.00003 C PA seq=1 ack=1 len=9 if=0"
    played = play(text, client="127.0.0.1", server="127.0.0.1", port=80)
    first, second = played.rows
    assert (first.handshake.outcome, first.client_side.packets, first.client_side.payload_bytes) == ("completed", 3, 9)
    assert (second.handshake.outcome, second.client_side.packets) == ("in-progress", 1)


# -- a TIME_WAIT that does not take the SYN --------------------------------------------------------------------------

MET = "{0} S A seq=2 ack=-498998\n"  # the old connection's last ACK once more, as a SYN with the number 500000 is met
RESET = "{0} C R seq=-498998\n"
REFUSED = HANDSHAKE + SERVER_CLOSE + "3 C S isn=500000\n" + MET.format(3.01) + RESET.format(3.02)
AGAIN = "{0} C S seq=0\n{0}.01 S A seq=2 ack=-498998\n{0}.02 C R seq=-498998\n"

# what follows the old connection and the SYN that its TIME_WAIT refused: the new outcome, how the stay ended
REFUSALS = [
    ("once", "", "refused-by-time-wait", "killed"),
    ("and again: the first RST may have been lost", AGAIN.format(4), "refused-by-time-wait", "killed"),
    ("and a third time: no RST ends it", AGAIN.format(4) + AGAIN.format(6), "refused-by-time-wait", "expired"),
    ("then through", "4 C S seq=0\n4.01 S SA isn=700000\n4.02 C A", "completed", "killed"),
    ("then a RST", "4 C S seq=0\n4.01 S RA", "refused", "killed"),
    ("then silence", "4 C S seq=0\n6 C S seq=0", "refused-by-time-wait", "killed"),
]


@pytest.mark.parametrize(("behind", "outcome", "ended_by"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_time_wait_refuses_a_syn_with_a_newer_number(behind: str, outcome: str, ended_by: str) -> None:
    """As lwIP's does; Linux takes it (RFC 9293 3.10.7.4 leaves both open)."""
    played = play(REFUSED + behind, end_s=200)
    assert opened(played) == ["completed", outcome]
    assert set(codes(played, 1)) == {"syn-met-time-wait"}
    assert [stay.ended_by for stay in played.rows[0].time_wait] == [ended_by]


# what comes behind the SYN, where no TIME_WAIT refused it
NOT_REFUSED = [
    ("silence", HANDSHAKE + SERVER_CLOSE, "", "unanswered"),
    ("an ACK with other numbers", HANDSHAKE + SERVER_CLOSE, "3.01 S A seq=70 ack=-498998", "unanswered"),
    ("taken at once", HANDSHAKE + SERVER_CLOSE, "3.01 S SA isn=700000\n3.02 C A", "completed"),
    ("the other side closed first: its peer has no TIME_WAIT", HANDSHAKE + CLOSE, MET.format(3.01), "unanswered"),
]


@pytest.mark.parametrize(("old", "behind", "outcome"), [case[1:] for case in NOT_REFUSED], ids=[case[0] for case in NOT_REFUSED])
def test_no_time_wait_refuses_a_syn(old: str, behind: str, outcome: str) -> None:
    played = play(old + "3 C S isn=500000\n" + behind, end_s=200)
    assert opened(played) == ["completed", outcome]
    assert "syn-met-time-wait" not in codes(played, 1)


def test_a_refusal_at_the_end_of_the_capture_is_none_in_flight() -> None:
    """The SYN was answered; one that was sent again behind it is in flight."""
    assert opened(play(REFUSED, end_s=3.1)) == ["completed", "refused-by-time-wait"]
    assert opened(play(REFUSED + "4 C S seq=0", end_s=4.1)) == ["completed", "in-progress"]


# -- a SYN, or its answer, that was not captured ---------------------------------------------------------------------

OLD = "0.030 C PA len=100\n0.040 S PA len=300\n0.050 C A\n"
NEW = """
3.00 C S isn=500000
3.01 S SA isn=400000
3.02 C A
3.03 C PA len=7
3.04 S A
3.05 S FA
3.06 C A
3.07 C FA
3.08 S A
"""  # the server closes
BOTH = HANDSHAKE + OLD + CLOSE + NEW  # the client closes the first one
FIN, LAST_ACK, SYN, SYN_ACK, ACK = 7, 10, 11, 12, 13  # frames of both


def without(text: str, *frames: int) -> Played:
    return play([segment for at, segment in enumerate(ladder(text), 1) if at not in frames], end_s=9)


@pytest.mark.parametrize(
    "frames",
    [
        (SYN,),
        (SYN_ACK,),
        (SYN, SYN_ACK),
        (SYN, ACK),
        (SYN, SYN_ACK, ACK),
        (LAST_ACK, SYN),
        (LAST_ACK, SYN, SYN_ACK),
        (FIN, SYN),
        (FIN, SYN, SYN_ACK),
    ],
)
def test_a_connection_whose_beginning_was_not_captured_is_another_one(frames: tuple[int, ...]) -> None:
    """Neither number can be the old one's, and the next segment says the same."""
    old, new = without(BOTH, *frames).rows
    assert old.teardown.first_fin == ("client" if FIN not in frames else None)
    assert (new.teardown.pattern, new.teardown.first_fin, [stay.side for stay in new.time_wait]) == ("four-way", "server", ["server"])
    assert new.handshake.outcome == ("not-captured" if SYN in frames else "completed")
    assert [anomaly.code for anomaly in old.anomalies if anomaly.code != "acked-unseen"] == []
    assert new.client.port == 40000


def test_linux_begins_a_connection_just_behind_the_old_one() -> None:
    """tcp_timewait_state_process(): 65,537 behind the numbers of TIME_WAIT, which a window that was lost might have had."""
    for client_isn, server_isn in ((1102 + 65537, 400000), (500000, 9302 + 65537)):
        text = BOTH.replace("isn=500000", f"isn={client_isn}").replace("isn=400000", f"isn={server_isn}")
        for frames in ((SYN,), (SYN_ACK,), (FIN, SYN), (FIN, SYN_ACK)):
            assert len(without(text, *frames).rows) == 2, frames


# what comes behind a connection that was closed, and says of no other one
NOTHING_BEGUN = [
    ("a SYN/ACK that nobody answers", "3 S SA isn=400000 ack=499001", "synack-wrong-ack"),
    ("one that a RST answers", "3 S SA isn=400000 ack=499001\n3.01 C R seq=499001", "synack-wrong-ack"),
    ("one that was captured twice", "3 S SA isn=400000 ack=499001 id=77\n3.00001 S SA seq=0 ack=499001 id=77", "synack-wrong-ack"),
    ("one that the old ACK answers", "3 S SA isn=400000 ack=499001\n3.01 C A seq=102 ack=-390698", "synack-wrong-ack"),
    ("a segment alone", "3 C A seq=900000 ack=800000 len=10", "old-incarnation-segment"),
    ("one that the old ACK answers, again", "3 C A seq=900000 ack=800000 len=10\n3.01 S A seq=302 ack=102", "old-incarnation-segment"),
]


@pytest.mark.parametrize(("behind", "code"), [case[1:] for case in NOTHING_BEGUN], ids=[case[0] for case in NOTHING_BEGUN])
def test_what_nothing_confirms_begins_nothing(behind: str, code: str) -> None:
    old = HANDSHAKE + OLD + CLOSE
    played, plain = play(old + behind, end_s=9), play(old, end_s=9)
    assert len(played.rows) == 1
    assert code in codes(played)
    assert played.paths == plain.paths
    assert (played.row.teardown.first_fin, [stay.side for stay in played.row.time_wait]) == ("client", ["client"])


def test_leftovers_in_a_row_with_the_timestamps_of_then_begin_nothing() -> None:
    leftovers = "3 C A seq=-900000 ack=-800000 len=100 ts=10,5\n3.01 C A seq=-899900 ack=-800000 len=100 ts=11,5"
    assert len(play(STAMPED + leftovers).rows) == 1
    assert len(play(STAMPED + leftovers.replace("ts=1", "ts=300")).rows) == 2


def test_a_segment_that_waits_counts_where_it_is_given_back() -> None:
    played = play(HANDSHAKE + CLOSE + "3 S PA seq=900000 ack=800000 len=10", end_s=9)
    server = played.row.server_side
    assert server is not None
    assert (server.packets, server.payload_bytes, played.row.last_frame, played.row.history) == (4, 0, 8, "ShAFafd")


def test_a_device_that_starts_anew_opens_with_the_same_number() -> None:
    """As small stacks do whose numbers begin with one that is fixed: the answer has another number than before."""
    rows = play(HANDSHAKE + CLOSE + "9 C S isn=1000\n9.01 S SA isn=70000\n9.02 C A\n10 S FA\n10.01 C A\n10.02 C FA\n10.03 S A").rows
    assert [(row.teardown.pattern, row.teardown.first_fin) for row in rows] == [("four-way", "client"), ("four-way", "server")]
    assert [[stay.side for stay in row.time_wait] for row in rows] == [["client"], ["server"]]


def test_what_answers_an_old_syn_that_came_late_opens_nothing() -> None:
    rows = play(HANDSHAKE + CLOSE + "9 C S seq=0\n9.01 S SA isn=70000\n9.02 C R seq=1").rows
    assert [(row.teardown.pattern, row.teardown.first_fin) for row in rows] == [("four-way", "client")]


def test_a_fin_that_both_sides_have_gone_beyond_is_another_connections() -> None:
    """The second leg of a transparent proxy, from a capture that begins behind its handshakes: its numbers are a little lower."""
    row = play(
        "0 S A seq=5000 ack=4000 len=1000\n0.001 C A seq=4000 ack=6000\n0.002 C FA seq=400 ack=2000\n0.003 S FA seq=2000 ack=401\n"
        "0.004 C A seq=401 ack=2001\n1 S FA seq=6000 ack=4000\n1.01 C FA seq=4000 ack=6001\n1.02 S A seq=6001 ack=4001"
    ).row
    assert (row.teardown.pattern, row.teardown.first_fin) == ("four-way", "server")
    assert [anomaly.frame for anomaly in row.anomalies if anomaly.code == "old-incarnation-segment"] == [3, 4]


AGAIN = "3 C S isn=1000\n3.01 S SA isn={isn}\n3.02 C A\n3.03 C PA len=10\n3.04 S PA len=5\n3.05 S FA\n3.06 C FA\n3.07 S A"


@pytest.mark.parametrize("isn", [9000, 50_000, 4_000_000_000])
@pytest.mark.parametrize("end", ["1 C R", "1 S RA", "1 C FA\n1.01 S RA", "1 C FA\n1.01 S A\n1.02 S FA\n1.03 C R"])
def test_a_number_that_is_used_again_behind_a_reset_begins_another_connection(end: str, isn: int) -> None:
    """A device that starts anew counts from the number that it began with; its peer may as well."""
    before = HANDSHAKE + "0.1 C PA len=10\n0.11 S PA len=20\n0.12 C A\n" + end + "\n"
    rows = play(before + AGAIN.format(isn=isn)).rows
    assert [(row.handshake.outcome, row.teardown.pattern) for row in rows] == [("completed", "rst"), ("completed", "four-way")]
    assert [anomaly for row in rows for anomaly in row.anomalies] == []
    assert [stay.side for stay in rows[1].time_wait] == ["server"]


@pytest.mark.parametrize("answer", ["", "3.01 S SA isn=50000\n3.02 C R", "3.01 S RA"])
def test_the_copy_of_a_syn_that_comes_late_behind_a_reset_opens_nothing(answer: str) -> None:
    before = HANDSHAKE + "0.1 C PA len=10\n0.11 S PA len=20\n0.12 C A\n1 C R\n3 C S isn=1000\n"
    (row,) = play(before + answer).rows
    assert (row.teardown.pattern, row.handshake.syn_retransmissions) == ("rst", 0)


def test_a_syn_with_the_number_of_before_that_comes_twice_is_an_attempt() -> None:
    before = HANDSHAKE + "0.1 C PA len=10\n0.11 S PA len=20\n0.12 C A\n1 C R\n"
    rows = play(before + "3 C S isn=1000\n4 C S isn=1000\n6 C S isn=1000", end_s=60).rows
    assert [(row.handshake.outcome, row.handshake.syn_retransmissions) for row in rows] == [("completed", 0), ("unanswered", 2)]
