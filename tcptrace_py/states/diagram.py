"""Writes docs/states.md from the transition table: `python -m tcptrace_py.states.diagram > docs/states.md`."""

import sys
from collections.abc import Iterator

from tcptrace_py.model.state import State

from .machine import LEFT_OUT, TABLE, Event

HEAD = """# States and transitions

This page is written by `python -m tcptrace_py.states.diagram > docs/states.md` from the table in
`tcptrace_py/states/machine.py`, which is what the program runs on; a test holds the two together.

A connection has two sides, and each walks through these states on its own; the table does not know which of them is
the client. [model.md](model.md) says how an observer learns of the events, and how firmly.
"""

MEANINGS = {
    State.CLOSED: "no connection: not yet, or no longer",
    State.LISTEN: "a server waits for a SYN",
    State.SYN_SENT: "it sent a SYN and waits for the SYN/ACK",
    State.SYN_RECEIVED: "it answered a SYN with a SYN/ACK and waits for the ACK of that",
    State.ESTABLISHED: "open: data may flow both ways",
    State.FIN_WAIT_1: "it closed first: its FIN is out and not acknowledged yet",
    State.FIN_WAIT_2: "its FIN is acknowledged; the peer has not closed yet, and may still send data",
    State.CLOSE_WAIT: "the peer has closed; its own program has not, and may still send data",
    State.CLOSING: "both FINs crossed: it has the peer's and waits for the ACK of its own",
    State.LAST_ACK: "it closed second: its FIN is out and not acknowledged yet",
    State.TIME_WAIT: "closed; the four-tuple is kept for 2MSL, so that nothing old can reach a new connection",
}

EVENTS = {
    Event.SENT_SYN: "it sent a SYN without ACK",
    Event.SENT_SYN_ACK: "it sent a SYN/ACK",
    Event.GOT_SYN_ACK: "a SYN/ACK that acknowledges its SYN reached it",
    Event.GOT_ACK_OF_SYN: "an ACK of the SYN in its SYN/ACK reached it",
    Event.SENT_FIN: "its first FIN left, or something that stands behind it",
    Event.GOT_FIN: "the peer's FIN reached it",
    Event.GOT_ACK_OF_FIN: "an ACK of its FIN reached it",
    Event.SENT_RST: "it sent a RST that its peer obeys",
    Event.GOT_RST: "a RST that it obeys reached it (RFC 9293, 3.10.7; RFC 5961)",
    Event.TWO_MSL: "a clock: 2MSL since it entered TIME_WAIT, or since that was restarted",
    Event.NEW_SYN: "a SYN reached its TIME_WAIT that the kernel's rule lets open the next incarnation",
    Event.GAVE_UP: "a clock: what it waits for did not come, and the next repeat of what it had sent last is overdue by half",
}

_GENERAL = (Event.GOT_RST, Event.SENT_RST, Event.GAVE_UP)  # from nearly every state: drawn, they would hide everything else


def page() -> str:
    """Text of docs/states.md."""
    return "\n".join([HEAD, *_states(), *_diagram(), *_table(), *_left_out(), *_events()])


def _states() -> Iterator[str]:
    yield "## The states (RFC 9293, 3.3.2)\n\n| state | a side that is in it |\n| --- | --- |"
    yield from (f"| `{state.name}` | {MEANINGS[state]} |" for state in State)
    yield ""


def _diagram() -> Iterator[str]:
    yield "## The diagram\n"
    yield "A reset leads to `CLOSED` from every state but `CLOSED` and `LISTEN`; it is drawn only where it ends a"
    yield "`TIME_WAIT`.\n\n```mermaid\nstateDiagram-v2"
    for state, event, following, _, _ in TABLE:
        if event not in _GENERAL or state == State.TIME_WAIT:
            yield f"    {state.name} --> {following.name} : {event.name}"
    yield "```\n"


def _table() -> Iterator[str]:
    yield "## The table\n"
    yield "An event that has no row in a state leaves the state as it is; unless it only acknowledges a SYN once more,"
    yield "the connection gets the anomaly [`unexpected-event`](problems.md#anomalies). The rows that leave `TIME_WAIT`"
    yield "are stepped once it is known how long a stay lasted, which its owner's profile decides.\n"
    yield "| state | event | next state | RFC 9293 | why |\n| --- | --- | --- | --- | --- |"
    for state, event, following, section, why in TABLE:
        yield f"| `{state.name}` | `{event.name}` | `{following.name}` | {section} | {why} |"
    yield ""


def _left_out() -> Iterator[str]:
    yield "What RFC 9293 has and the table leaves out on purpose:\n\n| state | next state | why |\n| --- | --- | --- |"
    yield from (f"| `{state.name}` | `{following.name}` | {why} |" for state, following, why in LEFT_OUT)
    yield ""


def _events() -> Iterator[str]:
    yield "## The events\n\n| event | what happened to the side |\n| --- | --- |"
    yield from (f"| `{event.name}` | {EVENTS[event]} |" for event in Event)
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
