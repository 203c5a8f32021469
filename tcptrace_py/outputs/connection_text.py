"""A connection as a row of the document `tcpstates/analysis/1`: JSON in ASCII, on one line, written without an object for each part.

Absolute times are RFC 3339 strings, durations numbers with their unit in the key, null is unknown.
"""

from json.encoder import encode_basestring_ascii
from typing import Any

from tcptrace_py.model.results import (
    Anomaly,
    Connection,
    Course,
    Delivery,
    Endpoint,
    Handshake,
    Reset,
    Scope,
    Side,
    Stay,
    Teardown,
    TwoScopes,
)

from .units import ms, rfc3339, shortest

MOST_WORDS = 4096
_words: dict[str, str] = {}  # texts in their quotes; most come again


def connection_text(connection: Connection) -> str:
    """One connection."""
    server = connection.server_side
    return (
        f'{{"id": {_number(connection.id)}, "stream": {_number(connection.stream)}'
        f', "client": {_endpoint(connection.client)}, "server": {_endpoint(connection.server)}, "scope": {_scopes(connection.scope)}'
        f', "start": {_time(connection.start_ns)}, "end": {_time(connection.end_ns)}'
        f', "frames": [{_number(connection.first_frame)}, {_number(connection.last_frame)}]'
        f', "vantage": {_word(connection.vantage)}, "midstream": {_truth(connection.midstream)}, "history": {_word(connection.history)}'
        f', "handshake": {_handshake(connection.handshake)}, "teardown": {_teardown(connection.teardown)}'
        f', "resets": [{", ".join([_reset(reset) for reset in connection.resets])}], "course": {_course(connection.course)}'
        f', "client_side": {_side(connection.client_side)}, "server_side": {"null" if server is None else _side(server)}'
        f', "time_wait": [{", ".join([_stay(stay) for stay in connection.time_wait])}]'
        f', "anomalies": [{", ".join([_anomaly(anomaly) for anomaly in connection.anomalies])}]}}'
    )


def _number(number: int | None) -> str:
    if number is None:
        return "null"
    whole = number
    return f"{whole}"


def _truth(value: Any) -> str:
    return "true" if value else "false"


def _time(time_ns: int | None) -> str:
    return "null" if time_ns is None else f'"{rfc3339(time_ns)}"'


def _ms(duration_ns: int | None) -> str:
    duration = ms(duration_ns)
    return "null" if duration is None else shortest(duration)


def _word(word: str | None) -> str:
    """A text in its quotes, with escapes."""
    if word is None:
        return "null"
    text = _words.get(word)
    if text is None:
        if len(_words) >= MOST_WORDS:
            _words.clear()
        text = _words[word] = encode_basestring_ascii(word)
    return text


def _endpoint(endpoint: Endpoint) -> str:
    return f'{{"address": {_word(endpoint.address)}, "port": {_number(endpoint.port)}}}'


def _scopes(scope: Scope | TwoScopes | None) -> str:
    """A connection's scope; the client's and the server's where they differ."""
    return f"[{_scope(scope.client)}, {_scope(scope.server)}]" if isinstance(scope, TwoScopes) else _scope(scope)


def _scope(scope: Scope | None) -> str:
    if scope is None:
        return "null"
    return (
        f'{{"vlan": {_number(scope.vlan)}, "vni": {_number(scope.vni)}, "gre_key": {_number(scope.gre_key)}'
        f', "teid": {_number(scope.teid)}, "interface": {_number(scope.interface)}}}'
    )


def _handshake(handshake: Handshake) -> str:
    """How it was opened."""
    return (
        f'{{"kind": {_word(handshake.kind)}, "outcome": {_word(handshake.outcome)}'
        f', "syn_to_synack_ms": {_ms(handshake.syn_to_synack_ns)}, "synack_to_ack_ms": {_ms(handshake.synack_to_ack_ns)}'
        f', "total_ms": {_ms(handshake.total_ns)}, "syn_retransmissions": {_number(handshake.syn_retransmissions)}'
        f', "synack_retransmissions": {_number(handshake.synack_retransmissions)}}}'
    )


def _teardown(teardown: Teardown) -> str:
    """How it ended."""
    reset = teardown.reset
    return (
        f'{{"pattern": {_word(teardown.pattern)}, "segments": {_number(teardown.segments)}, "first_fin": {_word(teardown.first_fin)}'
        f', "duration_ms": {_ms(teardown.duration_ns)}, "censored": {_truth(teardown.censored)}'
        f', "reset": {"null" if reset is None else _reset(reset)}}}'
    )


def _course(course: Course) -> str:
    """How time went by in it."""
    return (
        f'{{"exchanges": {_number(course.exchanges)}, "longest_answer_ms": {_ms(course.longest_answer_ns)}'
        f', "longest_wait_ms": {_ms(course.longest_wait_ns)}, "longest_wait_frame": {_number(course.longest_wait_frame)}'
        f', "longest_stall_ms": {_ms(course.longest_stall_ns)}, "idle_survived_ms": {_ms(course.idle_survived_ns)}'
        f', "idle_before_end_ms": {_ms(course.idle_before_end_ns)}}}'
    )


def _reset(reset: Reset) -> str:
    """One RST."""
    return (
        f'{{"by": {_word(reset.by)}, "cause": {_word(reset.cause)}, "confidence": {_word(reset.confidence)}'
        f', "frame": {_number(reset.frame)}, "at": {_time(reset.at_ns)}'
        f', "evidence": [{", ".join([_word(sentence) for sentence in reset.evidence])}]}}'
    )


def _side(side: Side) -> str:
    """What one side sent and which states it passed."""
    states = [_entry(name, at_ns, frame, basis) for name, (_, at_ns, frame, basis) in zip(side.path.split(), side.steps, strict=True)]
    return (
        f'{{"packets": {_number(side.packets)}, "payload_bytes": {_number(side.payload_bytes)}'
        f', "retransmissions": {_number(side.retransmissions)}, "fin_retransmissions": {_number(side.fin_retransmissions)}'
        f', "final_state": {_word(side.final_state_name)}, "states": [{", ".join(states)}], "delivery": {_delivery(side.delivery)}}}'
    )


def _entry(name: str, at_ns: int | None, frame: int | None, basis: str) -> str:
    """A state that a side entered."""
    return f'{{"state": {_word(name)}, "at": {_time(at_ns)}, "frame": {_number(frame)}, "basis": {_word(basis)}}}'


def _delivery(delivery: Delivery) -> str:
    """What became of what a side sent, and how long its own window was closed."""
    return (
        f'{{"unacknowledged_bytes": {_number(delivery.unacknowledged_bytes)}'
        f', "unanswered_repeats": {_number(delivery.unanswered_repeats)}, "unanswered_ms": {_ms(delivery.unanswered_ns)}'
        f', "largest_payload_bytes": {_number(delivery.largest_payload_bytes)}'
        f', "smallest_lost_bytes": {_number(delivery.smallest_lost_bytes)}, "missing_bytes": {_number(delivery.missing_bytes)}'
        f', "window_closed_ms": {_ms(delivery.window_closed_ns)}, "long_window_closes": {_number(delivery.long_window_closes)}}}'
    )


def _stay(stay: Stay) -> str:
    """One stay in TIME_WAIT."""
    return (
        f'{{"side": {_word(stay.side)}, "entered": {_time(stay.entered_ns)}, "basis": {_word(stay.basis)}'
        f', "expires": {_time(stay.expires_ns)}, "restarts": {_number(stay.restarts)}, "ended_at": {_time(stay.ended_at_ns)}'
        f', "ended_by": {_word(stay.ended_by)}, "censored": {_truth(stay.censored)}}}'
    )


def _anomaly(anomaly: Anomaly) -> str:
    """What is out of the ordinary."""
    return f'{{"code": {_word(anomaly.code)}, "frame": {_number(anomaly.frame)}, "explanation": {_word(anomaly.explanation)}}}'
