"""`--format csv`: one line for each connection, flat columns, for spreadsheets and dataframes."""

import csv
from collections.abc import Callable
from typing import NamedTuple, TextIO

from tcptrace_py.model.results import Analysis, Connection, Delivery, Reset, Side
from tcptrace_py.outputs.foreign import cell
from tcptrace_py.outputs.units import ms_text, rfc3339, scope_text
from tcptrace_py.outputs.view import View

SUMMARY = "a line for each connection, flat, for spreadsheets"
FOR_PEOPLE = False


class Column(NamedTuple):
    """A column's name, what it says, and how it is found."""

    name: str
    meaning: str
    value: Callable[[Connection], str | int | None]


def _of_server(pick: Callable[[Side], str | int | None]) -> Callable[[Connection], str | int | None]:
    return lambda c: None if c.server_side is None else pick(c.server_side)


def _delivery(role: str) -> "tuple[Column, ...]":
    """What became of what a side sent: the cells of the JSON document, with the side before their names."""
    client = role == "client"

    def value(pick: Callable[[Delivery], str | int | None]) -> Callable[[Connection], str | int | None]:
        if client:
            return lambda c: pick(c.client_side.delivery)
        return lambda c: None if c.server_side is None else pick(c.server_side.delivery)

    return (
        Column(f"{role}_unacknowledged_bytes", f"bytes the {role} sent that were never acknowledged",
               value(lambda d: d.unacknowledged_bytes)),
        Column(f"{role}_unanswered_repeats", f"segments the {role} sent again at the end, in vain", value(lambda d: d.unanswered_repeats)),
        Column(f"{role}_unanswered_ms", "from when that was sent first until it was sent last", value(lambda d: ms_text(d.unanswered_ns))),
        Column(f"{role}_largest_payload_bytes", f"payload of the {role}'s largest segment; empty unless all it sent arrived",
               value(lambda d: d.largest_payload_bytes)),
        Column(f"{role}_smallest_lost_bytes", "payload of the smallest segment sent again in vain where acknowledgements end",
               value(lambda d: d.smallest_lost_bytes)),
        Column(f"{role}_missing_bytes", "bytes missing at the end below what was acknowledged selectively (SACK)",
               value(lambda d: d.missing_bytes)),
        Column(f"{role}_window_closed_ms", f"the longest time for which the {role}'s window was closed",
               value(lambda d: ms_text(d.window_closed_ns))),
        Column(f"{role}_long_window_closes", "how often that was a second or longer", value(lambda d: d.long_window_closes)),
    )


def _of_reset(pick: Callable[[Reset], str | None]) -> Callable[[Connection], str | int | None]:
    return lambda c: None if c.teardown.reset is None else pick(c.teardown.reset)


COLUMNS = (
    Column("id", "number of the connection, in order of first frames", lambda c: c.id),
    Column("stream", "Wireshark's tcp.stream", lambda c: c.stream),
    Column("client_address", "address of the side that sent the first SYN", lambda c: c.client.address),
    Column("client_port", "its port", lambda c: c.client.port),
    Column("server_address", "address of the other side", lambda c: c.server.address),
    Column("server_port", "its port", lambda c: c.server.port),
    Column("scope", "VLAN, VNI and TEID of the first segment", lambda c: scope_text(c.scope)),
    Column("start", "time of the first frame (RFC 3339, UTC)", lambda c: rfc3339(c.start_ns)),
    Column("end", "time of the last frame (RFC 3339, UTC)", lambda c: rfc3339(c.end_ns)),
    Column("first_frame", "Wireshark's frame.number of the first frame", lambda c: c.first_frame),
    Column("last_frame", "Wireshark's frame.number of the last frame", lambda c: c.last_frame),
    Column("vantage", "where it was captured: client, server, middle", lambda c: c.vantage),
    Column("midstream", "true where the capture began after the connection", lambda c: str(c.midstream).lower()),
    Column("history", "Zeek's letters, upper case from the client", lambda c: c.history),
    Column("handshake_kind", "three-way, simultaneous, self-connect, fast-open", lambda c: c.handshake.kind),
    Column("handshake_outcome", "completed, refused, unanswered, aborted, half-open, not-captured, in-progress",
           lambda c: c.handshake.outcome),
    Column("syn_to_synack_ms", "from the last SYN before the SYN/ACK to it",
           lambda c: ms_text(c.handshake.syn_to_synack_ns)),
    Column("synack_to_ack_ms", "from the SYN/ACK to the ACK", lambda c: ms_text(c.handshake.synack_to_ack_ns)),
    Column("handshake_ms", "from the first SYN to the ACK", lambda c: ms_text(c.handshake.total_ns)),
    Column("syn_retransmissions", "SYNs sent again", lambda c: c.handshake.syn_retransmissions),
    Column("synack_retransmissions", "SYN/ACKs sent again", lambda c: c.handshake.synack_retransmissions),
    Column("teardown_pattern", "four-way, simultaneous, rst, half-closed, unfinished-close, none, unknown",
           lambda c: c.teardown.pattern),
    Column("teardown_segments", "3 or 4 of a four-way close", lambda c: c.teardown.segments),
    Column("first_fin", "side whose FIN left first", lambda c: c.teardown.first_fin),
    Column("teardown_ms", "from the first FIN or RST to the end of the close",
           lambda c: ms_text(c.teardown.duration_ns)),
    Column("teardown_censored", "whether the close was in flight when the capture ended", lambda c: c.teardown.censored),
    Column("reset_by", "side whose RST ended it", _of_reset(lambda r: r.by)),
    Column("reset_cause", "why", _of_reset(lambda r: r.cause)),
    Column("reset_confidence", "high, medium, low", _of_reset(lambda r: r.confidence)),
    Column("client_packets", "segments the client sent", lambda c: c.client_side.packets),
    Column("client_payload_bytes", "distinct bytes the client sent", lambda c: c.client_side.payload_bytes),
    Column("client_retransmissions", "segments the client sent again", lambda c: c.client_side.retransmissions),
    Column("client_final_state", "the client's state at the capture's end", lambda c: c.client_side.final_state_name),
    Column("client_states", "states the client passed, in order", lambda c: c.client_side.path),
    Column("server_packets", "segments the server sent", _of_server(lambda s: s.packets)),
    Column("server_payload_bytes", "distinct bytes the server sent", _of_server(lambda s: s.payload_bytes)),
    Column("server_retransmissions", "segments the server sent again", _of_server(lambda s: s.retransmissions)),
    Column("server_final_state", "the server's state at the capture's end", _of_server(lambda s: s.final_state_name)),
    Column("server_states", "states the server passed, in order", _of_server(lambda s: s.path)),
    Column("time_wait_sides", "sides that entered TIME_WAIT",
           lambda c: " ".join(dict.fromkeys(stay.side for stay in c.time_wait))),
    Column("anomalies", "codes of what no rule explains", lambda c: " ".join(a.code for a in c.anomalies)),
    Column("exchanges", "how often data of the server came right behind data of the client", lambda c: c.course.exchanges),
    Column("longest_answer_ms", "from a request's last new data to the first of its answer", lambda c: ms_text(c.course.longest_answer_ns)),
    Column("longest_wait_ms", "longest time without anything but repeats and probes", lambda c: ms_text(c.course.longest_wait_ns)),
    Column("longest_wait_frame", "frame that ended it; the last one, where none did", lambda c: c.course.longest_wait_frame),
    Column("longest_stall_ms", "of what was sent again: from when it was sent first until it was acknowledged",
           lambda c: ms_text(c.course.longest_stall_ns)),
    Column("idle_survived_ms", "longest silence after which both sides spoke", lambda c: ms_text(c.course.idle_survived_ns)),
    Column("idle_before_end_ms", "silence before the first FIN, the RST, or what nobody answered any more",
           lambda c: ms_text(c.course.idle_before_end_ns)),
    *_delivery("client"),
    *_delivery("server"),
)


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the header and a line for each connection; the unknown is an empty cell."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([column.name for column in COLUMNS])
    for connection in view.listed(analysis):
        rows.writerow([cell(column.value(connection)) for column in COLUMNS])
