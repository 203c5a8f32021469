"""Connections while they live: what is remembered of each side, and the log of the segments that decide its states.

Plain classes with slots: the compiled form gives them C fields. They hold data; `flows` fills them, `states` reads them.
"""

from .segments import ACK, IPV4_KEY, IPV6_KEY, RST, SYN, key_parts, reverse_key

# Phases of a connection, as far as they decide what is logged.
OPENING, QUIET, CLOSING = 0, 1, 2

# What a logged segment is besides its flags (bits of Segment.marks).
REPEAT = 1  # repeats a SYN, FIN or data that was captured before
COPY = 2  # perhaps the network's own copy of a segment captured before: same IP ID and checksum
AHEAD = 4  # its acknowledgement covers what was never captured
GAP = 8  # sequence numbers before it are missing
PROBE = 16  # keep-alive or window probe
STRAY = 32  # its numbers belong to no part of this connection: left over from an earlier one, or forged


class Segment:
    """A logged segment: the columns that the reasoning needs, and its place in the connection.

    `side` is 0 for the sender of the connection's first captured segment, 1 for its peer. `end` is the sequence number
    after everything it carries, SYN and FIN included. `gap_ns` is the time since the connection's previous segment.
    """

    __slots__ = ("ack", "end", "flags", "frame", "gap_ns", "interface", "ip_id", "marks", "options", "payload", "peer_data_ns",
                 "peer_unread", "sack_left", "sack_right", "seq", "side", "time_ns", "tsecr", "tsval", "ttl", "window")

    def __init__(self) -> None:
        self.time_ns = 0
        self.frame = 0
        self.side = 0
        self.flags = 0
        self.seq = 0
        self.end = 0
        self.ack = 0
        self.payload = 0
        self.window = 0
        self.options = 0
        self.tsval = 0
        self.tsecr = 0
        self.sack_left = 0
        self.sack_right = 0
        self.ip_id = 0
        self.ttl = 0
        self.interface = 0
        self.marks = 0
        self.gap_ns = 0
        self.peer_data_ns = 0  # when the peer's last data was captured; 0: none
        self.peer_unread = 0  # bytes of the peer's that were captured and not yet acknowledged by this side


class Side:
    """One side of a live connection: counters, and where its sequence numbers stand."""

    __slots__ = ("connection", "copies", "fin_repeats", "fin_seen", "has_ack", "has_seq", "history_bits", "holes", "isn",
                 "key", "last_ack", "last_checksum", "last_data_ns", "last_flags", "last_interface", "last_ip_id",
                 "last_ns", "last_payload", "last_seq", "last_window", "max_ack", "next_seq", "number", "packets", "payload_bytes",
                 "peer", "probes", "recent", "retransmissions", "spoke", "stray_next", "syn_seen", "synack_seen", "tsval", "tsval_known", "ttl",
                 "window_scale", "window_zero", "zero_windows")

    def __init__(self, connection: "Connection", key: bytes, number: int) -> None:
        self.connection = connection
        self.peer = self
        self.key = key
        self.number = number
        self.packets = 0
        self.payload_bytes = 0
        self.retransmissions = 0
        self.fin_repeats = 0
        self.copies = 0
        self.probes = 0
        self.zero_windows = 0
        self.history_bits = 0
        self.has_seq = False
        self.has_ack = False
        self.syn_seen = False
        self.synack_seen = False
        self.fin_seen = False
        self.spoke = False
        self.window_zero = False
        self.tsval_known = False
        self.isn = 0
        self.next_seq = 0
        self.max_ack = 0
        self.tsval = 0
        self.ttl = 0
        self.window_scale = -1
        self.stray_next = -1  # where the last stray segment ended
        self.holes: list[tuple[int, int]] | None = None
        self.recent: dict[int, int] | None = None
        self.last_ns = 0
        self.last_data_ns = 0
        self.last_seq = -1
        self.last_ack = 0
        self.last_flags = 0
        self.last_payload = 0
        self.last_window = 0
        self.last_ip_id = 0
        self.last_checksum = 0
        self.last_interface = 0


class Connection:
    """One incarnation of a four-tuple while it lives. `a` sent its first captured segment; a self-connect has no `b`'s own."""

    __slots__ = ("a", "anomalies", "b", "budget", "client", "end_ns", "first_frame", "history", "icmp", "last_frame", "log", "phase",
                 "plain", "reused_by", "self_connect", "shadow", "signature", "slot", "start_ns", "stream", "teid", "vlan")

    def __init__(self, key: bytes, time_ns: int, frame: int) -> None:
        self.a = Side(self, key, 0)
        other = reverse_key(key)
        self.self_connect = other == key
        self.b = Side(self, other, 1)
        self.a.peer = self.b
        self.b.peer = self.a
        self.start_ns = time_ns
        self.end_ns = time_ns
        self.first_frame = frame
        self.last_frame = frame
        self.stream = 0
        self.slot = 0
        self.client = -1  # number of the client's side; -1: not yet known
        self.phase = OPENING
        self.budget = 32
        self.signature = 1
        self.plain = True  # nothing but textbook segments so far: the signature says all
        self.vlan = -1
        self.teid = -1
        self.log: list[Segment] = []
        self.history: list[str] = []
        self.anomalies: list[tuple[str, int, str]] = []
        self.icmp: list[tuple[int, int, int, int]] = []  # time, frame, version << 16 | type << 8 | code, side that was quoted
        self.shadow: Connection | None = None
        self.reused_by: Connection | None = None  # the next incarnation, where its SYN ended this one

    def side(self, number: int) -> Side:
        """Side by its number."""
        return self.a if number == 0 else self.b

    @property
    def is_ipv6(self) -> bool:
        """Whether the addresses are IPv6."""
        return len(self.a.key) >= IPV6_KEY

    @property
    def scope(self) -> bytes:
        """Scope bytes of the four-tuple; empty without a tunnel."""
        return self.a.key[IPV6_KEY if self.is_ipv6 else IPV4_KEY:]


def client_of(connection: Connection) -> int:
    """Number of the client's side: who sent the first SYN; without one a guess from SYN/ACK, ports and direction.

    The guess (documented): who got a SYN/ACK; else who has the higher port; else who was captured first.
    """
    a, b = connection.a, connection.b
    for segment in connection.log:
        if segment.flags & (SYN | ACK | RST) == SYN:
            return segment.side
    if connection.self_connect:
        return 0
    for segment in connection.log:
        if segment.flags & (SYN | ACK | RST) == SYN | ACK:
            return 1 - segment.side
    return 0 if key_parts(connection.a.key)[2] >= key_parts(connection.b.key)[2] else 1
