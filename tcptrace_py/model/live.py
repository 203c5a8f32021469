"""Connections while they live: what is remembered of each side, and the log of the segments that decide its states.

Plain classes with slots: the compiled form gives them C fields. They hold data; `flows` fills them, `states` reads them.
"""

from .clock import SECOND_NS
from .segments import ACK, RST, SYN, local_port, scope_part

# Phases of a connection, as far as they decide what is logged.
OPENING, QUIET, CLOSING = 0, 1, 2

BUDGET = 24  # unremarkable segments that are logged after each remarkable one
SILENCE_NS = 30 * SECOND_NS  # a silence worth remembering: middleboxes and keep-alives act on such

# What a logged segment is besides its flags (bits of Segment.marks).
REPEAT = 1  # repeats a SYN, FIN or data that was captured before
COPY = 2  # a copy of a segment captured before, not sent again: a mirror port's, `-i any`'s or the network's own
AHEAD = 4  # it acknowledges what was never captured
GAP = 8  # sequence numbers before it are missing
PROBE = 16  # keep-alive or window probe
STRAY = 32  # its numbers belong to no part of this connection: left over from an earlier one, or forged
DELAYED = 64  # with COPY: so late that no mirror made it; the network held it back, and it arrived twice
REFUSED = 128  # with STRAY: a SYN whose timestamp is older than the connection's (PAWS, RFC 7323 5)
SKIPPED = 256  # its IP ID says that its sender sent two others since its last captured one

SYN_MET_TIME_WAIT = "syn-met-time-wait"  # the anomaly of a connection whose SYN the old one's TIME_WAIT answered
AT_ITS_CLIENT = -3  # announced, under its client's account: the kind is known there
AS_WAITING = -4  # the same of one that waits: it was counted until its last segment
LONG_CLOSE_NS = SECOND_NS  # a receive window that stays closed for so long is no matter of round trips
MOST_LARGEST = 0xFFFF  # of the largest payload no more is told
MOST_HOPS = 62  # that have a bit

OLDER_IDS = (1 << 32) - 1  # of the three IP IDs that a side remembers, those that it still does when there is another
LETTERS = " SHADFRW"  # Zeek's letters by their number: SYN, SYN/ACK, pure ACK, data, FIN, RST, zero window


class Segment:
    """A logged segment: the columns that the reasoning needs, and its place in the connection.

    `side` is 0 for the sender of the connection's first captured segment, 1 for its peer. `end` is the sequence number
    after everything it carries, SYN and FIN included.
    """

    __slots__ = (
        "ack",
        "context",
        "end",
        "flags",
        "frame",
        "interface",
        "ip_id",
        "marks",
        "options",
        "payload",
        "seq",
        "side",
        "time_ns",
        "tsecr",
        "tsval",
        "ttl",
        "window",
    )

    def __init__(self) -> None:
        self.marks = 0
        self.context: Context | None = None
        self.time_ns: int
        self.frame: int
        self.side: int
        self.flags: int
        self.seq: int
        self.end: int
        self.ack: int
        self.payload: int
        self.window: int
        self.options: int
        self.tsval: int
        self.tsecr: int
        self.ip_id: int
        self.ttl: int
        self.interface: int


class Context:
    """What a RST came upon: how the connection stood when it was captured."""

    __slots__ = (
        "data_ns",
        "idle_ns",
        "own_ack",
        "own_next",
        "peer_ack",
        "previous_by_peer",
        "previous_frame",
        "previous_is_data",
        "previous_ns",
        "sacked_end",
        "unread",
    )

    def __init__(self) -> None:
        self.previous_frame = 0  # of the connection's previous segment
        self.previous_ns = 0  # its time
        self.previous_by_peer = False
        self.previous_is_data = False
        self.peer_ack = -1  # the peer's latest acknowledgement number; -1: none
        self.own_ack = -1  # what its sender had acknowledged before; -1: nothing
        self.own_next = -1  # the sequence number behind everything of its sender's without a hole; -1: nothing
        self.sacked_end = -1  # the one behind the data beyond the last hole; -1: no hole
        self.data_ns = 0  # when the peer's last data was captured; 0: none
        self.unread = 0  # bytes of the peer's that were captured and not yet acknowledged
        self.idle_ns = 0  # the long silence that ended just before; 0: none


class Rare:
    """What most sides never need: where their sequence numbers or their behaviour left the ordinary."""

    __slots__ = (
        "closed_ns",
        "closed_since_ns",
        "copies",
        "early_ns",
        "fin_repeats",
        "long_closes",
        "lost_payload",
        "more_stray_syns",
        "more_strays",
        "probe_end",
        "probes",
        "repeated_ns",
        "retransmissions",
        "sacked_end",
        "sacked_from",
        "stray_next",
        "stray_syns",
        "unanswered",
        "unanswered_since_ns",
        "zero_windows",
    )

    def __init__(self) -> None:
        self.retransmissions = 0
        self.fin_repeats = 0
        self.copies = 0
        self.zero_windows = 0
        self.stray_syns = 0  # told one by one
        self.more_stray_syns = 0  # counted only: too many to tell each
        self.more_strays = 0  # stray segments beyond the log
        self.stray_next = -1  # where the last stray segment ended
        self.early_ns = 0  # when more was acknowledged than was captured of it so far; 0: what was is here, or was not captured
        self.sacked_end = -1  # where the latest data or FIN beyond a hole ended
        self.probe_end = -1  # where the byte of a window probe ended
        self.closed_since_ns = 0  # when it closed its window, as long as that is closed
        self.closed_ns = 0  # the longest time for which it was closed
        self.long_closes = 0  # how often that was LONG_CLOSE_NS or more
        # Since the peer last acknowledged something new: what was sent again, when that was sent first, and last.
        self.unanswered = 0
        self.unanswered_since_ns = 0
        self.repeated_ns = 0
        self.lost_payload = 0  # the smallest payload among it that begins where the peer's acknowledgements end; 0: none
        self.probes = 0  # keep-alive and window probes since the peer last spoke
        self.sacked_from = -1  # the lowest of this side's sequence numbers that the peer has acknowledged selectively; -1: none


class Side:
    """One side of a live connection: counters, and where its sequence numbers stand."""

    __slots__ = (
        "answer_ns",
        "connection",
        "fin_seen",
        "has_ack",
        "has_seq",
        "history_bits",
        "holes",
        "isn",
        "key",
        "largest",
        "last_data_ns",
        "last_flags",
        "last_interface",
        "last_ip_id",
        "last_ns",
        "last_seq",
        "last_tsval",
        "max_ack",
        "next_seq",
        "number",
        "packets",
        "payload_bytes",
        "peer",
        "rare",
        "recent_ids",
        "spoke",
        "syn_seen",
        "synack_seen",
        "window",
        "window_scale",
        "window_zero",
    )

    def __init__(self, connection: "Connection", key: bytes, number: int) -> None:
        self.connection = connection
        self.peer = self
        self.key = key
        self.number = number
        self.packets = 0
        self.payload_bytes = 0
        self.history_bits = 0
        self.has_seq = False
        self.has_ack = False
        self.syn_seen = False
        self.synack_seen = False
        self.fin_seen = False
        self.spoke = False  # it sent something besides SYN and RST
        self.window_zero = False
        self.isn = 0
        self.next_seq = 0
        self.max_ack = 0
        self.window = 0
        self.window_scale = -1
        self.holes: list[tuple[int, int]] | None = None
        self.rare: Rare | None = None
        self.recent_ids = 0  # the last three IP IDs, 16 bits each
        self.last_ns = 0
        self.last_data_ns = 0
        self.answer_ns = 0  # the longest time from the peer's last new data to its own (the client's answers are not all kept)
        self.largest = 0  # payload of its largest segment, MOST_LARGEST at most
        self.last_seq = -1
        self.last_flags = 0
        self.last_ip_id = 0
        self.last_interface = 0
        self.last_tsval = 0

    def needs_rare(self) -> Rare:
        """The rare part, made on first need."""
        if self.rare is None:
            self.rare = Rare()
        return self.rare


class Connection:
    """One incarnation of a four-tuple while it lives. `a` sent its first captured segment; a self-connect has no own `b`."""

    __slots__ = (
        "a",
        "aliases",
        "announced",
        "anomalies",
        "asked_ns",
        "b",
        "back",
        "budget",
        "by_interface",
        "came",
        "due",
        "earlier",
        "end_ns",
        "first_frame",
        "heard_ns",
        "history",
        "icmp",
        "idle_ns",
        "idle_until_ns",
        "judged",
        "judged_at",
        "last_frame",
        "log",
        "pause_ns",
        "phase",
        "plain",
        "predecessor",
        "progress_ns",
        "reused_by",
        "self_connect",
        "settled",
        "shadow",
        "signature",
        "speaker",
        "split",
        "stall_ns",
        "start_ns",
        "stream",
        "survived_ns",
        "talker",
        "teid",
        "turns",
        "vlan",
        "wait_frame",
        "wait_ns",
    )

    def __init__(self, key: bytes, other: bytes, time_ns: int, frame: int) -> None:
        self.a = Side(self, key, 0)
        self.b = Side(self, other, 1)
        self.a.peer = self.b
        self.b.peer = self.a
        self.self_connect = other == key
        self.start_ns = time_ns
        self.end_ns = time_ns
        self.first_frame = frame
        self.last_frame = frame
        self.stream = 0
        self.settled = False  # Wireshark's base numbers of both directions are known: only a SYN can begin another stream
        self.phase = OPENING
        self.budget = 32
        self.signature = 1
        self.plain = not self.self_connect  # nothing but textbook segments so far: the signature says all
        self.announced = -1  # kind (findings.occupancy) under which its port counts as held, once it is old
        self.due = 0  # second at which the table looks at it again
        self.vlan = -1
        self.teid = -1
        self.back: tuple[bytes, int, int] | None = None  # scope bytes, VLAN and TEID of the other direction, where they are others
        # Scope bytes of the direction that was captured first, where the key has the other one's; `back` is set then.
        self.came: bytes | None = None
        self.by_interface = False  # another lives on the four-tuple, and the interface tells which is which
        self.split = b""  # what the flow table puts behind its keys: another lives on the four-tuple, in a scope of its own
        self.aliases: list[bytes] | None = None  # keys in other scopes that bear one of its directions
        self.idle_ns = 0  # the last long silence, and when it ended
        self.idle_until_ns = 0
        self.speaker = -1  # side that sent the last segment that was no RST and repeated nothing
        self.pause_ns = 0  # the longest silence that it ended since the other side spoke
        self.survived_ns = 0  # the longest silence after which both sides spoke
        self.heard_ns = time_ns  # when a segment was captured last that is no copy and no stray
        self.progress_ns = time_ns  # when something new was captured last
        self.wait_ns = self.wait_frame = 0  # the longest time without anything new, and the frame that ended it
        self.stall_ns = 0  # the longest time for which something was sent again before it was acknowledged
        self.talker = -1  # side that sent new data last
        self.asked_ns = 0  # and when
        self.turns = 0  # how often it was the other one
        self.history = 0  # four bits a letter, oldest highest: side << 3 | index into LETTERS
        self.log: list[Segment] = []
        self.anomalies: list[tuple[str, int, str]] | None = None
        self.icmp: list[tuple[int, int]] | None = None  # frame, version << 16 | type << 8 | code
        self.judged: object = None  # the verdict when the log had `judged_at` segments, for who asks again
        self.judged_at = -1
        self.shadow: Connection | None = None  # a new SYN on the tuple that still waits for an answer
        self.reused_by: Connection | None = None  # the next incarnation, where its SYN ended this one
        self.predecessor: Connection | None = None  # the incarnation before, as long as its TIME_WAIT may yet refuse this one's SYN
        self.earlier = b""  # of the incarnations before: 4 bytes each of the SYN's number and of its sender's latest timestamp

    def side(self, number: int) -> Side:
        """Side by its number."""
        return self.a if number == 0 else self.b

    def dissolve(self) -> None:
        """Take the connection apart when all is said of it, so that it needs no garbage collector."""
        self.a.peer = self.b.peer = self.a.connection = self.b.connection = None  # type: ignore[assignment]
        self.shadow = self.reused_by = self.predecessor = None
        self.due = -1

    def note(self, code: str, frame: int, explanation: str) -> None:
        """Name an anomaly."""
        if self.anomalies is None:
            self.anomalies = []
        self.anomalies.append((code, frame, explanation))

    @property
    def scope(self) -> bytes:
        """Scope bytes of the four-tuple; empty without a tunnel."""
        return scope_part(self.a.key)

    @property
    def way(self) -> tuple[bytes, int, int]:
        """Scope bytes, VLAN and TEID of the direction that was captured first."""
        return self.scope if self.came is None else self.came, self.vlan, self.teid


def hops(ttl: int) -> int:
    """Routers that a segment has passed, by the TTL that it is left with: systems begin with 32, 64, 128 or 255."""
    begun = 32 if ttl <= 32 else 64 if ttl <= 64 else 128 if ttl <= 128 else 255
    return begun - ttl


def hop_bit(ttl: int) -> int:
    """The bit of so many hops; 0 where the TTL is not known, or no number of 64 bits has that one."""
    one, passed = 1, hops(ttl)  # a C number before it is shifted
    return one << passed if ttl > 0 and passed <= MOST_HOPS else 0


def refused_by_time_wait(connection: Connection) -> int:
    """The last frame in which the old connection's TIME_WAIT answered this one's SYN; 0 if none did."""
    last = 0
    if connection.anomalies is not None:
        for anomaly in connection.anomalies:
            if anomaly[0] == SYN_MET_TIME_WAIT:
                last = max(last, anomaly[1])
    return last


def refused(connection: Connection) -> bool:
    """Whether a textbook connection ended with its SYN's refusal."""
    log = connection.log
    if not connection.plain or len(log) < 2:
        return False
    segment = log[-1]
    return segment.flags & RST > 0


def begins_with_syn(connection: Connection) -> bool:
    """Whether its first segment is a bare SYN: its sender is the client for good, and its beginning was captured."""
    if not connection.log:
        return False
    first = connection.log[0]
    return first.flags & (SYN | ACK | RST) == SYN


def opens_as_before(connection: Connection, shadow: Connection) -> bool:
    """Whether the SYN that waits has the number of the old connection's SYN."""
    caller = connection.a if connection.a.key == shadow.a.key else connection.b
    return begins_with_syn(shadow) and caller.syn_seen and caller.isn == shadow.a.isn


def client_at_first(connection: Connection) -> int:
    """Number of the client's side as the first segment alone tells it: known at once, and the same whenever it is asked."""
    first = connection.log[0] if connection.log else None
    if first is not None and first.flags & SYN and not first.flags & RST:
        return 1 - first.side if first.flags & ACK else first.side
    return _by_ports(connection)


def client_of(connection: Connection) -> int:
    """Number of the client's side: who sent the first SYN; without one a guess from SYN/ACK, ports and direction.

    The guess (documented): who got a SYN/ACK; else who has the higher port; else who was captured first.
    """
    for segment in connection.log:
        if segment.flags & (SYN | ACK | RST) == SYN:
            return segment.side
    if connection.self_connect:
        return 0
    for segment in connection.log:
        if segment.flags & (SYN | ACK | RST) == SYN | ACK:
            return 1 - segment.side
    return _by_ports(connection)


def _by_ports(connection: Connection) -> int:
    return 0 if local_port(connection.a.key) >= local_port(connection.b.key) else 1
