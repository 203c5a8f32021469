"""Connections made by hand as rows of the tables: what outputs and checks read is then what a capture's analysis gives them."""

from collections.abc import Iterable
from ipaddress import ip_address

from tcptrace_py.facts import block as at
from tcptrace_py.facts.block import BASES, Block
from tcptrace_py.facts.store import Connections
from tcptrace_py.facts.table import MISSING, Table
from tcptrace_py.facts.views import CAUSES, CONFIDENCES, ENDINGS, KINDS, OUTCOMES, PATTERNS, ROLES, VANTAGES
from tcptrace_py.model.results import Connection, Delivery, Side
from tcptrace_py.model.state import State


def kept(connections: Iterable[Connection]) -> Connections:
    """All of them, in order of their first frames; their ids are given anew."""
    store, block = Connections(), Block(8)
    for connection in connections:
        _write(block, connection)
    store.add(block)
    store.finish()
    return store


def _put(table: Table, row: int, wide: dict[int, int | None], narrow: dict[int, int | None], small: dict[int, int | None]) -> None:
    for column, value in wide.items():
        table.wide[column * table.capacity + row] = MISSING if value is None else value
    for column, value in narrow.items():
        table.narrow[column * table.capacity + row] = -1 if value is None else value
    for column, value in small.items():
        table.small[column * table.capacity + row] = -1 if value is None else value


def _word(words: tuple[str, ...], word: str | None) -> int | None:
    return None if word is None else words.index(word)


def _path(block: Block, side: Side | None) -> int:
    if side is None:
        return -1
    steps = bytearray()
    for entry in side.states:
        steps += bytes((entry.state, BASES.index(entry.basis), block.reasons.number(entry.reason)))
        _put(block.entries, block.entries.row(), {at.ENTERED: entry.at_ns, at.ENTRY_FRAME: entry.frame}, {}, {})
    return block.paths.number(bytes(steps))


def released_ns(c: Connection) -> int | None:
    """When the client's port was free again, by what else the connection says."""
    for stay in c.time_wait:
        if stay.side == "client":
            return stay.until_ns
    closed_ns = c.client_side.states[-1].at_ns if c.client_side.final_state == State.CLOSED else None
    return None if closed_ns is None else max(closed_ns, c.start_ns)


def _write(block: Block, c: Connection) -> None:
    table, server = block.connections, c.server_side
    row = table.row()
    opened, close = c.handshake, c.teardown
    narrow: dict[int, int | None] = {
        at.STREAM: c.stream,
        at.SCOPE: None if c.scope is None else block.scopes.number(c.scope),
        at.CLIENT: block.addresses.number(ip_address(c.client.address).packed),
        at.CLIENT_PORT: c.client.port,
        at.SERVER: block.addresses.number(ip_address(c.server.address).packed),
        at.SERVER_PORT: c.server.port,
        at.HISTORY: block.histories.number(c.history),
        at.SYN_REPEATS: opened.syn_retransmissions,
        at.SYNACK_REPEATS: opened.synack_retransmissions,
        at.CLIENT_REPEATS: c.client_side.retransmissions,
        at.CLIENT_FIN_REPEATS: c.client_side.fin_retransmissions,
        at.SERVER_REPEATS: server.retransmissions if server else 0,
        at.SERVER_FIN_REPEATS: server.fin_retransmissions if server else 0,
        at.ENTRIES_AT: block.entries.count,
        at.STAYS_AT: block.stays.count,
        at.RESETS_AT: block.resets.count,
        at.RESETS: len(c.resets),
        at.ENDING_RESET: None,
        at.ANOMALIES_AT: block.anomalies.count,
        at.ANOMALIES: len(c.anomalies),
    }
    deliveries = (c.client_side.delivery, server.delivery if server else Delivery())
    narrow[at.EXCHANGES] = c.course.exchanges
    for role, d in enumerate(deliveries):
        narrow |= {
            at.CLIENT_UNANSWERED + role: d.unanswered_repeats,
            at.CLIENT_LARGEST + role: d.largest_payload_bytes,
            at.CLIENT_LOST + role: d.smallest_lost_bytes,
            at.CLIENT_MISSING + role: d.missing_bytes,
            at.CLIENT_LONG_CLOSES + role: d.long_window_closes,
        }
    narrow[at.CLIENT_PATH], narrow[at.SERVER_PATH] = _path(block, c.client_side), _path(block, server)
    for reset in (*c.resets, *([close.reset] if close.reset is not None and close.reset not in c.resets else [])):
        at_row = block.resets.row()
        if reset == close.reset:
            narrow[at.ENDING_RESET] = at_row
        _put(
            block.resets,
            at_row,
            {at.RESET_FRAME: reset.frame, at.RESET_AT: reset.at_ns},
            {at.RESET_EVIDENCE: block.evidence.number(tuple(reset.evidence))},
            {
                at.RESET_BY: _word(ROLES, reset.by),
                at.RESET_CAUSE: _word(CAUSES, reset.cause),
                at.RESET_CONFIDENCE: _word(CONFIDENCES, reset.confidence),
            },
        )
    for stay in c.time_wait:
        _put(
            block.stays,
            block.stays.row(),
            {
                at.STAY_ENTERED: stay.entered_ns,
                at.STAY_EXPIRES: stay.expires_ns,
                at.STAY_ENDED: stay.ended_at_ns,
            },
            {at.STAY_RESTARTS: stay.restarts},
            {
                at.STAY_SIDE: _word(ROLES, stay.side),
                at.STAY_BASIS: BASES.index(stay.basis),
                at.STAY_ENDED_BY: _word(ENDINGS, stay.ended_by),
            },
        )
    for anomaly in c.anomalies:
        _put(
            block.anomalies,
            block.anomalies.row(),
            {at.ANOMALY_FRAME: anomaly.frame},
            {at.ANOMALY_CODE: block.texts.number(anomaly.code), at.ANOMALY_EXPLANATION: block.texts.number(anomaly.explanation)},
            {},
        )
    _put(
        table,
        row,
        {
            at.START: c.start_ns,
            at.END: c.end_ns,
            at.FIRST_FRAME: c.first_frame,
            at.LAST_FRAME: c.last_frame,
            at.SYN_TO_SYNACK: opened.syn_to_synack_ns,
            at.SYNACK_TO_ACK: opened.synack_to_ack_ns,
            at.HANDSHAKE: opened.total_ns,
            at.CLOSE: close.duration_ns,
            at.CLIENT_PACKETS: c.client_side.packets,
            at.CLIENT_BYTES: c.client_side.payload_bytes,
            at.SERVER_PACKETS: server.packets if server else 0,
            at.SERVER_BYTES: server.payload_bytes if server else 0,
            at.RELEASED: released_ns(c),
            at.ANSWER: c.course.longest_answer_ns,
            at.WAIT: c.course.longest_wait_ns,
            at.WAIT_FRAME: c.course.longest_wait_frame,
            at.STALL: c.course.longest_stall_ns,
            at.SURVIVED: c.course.idle_survived_ns,
            at.FINAL_IDLE: c.course.idle_before_end_ns,
            **{
                column + role: value
                for role, d in enumerate(deliveries)
                for column, value in (
                    (at.CLIENT_CLOSED, d.window_closed_ns),
                    (at.CLIENT_UNANSWERED_NS, d.unanswered_ns),
                    (at.CLIENT_UNACKNOWLEDGED, d.unacknowledged_bytes),
                )
            },
        },
        narrow,
        {
            at.VANTAGE: _word(VANTAGES, c.vantage),
            at.MIDSTREAM: c.midstream,
            at.KIND: _word(KINDS, opened.kind),
            at.TIMESTAMPS: c.timestamps,
            at.OUTCOME: _word(OUTCOMES, opened.outcome),
            at.PATTERN: _word(PATTERNS, close.pattern),
            at.CENSORED: close.censored,
            at.SEGMENTS: close.segments,
            at.FIRST_FIN: _word(ROLES, close.first_fin),
            at.STAYS: len(c.time_wait),
        },
    )
