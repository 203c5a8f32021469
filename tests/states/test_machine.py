"""The transition table, read against RFC 9293 (figure 5 and section 3.10) state by state."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.model.state import State
from tcptrace_py.states.machine import EVENTS, LEFT_OUT, NEXT, REASONS, ROWS, TABLE, Event, reason, step

CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED = State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED
ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 = State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2
CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT = State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT
SENT_SYN, SENT_SYN_ACK, GOT_SYN_ACK = Event.SENT_SYN, Event.SENT_SYN_ACK, Event.GOT_SYN_ACK
GOT_ACK_OF_SYN, SENT_FIN, GOT_FIN = Event.GOT_ACK_OF_SYN, Event.SENT_FIN, Event.GOT_FIN
GOT_ACK_OF_FIN, SENT_RST, GOT_RST = Event.GOT_ACK_OF_FIN, Event.SENT_RST, Event.GOT_RST
TWO_MSL, NEW_SYN = Event.TWO_MSL, Event.NEW_SYN

SYNCHRONIZED = (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT)

# Every arrow of RFC 9293 figure 5. Those that no segment and no clock shows are left out of the table on purpose.
FIGURE_5 = {
    (CLOSED, LISTEN),
    (LISTEN, CLOSED),
    (SYN_RECEIVED, LISTEN),
    (CLOSED, SYN_SENT),
    (LISTEN, SYN_RECEIVED),
    (LISTEN, SYN_SENT),
    (SYN_SENT, CLOSED),
    (SYN_SENT, SYN_RECEIVED),
    (SYN_SENT, ESTABLISHED),
    (SYN_RECEIVED, ESTABLISHED),
    (SYN_RECEIVED, FIN_WAIT_1),
    (ESTABLISHED, FIN_WAIT_1),
    (ESTABLISHED, CLOSE_WAIT),
    (FIN_WAIT_1, FIN_WAIT_2),
    (FIN_WAIT_1, CLOSING),
    (FIN_WAIT_2, TIME_WAIT),
    (CLOSING, TIME_WAIT),
    (CLOSE_WAIT, LAST_ACK),
    (LAST_ACK, CLOSED),
    (TIME_WAIT, CLOSED),
}

# What the figure leaves out (its note: RST's arrows) and section 3.10 has.
SECTION_3_10 = {(SYN_RECEIVED, CLOSE_WAIT)} | {(state, CLOSED) for state in (SYN_RECEIVED, *SYNCHRONIZED)}


def after(state: State, event: Event) -> State:
    """State behind an event: the same one where the table has no row."""
    row = step(state, event)
    return state if row is None else row[2]


def walk(state: State, *events: Event) -> State:
    for event in events:
        state = after(state, event)
    return state


def moves(state: State, **expected: State) -> None:
    """The state leaves by exactly these events; all others leave it as it is."""
    found = {event.name: after(state, event) for event in Event if step(state, event) is not None}
    assert found == expected


# -- the CLOSED state ------------------------------------------------------------------------------------------------


def test_closed_opens_actively_and_does_nothing_else() -> None:
    moves(CLOSED, SENT_SYN=SYN_SENT)


# -- the LISTEN state ------------------------------------------------------------------------------------------------


def test_listen_answers_or_opens() -> None:
    moves(LISTEN, SENT_SYN_ACK=SYN_RECEIVED, SENT_SYN=SYN_SENT)


def test_listen_ignores_resets() -> None:
    """RFC 9293 3.10.7.2: "An incoming RST segment could not be valid in this state"."""
    assert after(LISTEN, GOT_RST) == LISTEN
    assert after(LISTEN, SENT_RST) == LISTEN  # an answer to a stray ACK


# -- the SYN_SENT state ----------------------------------------------------------------------------------------------


def test_syn_sent() -> None:
    moves(SYN_SENT, GOT_SYN_ACK=ESTABLISHED, SENT_SYN_ACK=SYN_RECEIVED, GOT_RST=CLOSED, SENT_RST=CLOSED, GAVE_UP=CLOSED)


def test_syn_sent_takes_no_fin() -> None:
    """RFC 9293 3.10.7.4, eighth: FIN is not processed in CLOSED, LISTEN and SYN_SENT."""
    assert after(SYN_SENT, GOT_FIN) == SYN_SENT


# -- the SYN_RECEIVED state ------------------------------------------------------------------------------------------


def test_syn_received() -> None:
    moves(
        SYN_RECEIVED,
        GOT_ACK_OF_SYN=ESTABLISHED,
        GOT_SYN_ACK=ESTABLISHED,
        SENT_FIN=FIN_WAIT_1,
        GOT_FIN=CLOSE_WAIT,
        GOT_RST=CLOSED,
        SENT_RST=CLOSED,
        GAVE_UP=CLOSED,
    )


def test_simultaneous_open() -> None:
    """RFC 9293 figure 7: both sides go through SYN_RECEIVED."""
    assert walk(CLOSED, SENT_SYN, SENT_SYN_ACK) == SYN_RECEIVED
    assert walk(SYN_RECEIVED, GOT_SYN_ACK) == walk(SYN_RECEIVED, GOT_ACK_OF_SYN) == ESTABLISHED


# -- the ESTABLISHED state -------------------------------------------------------------------------------------------


def test_established() -> None:
    moves(ESTABLISHED, SENT_FIN=FIN_WAIT_1, GOT_FIN=CLOSE_WAIT, GOT_RST=CLOSED, SENT_RST=CLOSED, GAVE_UP=CLOSED)


@pytest.mark.parametrize("event", [SENT_SYN, SENT_SYN_ACK, GOT_SYN_ACK, GOT_ACK_OF_SYN, NEW_SYN])
def test_synchronized_states_ignore_what_opens(event: Event) -> None:
    """A repeated SYN or SYN/ACK opens nothing again (RFC 5961 section 4); only TIME_WAIT gives way to a new SYN."""
    for state in SYNCHRONIZED:
        expected = CLOSED if (state, event) == (TIME_WAIT, NEW_SYN) else state
        assert after(state, event) == expected


# -- the FIN_WAIT_1 state --------------------------------------------------------------------------------------------


def test_fin_wait_1() -> None:
    moves(FIN_WAIT_1, GOT_ACK_OF_FIN=FIN_WAIT_2, GOT_FIN=CLOSING, GOT_RST=CLOSED, SENT_RST=CLOSED, GAVE_UP=CLOSED)


def test_fin_wait_1_reaches_time_wait_by_either_order() -> None:
    assert walk(FIN_WAIT_1, GOT_ACK_OF_FIN, GOT_FIN) == TIME_WAIT
    assert walk(FIN_WAIT_1, GOT_FIN, GOT_ACK_OF_FIN) == TIME_WAIT


# -- the FIN_WAIT_2 state --------------------------------------------------------------------------------------------


def test_fin_wait_2() -> None:
    moves(FIN_WAIT_2, GOT_FIN=TIME_WAIT, GOT_RST=CLOSED, SENT_RST=CLOSED)


# -- the CLOSE_WAIT state --------------------------------------------------------------------------------------------


def test_close_wait() -> None:
    moves(CLOSE_WAIT, SENT_FIN=LAST_ACK, GOT_RST=CLOSED, SENT_RST=CLOSED, GAVE_UP=CLOSED)


def test_close_wait_remains_at_a_repeated_fin() -> None:
    """RFC 9293 3.10.7.4, eighth: "Remain in the CLOSE-WAIT state"."""
    assert after(CLOSE_WAIT, GOT_FIN) == CLOSE_WAIT


# -- the CLOSING state -----------------------------------------------------------------------------------------------


def test_closing() -> None:
    moves(CLOSING, GOT_ACK_OF_FIN=TIME_WAIT, GOT_RST=CLOSED, SENT_RST=CLOSED, GAVE_UP=CLOSED)


# -- the LAST_ACK state ----------------------------------------------------------------------------------------------


def test_last_ack() -> None:
    moves(LAST_ACK, GOT_ACK_OF_FIN=CLOSED, GOT_RST=CLOSED, SENT_RST=CLOSED, GAVE_UP=CLOSED)


# -- the TIME_WAIT state ---------------------------------------------------------------------------------------------


def test_time_wait() -> None:
    moves(TIME_WAIT, TWO_MSL=CLOSED, GOT_RST=CLOSED, NEW_SYN=CLOSED)


def test_time_wait_outlives_a_repeated_fin() -> None:
    """RFC 9293 3.10.7.4, eighth: "Remain in the TIME-WAIT state. Restart the 2 MSL time-wait timeout"."""
    assert walk(TIME_WAIT, GOT_FIN, GOT_ACK_OF_FIN, SENT_FIN) == TIME_WAIT


# -- the table as a whole --------------------------------------------------------------------------------------------


def test_arrows_are_those_of_the_rfc_and_no_others() -> None:
    arrows = {(row[0], row[2]) for row in TABLE}
    left_out = {(row[0], row[1]) for row in LEFT_OUT if row[0] != row[1]}
    assert arrows.isdisjoint(left_out)
    assert arrows | left_out >= FIGURE_5
    assert (arrows | left_out) - FIGURE_5 == SECTION_3_10 - FIGURE_5


def test_what_remains_in_its_state_has_no_row() -> None:
    for state in (row[0] for row in LEFT_OUT if row[0] == row[1]):
        assert after(state, GOT_FIN) == state


def test_the_table_by_number_is_the_table() -> None:
    for state in State:
        for event in Event:
            row, at = step(state, event), state * EVENTS + event
            assert (NEXT[at], REASONS[at]) == ((-1, "") if row is None else (row[2], reason(row)))


def test_rows_are_unique_and_all_are_found() -> None:
    assert len(ROWS) == len(TABLE)
    assert all(step(row[0], row[1]) is row for row in TABLE)


def test_every_row_goes_somewhere_and_says_why() -> None:
    for row in TABLE:
        state, _, following, section, why = row
        assert state != following
        assert re.fullmatch(r"3\.10(\.\d+)+(; RFC \d+)?", section)
        assert why
        assert why[-1] != "."
        assert section in reason(row)
        assert why in reason(row)


def test_every_state_is_reachable_and_every_one_can_end() -> None:
    reached, frontier = {CLOSED, LISTEN}, [CLOSED, LISTEN]
    while frontier:
        state = frontier.pop()
        for event in Event:
            following = after(state, event)
            if following not in reached:
                reached.add(following)
                frontier.append(following)
    assert reached == set(State)
    can_end = {CLOSED}
    for _ in State:
        can_end |= {row[0] for row in TABLE if row[2] in can_end}
    assert can_end == set(State)


def test_nothing_returns_to_listen_or_to_before_the_handshake() -> None:
    assert {row[2] for row in TABLE} == set(State) - {LISTEN}
    assert not [row for row in TABLE if row[0] in SYNCHRONIZED and row[2] in {SYN_SENT, SYN_RECEIVED, ESTABLISHED}]


def test_only_a_side_that_closed_reaches_time_wait() -> None:
    """No way to TIME_WAIT without both FINs and the acknowledgement of one's own."""
    needed = {SENT_FIN, GOT_FIN, GOT_ACK_OF_FIN}

    def ways(state: State, seen: frozenset[Event]) -> list[frozenset[Event]]:
        found = [seen] if state == TIME_WAIT else []
        for event in set(Event) - seen:
            row = step(state, event)
            if row is not None and row[2] != CLOSED and state != TIME_WAIT:
                found += ways(row[2], seen | {event})
        return found

    found = ways(CLOSED, frozenset()) + ways(LISTEN, frozenset())
    assert found
    assert all(way >= needed for way in found)


@given(st.sampled_from(State), st.lists(st.sampled_from(Event)))
def test_no_sequence_of_events_raises_or_leaves_the_eleven_states(state: State, events: list[Event]) -> None:
    assert walk(state, *events) in set(State)


@pytest.mark.parametrize("role", ["opener", "listener"])
def test_close_by_either_role_is_the_same(role: str) -> None:
    """The machine does not know which role a side plays."""
    opening = [SENT_SYN, GOT_SYN_ACK] if role == "opener" else [SENT_SYN_ACK, GOT_ACK_OF_SYN]
    start = walk(CLOSED if role == "opener" else LISTEN, *opening)
    assert start == ESTABLISHED
    assert walk(start, SENT_FIN, GOT_ACK_OF_FIN, GOT_FIN, TWO_MSL) == CLOSED
    assert walk(start, GOT_FIN, SENT_FIN, GOT_ACK_OF_FIN) == CLOSED
