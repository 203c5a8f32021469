# cython: boundscheck=False, wraparound=False
"""How time passes in a connection: what was new and when, who waited for whom, what was sent again and answered late."""

from tcptrace_py.model.live import MOST_LARGEST, PROBE, REPEAT, Connection, Side, begins_with_syn
from tcptrace_py.model.segments import ACK, FIN, OPT_DSACK, OPT_SACK, RST, SYN, Columns
from tcptrace_py.model.seq import ahead


def course(side: Side, peer: Side, columns: Columns, i: int, end: int, marks: int, had_bytes: int, had_ack: int) -> None:
    """Waits, pauses, turns, and what is sent again. `had_bytes`, `had_ack`: the side's before this segment (-1: no ACK)."""
    connection = side.connection
    flags, payload, time_ns = columns.flags[i], columns.payload[i], columns.time_ns[i]
    silent_ns = time_ns - connection.heard_ns
    connection.heard_ns = max(connection.heard_ns, time_ns)
    advanced = side.has_ack and (had_ack < 0 or ahead(side.max_ack, had_ack) > 0)
    if advanced and peer.rare is not None and peer.rare.unanswered:
        answer(peer, time_ns)
    if side.payload_bytes > had_bytes:
        talk(side, time_ns, payload)
    if marks & REPEAT:
        if not peer.has_ack or ahead(end, peer.max_ack) > 0:
            _send_again(side, peer, columns, i)
        return
    if marks & PROBE:
        if connection.speaker == side.number or waits_for_nothing(peer):
            speak(side, peer, silent_ns)
        rare = side.needs_rare()
        rare.probes += 1
        return
    if payload or flags & (SYN | FIN | RST) or advanced or waits_for_nothing(peer):  # else it answers a repeat or a probe
        progress(connection, time_ns, columns.frame[i])
    if flags & RST:
        if silent_ns > connection.pause_ns and waits_for_nothing(side) and waits_for_nothing(peer):
            connection.pause_ns = silent_ns
    else:
        speak(side, peer, silent_ns)
    if columns.options[i] & (OPT_SACK | OPT_DSACK) == OPT_SACK and flags & ACK:
        left = columns.sack_left[i]
        if ahead(left, side.max_ack) > 0:
            rare = peer.needs_rare()
            if rare.sacked_from < 0 or ahead(left, rare.sacked_from) < 0 or ahead(rare.sacked_from, side.max_ack) <= 0:
                rare.sacked_from = left


def progress(connection: Connection, time_ns: int, frame: int) -> None:
    """Something new was captured."""
    if time_ns - connection.progress_ns > connection.wait_ns:
        connection.wait_ns, connection.wait_frame = time_ns - connection.progress_ns, frame
    connection.progress_ns = max(connection.progress_ns, time_ns)


def speak(side: Side, peer: Side, silent_ns: int) -> None:
    """A side spoke after a silence, and by that answers what the other one said after its own."""
    connection = side.connection
    if side.number != connection.speaker:
        connection.survived_ns = max(connection.survived_ns, connection.pause_ns)
        connection.pause_ns = max(silent_ns, 0) if waits_for_nothing(side) else 0
        connection.speaker = side.number
    elif silent_ns > connection.pause_ns and waits_for_nothing(side):
        connection.pause_ns = silent_ns
    if peer.rare is not None:
        peer.rare.probes = 0


def talk(side: Side, time_ns: int, payload: int) -> None:
    """A side sent new data: in its turn, or as its turn comes."""
    connection = side.connection
    if side.number != connection.talker:
        if connection.talker >= 0:
            connection.turns += 1
            if time_ns - connection.asked_ns > side.answer_ns and (side.number or not begins_with_syn(connection)):
                side.answer_ns = time_ns - connection.asked_ns
        connection.talker = side.number
    connection.asked_ns = time_ns
    if payload > side.largest:
        side.largest = min(payload, MOST_LARGEST)


def _send_again(side: Side, peer: Side, columns: Columns, i: int) -> None:
    """A side repeats what nobody has acknowledged."""
    rare, payload = side.needs_rare(), columns.payload[i]
    if not rare.unanswered:
        rare.unanswered_since_ns = side.last_data_ns if payload and side.last_data_ns else side.last_ns
    rare.unanswered += 1
    rare.repeated_ns = columns.time_ns[i]
    if payload and columns.seq[i] == peer.max_ack and (not rare.lost_payload or payload < rare.lost_payload):
        rare.lost_payload = payload


def answer(side: Side, time_ns: int) -> None:
    """Something of a side's that it had sent again was acknowledged at last."""
    rare, connection = side.needs_rare(), side.connection
    connection.stall_ns = max(connection.stall_ns, time_ns - rare.unanswered_since_ns)
    rare.unanswered = rare.lost_payload = 0


def waits_for_nothing(side: Side) -> bool:
    """Whether a side has neither sent again what was not acknowledged since nor probed without an answer."""
    return side.rare is None or not (side.rare.unanswered or side.rare.probes)
