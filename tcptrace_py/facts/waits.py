"""How time went by in a connection, and what never arrived: exchanges, answers, pauses, stalls, closed windows, bytes in flight."""

from typing import TYPE_CHECKING

from tcptrace_py.model.closed import Closed
from tcptrace_py.model.live import LONG_CLOSE_NS, MOST_LARGEST, Connection, Side
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import Verdict

from .block import (
    ANSWER,
    CLIENT_CLOSED,
    CLIENT_LARGEST,
    CLIENT_LONG_CLOSES,
    CLIENT_LOST,
    CLIENT_MISSING,
    CLIENT_UNACKNOWLEDGED,
    CLIENT_UNANSWERED,
    CLIENT_UNANSWERED_NS,
    ENDING_RESET,
    EXCHANGES,
    FINAL_IDLE,
    STALL,
    SURVIVED,
    WAIT,
    WAIT_FRAME,
)
from .table import MISSING, Table

if TYPE_CHECKING:
    from array import array


def write_waits(table: Table, row: int, live: Connection, verdict: Verdict) -> None:
    """Write this of a connection. What ended it is written before."""
    wide, narrow, size = table.wide, table.narrow, table.capacity
    client, server = live.side(verdict.client), live.side(1 - verdict.client)
    _write(table, row, exchanges_of(live, verdict.client), server.answer_ns, live.survived_ns)
    wait_ns, frame = live.wait_ns, live.wait_frame
    if live.heard_ns - live.progress_ns > wait_ns:  # nothing ended it
        wait_ns, frame = live.heard_ns - live.progress_ns, live.last_frame
    wide[WAIT * size + row], wide[WAIT_FRAME * size + row] = (wait_ns, frame) if wait_ns else (MISSING, MISSING)
    unanswered = _side(table, row, 0, live, client, server)
    if live.self_connect:
        _all_arrived(table, row, 1, 0)
    else:
        unanswered += _side(table, row, 1, live, server, client)
    wide[STALL * size + row] = max(
        live.stall_ns, wide[CLIENT_UNANSWERED_NS * size + row], wide[(CLIENT_UNANSWERED_NS + 1) * size + row]
    )  # MISSING is less than 0
    idle_ns = MISSING
    fin_ns = _fin_ns(live, verdict)
    if fin_ns != MISSING:
        if 0 < live.asked_ns <= fin_ns:
            idle_ns = fin_ns - live.asked_ns
    elif unanswered or narrow[ENDING_RESET * size + row] >= 0:
        idle_ns = live.pause_ns
    wide[FINAL_IDLE * size + row] = idle_ns


def write_waits_like(table: Table, row: int, begins: "array[int]", closed: Closed) -> None:
    """Write the same of one that ended by the book; `begins`: log indices of its FINs."""
    wide, size, times_ns = table.wide, table.capacity, closed.times_ns
    _write(table, row, _exchanges(closed.turns, closed.talker == 1), closed.answer_ns, closed.survived_ns)
    wait_ns = max(closed.pause_ns, closed.survived_ns)
    wide[WAIT * size + row] = wait_ns or MISSING
    wide[WAIT_FRAME * size + row] = closed.first_frame + closed.wait_frame if wait_ns else MISSING
    wide[STALL * size + row] = 0
    fin_ns = MISSING
    for at in range(len(begins)):
        if at == 0 or times_ns[begins[at]] < fin_ns:
            fin_ns = times_ns[begins[at]]
    wide[FINAL_IDLE * size + row] = fin_ns - closed.asked_ns if 0 < closed.asked_ns <= fin_ns else MISSING
    _all_arrived(table, row, 0, closed.largest & MOST_LARGEST)
    _all_arrived(table, row, 1, closed.largest >> 16)


def _all_arrived(table: Table, row: int, role: int, largest: int) -> None:
    """Write of a side that everything it sent arrived at once; `largest`: its largest payload (0: it sent none)."""
    wide, narrow, size = table.wide, table.narrow, table.capacity
    wide[(CLIENT_CLOSED + role) * size + row] = wide[(CLIENT_UNANSWERED_NS + role) * size + row] = 0
    wide[(CLIENT_UNACKNOWLEDGED + role) * size + row] = 0
    narrow[(CLIENT_UNANSWERED + role) * size + row] = narrow[(CLIENT_LONG_CLOSES + role) * size + row] = 0
    narrow[(CLIENT_MISSING + role) * size + row] = 0
    narrow[(CLIENT_LOST + role) * size + row] = -1
    narrow[(CLIENT_LARGEST + role) * size + row] = largest or -1


def _write(table: Table, row: int, exchanges: int, answer_ns: int, survived_ns: int) -> None:
    size = table.capacity
    table.narrow[EXCHANGES * size + row] = exchanges
    table.wide[ANSWER * size + row] = answer_ns if exchanges else MISSING
    table.wide[SURVIVED * size + row] = survived_ns or MISSING


def exchanges_of(live: Connection, client: int) -> int:
    """Exchanges of a connection whose client's side has this number."""
    return _exchanges(live.turns, live.talker == 1 - client)


def _exchanges(turns: int, server_last: bool) -> int:
    """How often the server's data followed the client's; `turns`: how often either's followed the other's."""
    return (turns + 1) // 2 if server_last else turns // 2


def _side(table: Table, row: int, role: int, live: Connection, side: Side, peer: Side) -> int:
    """Write what concerns a side; returns how many segments it had sent again when the capture or the connection ended."""
    wide, narrow, size, rare = table.wide, table.narrow, table.capacity, side.rare
    closed_ns, long_closes = 0, 0
    unanswered, unanswered_ns, lost, missing = 0, 0, -1, 0
    unseen = peer.packets == 0 and side.payload_bytes > 0  # captured in one direction: nobody knows what came back
    bytes_left = MISSING if unseen else _unacknowledged(side, peer)
    if rare is not None:
        closed_ns, long_closes = rare.closed_ns, rare.long_closes
        if side.window_zero:
            closed_ns = max(closed_ns, live.heard_ns - rare.closed_since_ns)
            long_closes += live.heard_ns - rare.closed_since_ns >= LONG_CLOSE_NS
        if rare.unanswered and not unseen:
            unanswered, unanswered_ns = rare.unanswered, max(rare.repeated_ns - rare.unanswered_since_ns, 0)
            lost = rare.lost_payload or -1
        if rare.sacked_from >= 0:
            missing = max(ahead(rare.sacked_from, peer.max_ack), 0)
    wide[(CLIENT_CLOSED + role) * size + row] = closed_ns
    narrow[(CLIENT_LONG_CLOSES + role) * size + row] = long_closes
    wide[(CLIENT_UNACKNOWLEDGED + role) * size + row] = bytes_left
    narrow[(CLIENT_LARGEST + role) * size + row] = largest_of(side, peer)
    narrow[(CLIENT_UNANSWERED + role) * size + row] = -1 if unseen else unanswered
    wide[(CLIENT_UNANSWERED_NS + role) * size + row] = MISSING if unseen else unanswered_ns
    narrow[(CLIENT_LOST + role) * size + row], narrow[(CLIENT_MISSING + role) * size + row] = lost, missing
    return unanswered


def largest_of(side: Side, peer: Side) -> int:
    """Payload of the largest segment of a side, if all that it sent arrived; else -1."""
    if not side.largest or peer.packets == 0 or _unacknowledged(side, peer):
        return -1
    return side.largest


def _unacknowledged(side: Side, peer: Side) -> int:
    """Bytes that a side sent and its peer never acknowledged; neither SYN nor FIN is one."""
    if not side.has_seq or not peer.has_ack:
        return side.payload_bytes
    left = ahead(side.next_seq, peer.max_ack)
    if side.fin_seen:
        left -= 1
    if side.syn_seen and ahead(peer.max_ack, side.isn) <= 0:
        left -= 1
    return max(min(left, side.payload_bytes), 0)


def _fin_ns(live: Connection, verdict: Verdict) -> int:
    """When the first FIN was captured."""
    first_ns, close = MISSING, verdict.close
    for side in range(2):
        at = close.first(side)
        if at >= 0:
            segment = live.log[at]
            time_ns = segment.time_ns
            if first_ns == MISSING or time_ns < first_ns:
                first_ns = time_ns
    return first_ns
