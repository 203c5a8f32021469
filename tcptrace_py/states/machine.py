"""The state machine of RFC 9293 as data.

Theory of operation
-------------------
A connection has two sides and each side walks through the eleven states on its own. The machine does not know which
role its side plays: the same table serves client and server. What moves it are *events*, and every captured segment is
one event for the side that sent it (SENT_FIN) and, once it is taken to have arrived, one for its peer (GOT_FIN). Which
events a side saw, in which order, and how firmly that is known, is decided elsewhere (`opening.py`, `closing.py`,
`resets.py`, `time_wait.py`); here they only drive the table. User calls that send nothing are not events: close() shows
as SENT_FIN, listen() as the start state.

An event that no row names leaves the state as it is and is reported to the caller, so that nothing a capture holds can
raise. The table in the docs and the state diagram are generated from the rows below.
"""

from enum import IntEnum

from tcptrace_py.model.state import State

CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED = State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED
ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 = State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2
CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT = State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT


class Event(IntEnum):
    """What happens to one side."""

    SENT_SYN = 0
    SENT_SYN_ACK = 1
    GOT_SYN_ACK = 2
    GOT_ACK_OF_SYN = 3
    SENT_FIN = 4
    GOT_FIN = 5
    GOT_ACK_OF_FIN = 6
    SENT_RST = 7
    GOT_RST = 8
    TWO_MSL = 9
    NEW_SYN = 10
    GAVE_UP = 11


SENT_SYN, SENT_SYN_ACK, GOT_SYN_ACK, GOT_ACK_OF_SYN = Event.SENT_SYN, Event.SENT_SYN_ACK, Event.GOT_SYN_ACK, Event.GOT_ACK_OF_SYN
SENT_FIN, GOT_FIN, GOT_ACK_OF_FIN = Event.SENT_FIN, Event.GOT_FIN, Event.GOT_ACK_OF_FIN
SENT_RST, GOT_RST, TWO_MSL, NEW_SYN, GAVE_UP = Event.SENT_RST, Event.GOT_RST, Event.TWO_MSL, Event.NEW_SYN, Event.GAVE_UP

Row = tuple[State, Event, State, str, str]

TABLE: tuple[Row, ...] = (
    # state        event           next state    RFC 9293    why
    (CLOSED, SENT_SYN, SYN_SENT, "3.10.1", "active OPEN: it sent a SYN"),
    (LISTEN, SENT_SYN_ACK, SYN_RECEIVED, "3.10.7.2", "it answered a SYN with a SYN/ACK"),
    (LISTEN, SENT_SYN, SYN_SENT, "3.10.1", "a listener opened actively"),
    (SYN_SENT, GOT_SYN_ACK, ESTABLISHED, "3.10.7.3", "its SYN was answered by a SYN/ACK"),
    (SYN_SENT, SENT_SYN_ACK, SYN_RECEIVED, "3.10.7.3", "simultaneous open: it answered the peer's SYN"),
    (SYN_SENT, GOT_RST, CLOSED, "3.10.7.3", "its SYN was refused"),
    (SYN_SENT, SENT_RST, CLOSED, "3.10.5", "it gave the attempt up with a RST"),
    (SYN_SENT, GAVE_UP, CLOSED, "3.10.8", "nobody answered its SYN, and no further one came"),
    (SYN_RECEIVED, GOT_ACK_OF_SYN, ESTABLISHED, "3.10.7.4", "its SYN was acknowledged"),
    (SYN_RECEIVED, GOT_SYN_ACK, ESTABLISHED, "3.10.7.4", "simultaneous open: the peer's SYN/ACK acknowledged its SYN"),
    (SYN_RECEIVED, SENT_FIN, FIN_WAIT_1, "3.10.4", "CLOSE before its SYN was known to be acknowledged"),
    (SYN_RECEIVED, GOT_FIN, CLOSE_WAIT, "3.10.7.4", "the peer closed"),
    (SYN_RECEIVED, GOT_RST, CLOSED, "3.10.7.4", "reset before the handshake was complete"),
    (SYN_RECEIVED, SENT_RST, CLOSED, "3.10.5", "it had no use for the connection: RST"),
    (SYN_RECEIVED, GAVE_UP, CLOSED, "3.10.8", "nobody acknowledged its SYN, and no further one came"),
    (ESTABLISHED, SENT_FIN, FIN_WAIT_1, "3.10.4", "CLOSE: it sent its FIN first"),
    (ESTABLISHED, GOT_FIN, CLOSE_WAIT, "3.10.7.4", "the peer closed"),
    (ESTABLISHED, GOT_RST, CLOSED, "3.10.7.4", "reset by the peer"),
    (ESTABLISHED, SENT_RST, CLOSED, "3.10.5", "ABORT: it sent a RST"),
    (ESTABLISHED, GAVE_UP, CLOSED, "3.10.8", "nobody acknowledged its data, and its repeats ended"),
    (FIN_WAIT_1, GOT_ACK_OF_FIN, FIN_WAIT_2, "3.10.7.4", "its FIN was acknowledged"),
    (FIN_WAIT_1, GOT_FIN, CLOSING, "3.10.7.4", "the peer's FIN came before the ACK of its own"),
    (FIN_WAIT_1, GOT_RST, CLOSED, "3.10.7.4", "reset by the peer"),
    (FIN_WAIT_1, SENT_RST, CLOSED, "3.10.5", "it sent a RST after its FIN"),
    (FIN_WAIT_1, GAVE_UP, CLOSED, "3.10.8", "nobody acknowledged its FIN, and no further one came"),
    (FIN_WAIT_2, GOT_FIN, TIME_WAIT, "3.10.7.4", "the peer's FIN came after the ACK of its own"),
    (FIN_WAIT_2, GOT_RST, CLOSED, "3.10.7.4", "reset by the peer"),
    (FIN_WAIT_2, SENT_RST, CLOSED, "3.10.5", "it sent a RST after its FIN"),
    (CLOSE_WAIT, SENT_FIN, LAST_ACK, "3.10.4", "CLOSE: it sent its FIN second"),
    (CLOSE_WAIT, GOT_RST, CLOSED, "3.10.7.4", "reset by the peer"),
    (CLOSE_WAIT, SENT_RST, CLOSED, "3.10.5", "ABORT: it sent a RST"),
    (CLOSE_WAIT, GAVE_UP, CLOSED, "3.10.8", "nobody acknowledged its data, and its repeats ended"),
    (CLOSING, GOT_ACK_OF_FIN, TIME_WAIT, "3.10.7.4", "its FIN was acknowledged after the peer's had come"),
    (CLOSING, GOT_RST, CLOSED, "3.10.7.4", "reset by the peer"),
    (CLOSING, SENT_RST, CLOSED, "3.10.5", "it sent a RST after its FIN"),
    (CLOSING, GAVE_UP, CLOSED, "3.10.8", "nobody acknowledged its FIN, and no further one came"),
    (LAST_ACK, GOT_ACK_OF_FIN, CLOSED, "3.10.7.4", "its FIN was acknowledged"),
    (LAST_ACK, GOT_RST, CLOSED, "3.10.7.4", "reset by the peer"),
    (LAST_ACK, SENT_RST, CLOSED, "3.10.5", "it sent a RST after its FIN"),
    (LAST_ACK, GAVE_UP, CLOSED, "3.10.8", "nobody acknowledged its FIN, and no further one came"),
    (TIME_WAIT, TWO_MSL, CLOSED, "3.10.8", "2MSL ran out"),
    (TIME_WAIT, GOT_RST, CLOSED, "3.10.7.4; RFC 1337", "a RST killed TIME_WAIT"),
    (TIME_WAIT, NEW_SYN, CLOSED, "3.10.7.4; RFC 6191", "a new SYN reused the four-tuple"),
)

# What RFC 9293 has and the table leaves out on purpose: (state, next state, why).
LEFT_OUT: tuple[tuple[State, State, str], ...] = (
    (CLOSED, LISTEN, "a passive OPEN sends nothing: a side that answers a SYN starts in LISTEN"),
    (LISTEN, CLOSED, "CLOSE sends nothing in LISTEN: nobody sees it"),
    (SYN_RECEIVED, LISTEN, "a RST (note 1 of figure 5): with sockets the listener never left LISTEN, and what it had begun is CLOSED"),
    (CLOSE_WAIT, CLOSE_WAIT, "a FIN once more: it remains in the state (3.10.7.4, eighth); so do CLOSING and LAST_ACK"),
    (TIME_WAIT, TIME_WAIT, "a FIN once more, and what else restarts 2MSL (3.10.7.4, eighth): no transition, but marks of the stay"),
)

ROWS: dict[tuple[State, Event], Row] = {(row[0], row[1]): row for row in TABLE}


def step(state: State, event: Event) -> Row | None:
    """Row for this event in this state, or None where the table has none: the state stays, the event is an anomaly."""
    return ROWS.get((state, event))


def reason(row: Row) -> str:
    """A row in words, with its section of RFC 9293."""
    return f"{row[4]} (RFC 9293, {row[3]})"


def unexpected(state: int, event: int) -> str:
    """An event for which the table has no row, in words."""
    return f"{Event(event).name} in {State(state).name}"


# The table once more by number, for `replay`: at state * EVENTS + event the next state (-1: no row), and the row in words.
EVENTS = len(Event)
_FOUND = [step(state, event) for state in State for event in Event]
NEXT = tuple(-1 if row is None else int(row[2]) for row in _FOUND)
REASONS = tuple("" if row is None else reason(row) for row in _FOUND)
