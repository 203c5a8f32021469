"""docs/states.md is drawn from the table, all of it."""

from __future__ import annotations

import re

from tcptrace_py.model.state import State
from tcptrace_py.states import diagram
from tcptrace_py.states.machine import LEFT_OUT, ROWS, TABLE, Event, reason
from tcptrace_py.states.time_wait import EXITS

PAGE = diagram.page()
EDGES = set(re.findall(r"^    (\w+) --> (\w+) : (\w+)$", PAGE, re.MULTILINE))


def test_every_row_is_in_the_table() -> None:
    for state, event, following, section, why in TABLE:
        assert f"| `{state.name}` | `{event.name}` | `{following.name}` | {section} | {why} |" in PAGE


def test_every_transition_but_resets_is_drawn_and_nothing_else() -> None:
    rows = {(state.name, following.name, event.name) for state, event, following, _, _ in TABLE}
    assert rows >= EDGES
    assert {edge[2] for edge in rows - EDGES} == {"GOT_RST", "SENT_RST", "GAVE_UP"}
    assert ("TIME_WAIT", "CLOSED", "GOT_RST") in EDGES


def test_every_state_and_event_is_explained() -> None:
    assert set(diagram.MEANINGS) == set(State)
    assert set(diagram.EVENTS) == set(Event)


def test_what_is_left_out_is_said() -> None:
    for state, following, why in LEFT_OUT:
        assert f"| `{state.name}` | `{following.name}` | {why} |" in PAGE


def test_how_stays_end_are_rows_of_the_table() -> None:
    rows = {"expired": Event.TWO_MSL, "reused": Event.NEW_SYN, "killed": Event.GOT_RST}
    assert set(EXITS) == set(rows)
    for ended_by, event in rows.items():
        row = ROWS[State.TIME_WAIT, event]
        assert (EXITS[ended_by].state, EXITS[ended_by].reason) == (row[2], reason(row))
