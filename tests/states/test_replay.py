"""Ladders through evidence and table: what each side went through. Cases are named for what happened on the wire."""

from __future__ import annotations

import pytest

from tcptrace_py.model.state import Basis, State
from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, START_NS, path, play

SHORT = {
    "CL": "CLOSED",
    "LI": "LISTEN",
    "SS": "SYN_SENT",
    "SR": "SYN_RECEIVED",
    "ES": "ESTABLISHED",
    "F1": "FIN_WAIT_1",
    "F2": "FIN_WAIT_2",
    "CW": "CLOSE_WAIT",
    "CG": "CLOSING",
    "LA": "LAST_ACK",
    "TW": "TIME_WAIT",
}
OPEN = "CL SS ES", "LI SR ES"
SIMULTANEOUS_OPEN = "0 C S\n0.01 S S\n0.02 C SA seq=0\n0.03 S SA seq=0\n"


def short(words: str) -> str:
    return " ".join(SHORT[word] for word in words.split())


# name, ladder, the client's path, the server's path
PATHS = [
    # -- openings -----------------------------------------------------------------------------------------------------
    ("three-way handshake", HANDSHAKE, *OPEN),
    ("the ACK carries data", "0 C S\n0.01 S SA\n0.02 C PA len=9\n0.03 S A", *OPEN),
    ("the ACK carries a FIN", "0 C S\n0.01 S SA\n0.02 C FA\n0.03 S A", "CL SS ES F1 F2", "LI SR ES CW"),
    ("SYN lost and sent again", "0 C S\n1 C S seq=0\n1.01 S SA\n1.02 C A\n1.1 S A", *OPEN),
    ("SYN/ACK lost and sent again", "0 C S\n0.01 S SA\n1.01 S SA seq=0\n1.02 C A\n1.1 S A", *OPEN),
    ("unanswered", "0 C S\n1 C S seq=0\n3 C S seq=0", "CL SS", "CL"),
    ("given up with a RST", "0 C S\n1 C S seq=0\n2 C R seq=1", "CL SS CL", "CL"),
    ("refused", "0 C S\n0.01 S RA", "CL SS CL", "CL"),
    ("refused at the second try", "0 C S\n1 C S seq=0\n1.01 S RA", "CL SS CL", "CL"),
    ("half-open", "0 C S\n0.01 S SA\n1.01 S SA seq=0", "CL SS", "LI SR"),
    ("aborted: RST behind the SYN/ACK", "0 C S\n0.01 S SA\n0.02 C R seq=1", "CL SS CL", "LI SR CL"),
    ("simultaneous open", SIMULTANEOUS_OPEN + "0.04 C A", "CL SS SR ES", "CL SS SR ES"),
    ("fast open", "0 C S len=5\n0.01 S SA\n0.011 S PA len=7\n0.02 C A", *OPEN),
    (
        "accept queue full: SYN/ACKs and nothing else, data unanswered",
        HANDSHAKE + "0.1 C PA len=5\n0.3 C PA seq=1 len=5\n0.7 C PA seq=1 len=5\n1.01 S SA seq=0\n1.02 C A\n1.5 C PA seq=1 len=5"
        "\n3.01 S SA seq=0\n3.02 C A",
        "CL SS ES",
        "LI SR",
    ),
    # -- RFC 9293 3.10.7.3: what a SYN_SENT does not obey -------------------------------------------------------------
    ("RST without ACK in SYN_SENT", "0 C S\n0.01 S R seq=0", "CL SS", "CL"),
    ("RST that acknowledges another number", "0 C S\n0.01 S RA ack=-500", "CL SS", "CL"),
    ("RST that acknowledges too little", "0 C S\n0.01 S RA ack=0", "CL SS", "CL"),
    # -- closes -------------------------------------------------------------------------------------------------------
    ("the client closes", HANDSHAKE + CLOSE, "CL SS ES F1 F2 TW", "LI SR ES CW LA CL"),
    ("the server closes", HANDSHAKE + SERVER_CLOSE, "CL SS ES CW LA CL", "LI SR ES F1 F2 TW"),
    ("FIN and ACK merged", HANDSHAKE + "1 C FA\n1.01 S FA\n1.02 C A", "CL SS ES F1 F2 TW", "LI SR ES CW LA CL"),
    (
        "FIN with the last data",
        HANDSHAKE + "1 C FPA len=9\n1.01 S A\n1.02 S FPA len=9\n1.03 C A",
        "CL SS ES F1 F2 TW",
        "LI SR ES CW LA CL",
    ),
    (
        "half-close, data the other way, then the rest",
        HANDSHAKE + "1 C FA\n1.01 S A\n2 S PA len=9\n2.01 C A\n60 S PA len=9\n60.01 C A\n90 S FA\n90.01 C A",
        "CL SS ES F1 F2 TW",
        "LI SR ES CW LA CL",
    ),
    (
        "simultaneous close",
        HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.02 C A\n1.021 S A",
        "CL SS ES F1 CG TW",
        "LI SR ES F1 CG TW",
    ),
    ("FIN_WAIT_2 that never ends", HANDSHAKE + "1 C FA\n1.01 S A", "CL SS ES F1 F2", "LI SR ES CW"),
    ("FIN unanswered", HANDSHAKE + "0.1 S A\n1 C FA\n2 C FA seq=1\n4 C FA seq=1", "CL SS ES F1", "LI SR ES"),
    (
        "LAST_ACK whose ACK was lost",
        HANDSHAKE + "1 C FA\n1.01 S FA\n1.02 C A\n1.5 S FA seq=1\n1.51 C A",
        "CL SS ES F1 F2 TW",
        "LI SR ES CW LA CL",
    ),
    (
        "the second FIN is never acknowledged",
        HANDSHAKE + "1 C FA\n1.01 S FA\n2 S FA seq=1\n4 S FA seq=1",
        "CL SS ES F1 F2",
        "LI SR ES CW LA",
    ),
    (
        "FIN sent again, lost before the capture's far side",
        HANDSHAKE + "1 C FA\n1.3 C FA seq=1\n1.31 S A\n1.32 S FA\n1.33 C A",
        "CL SS ES F1 F2 TW",
        "LI SR ES CW LA CL",
    ),
    # -- resets -------------------------------------------------------------------------------------------------------
    ("abort by the client", HANDSHAKE + "0.1 S A\n1 C RA", "CL SS ES CL", "LI SR ES CL"),
    ("abort by the server", HANDSHAKE + "0.1 S A\n1 S RA", "CL SS ES CL", "LI SR ES CL"),
    ("RST in FIN_WAIT_2 and CLOSE_WAIT", HANDSHAKE + "1 C FA\n1.01 S A\n2 S RA", "CL SS ES F1 F2 CL", "LI SR ES CW CL"),
    (
        "data after the close is answered by a RST",
        HANDSHAKE + "1 C FA\n1.01 S A\n2 S PA len=5\n2.01 C R seq=2",
        "CL SS ES F1 F2 CL",
        "LI SR ES CW CL",
    ),
    ("RST in LAST_ACK", HANDSHAKE + "1 C FA\n1.01 S FA\n1.1 C R seq=2", "CL SS ES F1 F2 CL", "LI SR ES CW LA CL"),
    ("RST kills TIME_WAIT", HANDSHAKE + CLOSE + "2 S R seq=2", "CL SS ES F1 F2 TW CL", "LI SR ES CW LA CL"),
    ("RST far from the window", HANDSHAKE + "0.1 S A\n1 S R seq=900000\n2 C PA len=5\n2.01 S A", *OPEN),
    ("RST before the window", HANDSHAKE + "0.1 S PA len=100\n0.11 C A\n1 S R seq=1\n2 C PA len=5\n2.01 S A", *OPEN),
    # -- begun before the capture -------------------------------------------------------------------------------------
    ("mid-stream data", "0 C PA seq=1 ack=1 len=5\n0.01 S A seq=1", "ES", "ES"),
    (
        "mid-stream close",
        "0 C PA seq=1 ack=1 len=5\n0.01 S A seq=1\n1 C FA\n1.01 S A\n1.02 S FA\n1.03 C A",
        "ES F1 F2 TW",
        "ES CW LA CL",
    ),
    ("mid-stream RST", "0 C PA seq=1 ack=1 len=5\n0.01 S A seq=1\n1 S RA", "ES CL", "ES CL"),
]


@pytest.mark.parametrize(("text", "client", "server"), [case[1:] for case in PATHS], ids=[case[0] for case in PATHS])
def test_paths(text: str, client: str, server: str) -> None:
    assert play(text).paths == (short(client), short(server))


@pytest.mark.parametrize(("text", "client", "server"), [case[1:] for case in PATHS], ids=[case[0] for case in PATHS])
def test_paths_over_the_wrap(text: str, client: str, server: str) -> None:
    """The same with initial numbers at the end of the circle."""
    assert play(text, isns=(2**32 - 1, 2**32 - 2)).paths == (short(client), short(server))


def test_a_syn_sent_obeys_no_rst_beyond_what_it_sent() -> None:
    """RFC 9293 3.10.7.3: SND.UNA < SEG.ACK =< SND.NXT, or the segment is dropped."""
    assert path(play("0 C S\n0.01 S RA ack=500").row.client_side) == short("CL SS")


def test_self_connect_has_one_path() -> None:
    text = "0 C S\n0.1 C SA seq=0 ack=1\n0.2 C A seq=1 ack=1\n1 C FA seq=1 ack=1\n1.1 C A seq=2 ack=2"
    row = play(text, client="127.0.0.1", server="127.0.0.1", port=80).row
    assert path(row.client_side) == short("CL SS SR ES F1 CG TW")
    assert row.server_side is None
    assert (row.teardown.pattern, len(row.time_wait)) == ("simultaneous", 1)


def test_self_connect_whose_synack_was_missed_is_open_where_it_acknowledges_its_syn() -> None:
    text = "0 C S\n0.2 C A seq=1 ack=1\n1 C FA seq=1 ack=1\n1.1 C A seq=2 ack=2"
    row = play(text, client="127.0.0.1", server="127.0.0.1", port=80).row
    assert path(row.client_side) == short("CL SS ES F1 CG TW")
    assert (row.handshake.outcome, row.teardown.pattern) == ("completed", "simultaneous")


# -- times and bases -------------------------------------------------------------------------------------------------


def entries(text: str, which: str = "client", **options: float) -> list[tuple[str, float | None, int | None, str]]:
    row = play(text, **options).row  # type: ignore[arg-type]
    side = row.client_side if which == "client" else row.server_side
    assert side is not None
    return [(e.state.name, None if e.at_ns is None else (e.at_ns - START_NS) / 1e9, e.frame, e.basis.value) for e in side.states]


def test_a_path_names_its_frames_and_its_bases() -> None:
    assert entries(HANDSHAKE + CLOSE) == [
        ("CLOSED", None, None, "inferred"),
        ("SYN_SENT", 0.0, 1, "observed"),
        ("ESTABLISHED", 0.02, 3, "observed"),
        ("FIN_WAIT_1", 1.0, 4, "observed"),
        ("FIN_WAIT_2", 1.01, 5, "assumed"),
        ("TIME_WAIT", 1.03, 7, "observed"),
    ]
    assert entries(HANDSHAKE + CLOSE, "server") == [
        ("LISTEN", None, None, "inferred"),
        ("SYN_RECEIVED", 0.01, 2, "observed"),
        ("ESTABLISHED", 0.02, 3, "assumed"),
        ("CLOSE_WAIT", 1.01, 5, "observed"),
        ("LAST_ACK", 1.02, 6, "observed"),
        ("CLOSED", 1.03, 7, "assumed"),
    ]


def test_merged_fin_enters_fin_wait_2_and_time_wait_at_once() -> None:
    """RFC 9293 3.10.7.4 processes the acknowledgement before the FIN of the same segment."""
    times = {name: at for name, at, _, _ in entries(HANDSHAKE + "1 C FA\n1.01 S FA\n1.02 C A")}
    assert times["FIN_WAIT_2"] == times["TIME_WAIT"] == 1.02


def test_time_wait_is_assumed_where_the_last_ack_is_missing() -> None:
    """The FIN was captured, what answers it was not: entered at the FIN."""
    assert entries(HANDSHAKE + "1 C FA\n1.01 S A\n1.02 S FA")[-1] == ("TIME_WAIT", 1.02, 6, "assumed")


def test_the_end_of_time_wait_is_the_clocks() -> None:
    assert entries(HANDSHAKE + CLOSE, end_s=61.0)[-1][0] == "TIME_WAIT"
    assert entries(HANDSHAKE + CLOSE, end_s=62.0)[-1] == ("CLOSED", 61.03, None, "clock")


def test_midstream_begins_with_an_assumed_state() -> None:
    first = entries("0 C PA seq=1 ack=1 len=5\n0.01 S A seq=1")[0]
    assert first == ("ESTABLISHED", 0.0, 1, "assumed")


def test_every_reason_names_its_section() -> None:
    for side in (play(HANDSHAKE + CLOSE, end_s=100).row.client_side, play(HANDSHAKE + "1 C RA").row.client_side):
        assert all("RFC 9293" in entry.reason for entry in side.states[1:])
        assert side.states[0].basis == Basis.INFERRED


# -- rules under loss (DESIGN 3.2: receipt is assumed, corrected by evidence) ----------------------------------


def test_synack_repeated_after_the_ack_puts_off_the_servers_established() -> None:
    """The first ACK did not arrive: the server was ESTABLISHED by the one behind its repetition."""
    states = entries("0 C S\n0.01 S SA\n0.02 C A\n1.01 S SA seq=0\n1.02 C A\n1.5 C PA len=5\n1.51 S A", "server")
    assert [s for s in states if s[0] == "ESTABLISHED"] == [("ESTABLISHED", 1.02, 5, "assumed")]


def test_synack_that_crossed_the_ack_puts_off_nothing() -> None:
    """Sent again less than a round trip after the ACK passed: it was on its way already."""
    text = "0 C S\n0.01 S SA\n0.11 C A\n0.115 S SA seq=0\n0.215 C A\n1.5 C PA len=5\n1.51 S A"
    assert [s for s in entries(text, "server") if s[0] == "ESTABLISHED"] == [("ESTABLISHED", 0.11, 3, "assumed")]


def test_fin_repeated_after_its_ack_puts_off_fin_wait_2() -> None:
    """Far from the first closer: the ACK of its FIN was lost behind the capture, the one of the repetition arrived."""
    far = "0 C S\n0.0001 S SA\n0.05 C A\n"  # at the server
    text = far + "1 C FA\n1.0001 S A\n1.3 C FA seq=1\n1.3001 S A\n2 S FA\n2.05 C A"
    assert [s for s in entries(text) if s[0] == "FIN_WAIT_2"] == [("FIN_WAIT_2", 1.3001, 7, "assumed")]


def test_a_second_closer_is_known_by_what_its_fin_acknowledges() -> None:
    """The FINs cross on the wire, but one of them acknowledges the other: four-way, however close in time."""
    row = play(HANDSHAKE + "1 C FA\n1.0001 S FA\n1.0002 C A").row
    assert row.teardown.pattern == "four-way"


def test_simultaneous_close_with_one_ack_riding_on_a_repeated_fin() -> None:
    """CLOSING -> TIME_WAIT sends nothing: the ACK may come on the FIN sent again."""
    played = play(HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.02 C A\n1.3 S FA seq=1 ack=2\n1.31 C A")
    assert played.row.teardown.pattern == "simultaneous"
    assert {stay.side for stay in played.row.time_wait} == {"client", "server"}


def test_fins_repeated_as_the_acks_of_each_other() -> None:
    """As BSD has it in CLOSING: both had the first FIN of the other, whose ACK the second one is."""
    played = play(HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.011 C FA seq=1 ack=2\n1.012 S FA seq=1 ack=2")
    assert played.paths == (short("CL SS ES F1 CG TW"), short("LI SR ES F1 CG TW"))


def test_the_second_copy_of_a_fin_is_taken_where_its_answer_had_the_time() -> None:
    """The first was lost on its way: what acknowledged the server's FIN came with the second."""
    played = play(HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.011 C FA seq=1 ack=2\n1.031 S A")
    assert played.paths[1] == short("LI SR ES F1 F2 TW")


def test_rst_that_both_sides_ignore_changes_nothing() -> None:
    """A forged RST in the window: the connection goes on, the RST is named."""
    text = HANDSHAKE + "0.1 S A\n1 S R seq=1\n2 C PA len=5\n2.01 S PA len=6\n2.02 C A\n3 C PA len=5\n3.01 S A"
    row = play(text).row
    assert row.teardown.pattern == "none"
    assert row.client_side.final_state == State.ESTABLISHED
    assert [a.code for a in row.anomalies] == ["rst-ignored"]


def test_rst_with_ack_proves_the_fin() -> None:
    """REASONING: with ACK a RST counts as an acknowledgement; without, its number is that of what it answers."""
    row = play(HANDSHAKE + "1 C FA\n1.01 S RA").row
    assert path(row.server_side) == short("LI SR ES CW CL")
    row = play(HANDSHAKE + "0.1 S A\n1 C FA\n1.01 S RA ack=1").row
    assert path(row.server_side) == short("LI SR ES CL")


def test_rst_behind_the_handshake_from_a_server_without_a_socket() -> None:
    """A RST without ACK that answers the handshake's ACK: the server was never ESTABLISHED."""
    assert play(HANDSHAKE + "0.03 S R seq=1").paths == (short("CL SS ES CL"), short("LI SR CL"))


# -- IP IDs: a Linux socket counts what it sends, what is left of it in TIME_WAIT sends with 0 ---------------------------

AT_CLIENT = "0 C S\n0.1 S SA id=0\n0.10001 C A id=11\n0.2 C PA len=5 id=12\n0.3 S A id=50\n"


@pytest.mark.parametrize(
    ("ip_id", "server"),
    [
        (51, "LI SR ES CW LA CL"),  # nothing was lost
        (52, "LI SR ES CW LA CL"),  # its FIN, once: the ACK rode on it
        (53, "LI SR ES F1 CG TW"),  # its FIN and the ACK of the other's: it sent them one by one, so it closed by itself
        (54, "LI SR ES CW LA CL"),
    ],
)
def test_how_many_segments_were_lost_tells_who_closed_by_itself(ip_id: int, server: str) -> None:
    text = AT_CLIENT + f"1 C FA id=13\n1.3 C FA seq=6 id=14\n1.38 S FA seq=1 ack=7 id={ip_id}\n1.38001 C A id=15"
    assert play(text).paths[1] == short(server)


def test_an_answer_to_the_later_fin_proves_nothing_of_the_earlier_one() -> None:
    text = AT_CLIENT + "1 C FA id=13\n1.3 C FA seq=6 id=14\n1.45 S FA seq=1 ack=7 id=53\n1.45001 C A id=15"
    assert play(text).paths[1] == short("LI SR ES CW LA CL")


@pytest.mark.parametrize(("ip_id", "server"), [(0, "LI SR ES F1 F2 TW"), (52, "LI SR ES F1 CG TW")])
def test_an_id_of_0_tells_that_the_fin_had_been_acknowledged(ip_id: int, server: str) -> None:
    """The client's ACK overtook its FIN: the server's socket was gone when the FIN came."""
    text = AT_CLIENT + f"1 C FA id=13\n1.05 S FA seq=1 ack=6 id=51\n1.05001 C A id=14\n1.15 S A ack=7 id={ip_id}"
    assert play(text).paths[1] == short(server)


def test_a_segment_that_met_no_socket_was_overtaken_by_the_reset() -> None:
    text = AT_CLIENT.replace("0.1 S", "0.00001 S").replace("0.10001 C", "0.1 C") + "1 C FA\n1.04 S A\n1.04001 S RA\n"
    assert play(text).paths[0] == short("CL SS ES F1 F2 CL")
    assert play(text + "1.14 C R seq=7").paths[0] == short("CL SS ES F1 CL")


def test_ids_out_of_order_count_no_lost_segments() -> None:
    text = AT_CLIENT + "0.31 S PA len=5 id=52\n0.32 S PA seq=1 len=9 id=51\n0.33 C A id=13\n"
    text += "1 C FA id=14\n1.3 C FA seq=6 id=15\n1.38 S FA seq=10 ack=7 id=54\n1.38001 C A id=16"
    assert play(text).paths[1] == short("LI SR ES CW LA CL")


@pytest.mark.parametrize(("flags", "server"), [("RA", "LI SR ES CL"), ("R", "LI SR CL")])
def test_only_a_socket_of_its_own_resets_with_ack(flags: str, server: str) -> None:
    """Closed while it waited for accept(): it was ESTABLISHED; what the listener itself answers with has no ACK."""
    assert play(HANDSHAKE + f"1 S {flags} seq=1\n6 C FA\n6.01 S R seq=1").paths[1] == short(server)


# -- a FIN behind missing data is received when that has come; which RST is obeyed; who aborted ------------------------

AT_SERVER = "0 C S\n0.00001 S SA\n0.1 C A\n0.2 C PA len=5\n0.2001 S A\n"


def test_a_fin_behind_missing_data_is_received_with_that() -> None:
    """The client's data was lost, its FIN was not: the server's own FIN is acknowledged before it gets to the client's."""
    text = AT_SERVER + "1 S FA\n1.001 C FA seq=105 ack=1\n1.002 S A ack=6\n1.1 C A seq=106\n1.3 C PA seq=6 len=99\n1.3001 S A ack=106\n"
    assert play(text).paths[1] == short("LI SR ES F1 F2 TW")


def test_a_fin_behind_data_that_never_comes_is_not_received() -> None:
    text = AT_SERVER + "1 S FA\n1.001 C FA seq=105 ack=1\n1.002 S A ack=6\n1.1 C A seq=106\n1.3 C R seq=6\n"
    assert play(text).paths[1] == short("LI SR ES F1 F2 CL")


def test_an_abort_in_last_ack_ends_the_connection() -> None:
    """The RST left before the last ACK could arrive: its sender was in LAST_ACK still."""
    text = "0 C S\n0.1 S SA\n0.10001 C A\n1 C FA\n1.1 S FA\n1.10001 C A\n"
    assert play(text + "1.15 S RA").row.teardown.pattern == "rst"
    assert play(text + "1.25 S RA").row.teardown.pattern == "four-way"


def test_the_abort_that_left_first_is_told() -> None:
    """Captured at the client, 100 ms from the server: what comes from there left 50 ms before."""
    text = "0 C S\n0.1 S SA\n0.10001 C A\n0.2 C PA len=5\n0.3 S A\n"
    for server_s, by in ((1.03, "server"), (1.09, "client")):
        reset = play(text + f"1 C RA\n{server_s} S RA\n").row.teardown.reset
        assert reset is not None
        assert reset.by == by


def test_a_rst_that_answers_the_last_ack_tells_that_there_was_no_time_wait() -> None:
    text = HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.02 C A\n1.021 S A\n1.022 C R seq=2"
    assert play(text).paths[0] == short("CL SS ES F1 CG CL")


def test_a_syn_answered_anew_with_another_number() -> None:
    """SYN cookies: the answer to the repeated SYN may have another number; the acknowledged one counts."""
    row = play("0 C S\n0.01 S SA isn=5\n1 C S seq=0\n1.01 S SA isn=9000\n1.02 C A\n1.1 C PA len=5\n1.11 S A").row
    assert row.handshake.outcome == "completed"
    assert row.handshake.synack_retransmissions == 0  # it repeats nothing
    assert path(row.server_side) == short("LI SR ES")


def test_near_its_receiver_a_rst_at_an_old_number_is_not_obeyed() -> None:
    text = AT_SERVER + "0.3 C PA len=5\n0.3001 S A\n1 C R seq=6\n"
    assert play(text).row.teardown.pattern == "none"
    assert play(text.replace("seq=6", "seq=11")).row.teardown.pattern == "rst"


def test_a_fin_at_the_number_of_its_syn_is_dropped() -> None:
    """Its sender's numbers were not yet moved on by the SYN/ACK: nothing in it is new, and the SYN/ACK is no ACK of it."""
    row = play("0 C S\n0.01 S SA\n0.012 C FA seq=0\n0.3 S R").row
    assert row.client_side.path == "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSED"
    assert row.server_side is not None
    assert State.CLOSE_WAIT not in [entry.state for entry in row.server_side.states]
