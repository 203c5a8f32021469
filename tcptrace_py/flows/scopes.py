"""One four-tuple in several scopes (VLAN, network of a tunnel, TEID, interface): when they are one connection, and when two.

With the same sequence numbers in both scopes the segments are copies, and it is one connection: `is_the_same` tells, for tunnels
whose network is part of a key. With one direction in each it is one connection as well, as an overlay whose tunnels are named for
each direction has it: `fits` tells by the numbers which. With both directions in each and numbers of their own there are two: a
`Router` knows which is which.
"""

from tcptrace_py.model.live import Segment, Side
from tcptrace_py.model.segments import ACK, FIN, RST, SYN, Columns, scope_part
from tcptrace_py.model.seq import ahead

MIRROR_NS = 500_000  # a second capture of the same frame follows at once
NEAR_BYTES = 1 << 20  # numbers this far apart may be of one connection
MOST_APART = 16  # connections of one four-tuple that live at once
MOST_TUNNELS = 8  # of one four-tuple through which a direction may still come
MOST_KNOWN = 8 * MOST_APART  # scopes of theirs that are remembered

Scope = tuple[bytes, int, int, int]  # key, VLAN, TEID, interface


def scope_at(columns: Columns, i: int) -> Scope:
    """Direction and scope of a segment."""
    return columns.key[i], columns.vlan[i], columns.teid[i], columns.interface[i]


def note_way(side: Side, columns: Columns, i: int) -> None:
    """Remember the way of the direction that was captured second, where it is another one than the first's, and each came by its own."""
    connection = side.connection
    way = scope_part(columns.key[i]), columns.vlan[i], columns.teid[i]
    if side.number and not side.packets:
        connection.back = way if way != connection.way or connection.came is not None else None
    elif connection.back != connection.way and way == (connection.way if side.number else connection.back):
        connection.back = connection.came = None  # both came both ways


class Router:
    """The connections of one four-tuple that live at once in scopes of their own: each has a suffix to the key."""

    def __init__(self) -> None:
        self.count = 0  # so many there were
        self.living: list[bytes] = []  # suffixes, in the order of their begins; of some that are over as well
        self.known: dict[Scope, bytes] = {}  # suffix of the connection that a direction of a scope belongs to
        self.by_interface = False  # whether the interface is what tells some of them apart
        self.shared: set[tuple[int, int, int]] = set()  # VLAN, TEID and interface that several of them came by: numbers alone tell

    def another(self) -> bytes:
        """Suffix of one more connection."""
        self.count += 1
        self.living.append(self.count.to_bytes(4))
        if len(self.known) > MOST_KNOWN:
            self.known = {scope: suffix for scope, suffix in self.known.items() if suffix in self.living}
        return self.living[-1]

    def too_many(self, key: bytes, sides: dict[bytes, Side]) -> Side | None:
        """A side of the oldest connection, where there is no room for one more; `key`: of either direction."""
        self.living = [suffix for suffix in self.living if key + suffix in sides]
        return sides[key + self.living[0]] if len(self.living) >= MOST_APART else None

    def find(self, columns: Columns, i: int, sides: dict[bytes, Side]) -> Side | None:
        """The side that sent a segment: of the connection of its scope, else of the one whose numbers it bears; None: of neither."""
        scope = scope_at(columns, i)
        key, suffix = scope[0], self.known.get(scope)
        side = None if suffix is None or scope[1:] in self.shared else sides.get(key + suffix)
        if side is not None:
            return side
        found, least = None, (NEAR_BYTES, 0)
        for suffix in self.living:
            side = sides.get(key + suffix)
            if side is not None:
                far = distance(side, columns, i), abs(ahead(columns.seq[i], side.next_seq)) if side.has_seq else 0
                if far < least:
                    found, least, self.known[scope] = side, far, suffix
        return found

    def lives(self, key: bytes, sides: dict[bytes, Side]) -> bool:
        """Whether any of the connections still lives; `key`: of either direction."""
        return any(key + suffix in sides for suffix in self.living)


def fits(side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment may be a side's, by its numbers."""
    return distance(side, columns, i) < NEAR_BYTES


def is_the_same(side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment that came through another tunnel than a side's others is one of those once more, or goes on with them."""
    flags, peer, seq = columns.flags[i], side.peer, columns.seq[i]
    if any(_is_one_packet(segment, side, columns, i) for segment in side.connection.log):
        return True
    if not flags & ACK:
        return bool(flags & RST) and side.has_seq and seq == side.next_seq
    if peer.has_seq or side.has_ack:
        if abs(ahead(columns.ack[i], peer.next_seq if peer.has_seq else side.max_ack)) >= NEAR_BYTES:
            return False
        if flags & SYN:
            return side.syn_seen and side.isn == seq
        return side.has_seq and abs(ahead(seq, side.next_seq)) < NEAR_BYTES
    return False


def _is_one_packet(segment: Segment, side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment is this one in the log: two that are made up may have its numbers, not its IP ID or timestamp, nor its moment."""
    if segment.side != side.number or segment.flags != columns.flags[i] or segment.payload != columns.payload[i]:
        return False
    if segment.seq != columns.seq[i] or segment.ack != columns.ack[i]:
        return False
    if segment.ip_id > 0 and columns.ip_id[i] > 0:
        return segment.ip_id == columns.ip_id[i]
    if segment.tsval and columns.tsval[i]:
        return segment.tsval == columns.tsval[i]
    return abs(columns.time_ns[i] - segment.time_ns) < MIRROR_NS


def distance(side: Side, columns: Columns, i: int) -> int:
    """How far a segment's numbers are from where a side and its peer stand; NEAR_BYTES where nothing tells."""
    flags, peer, seq = columns.flags[i], side.peer, columns.seq[i]
    if flags & (SYN | ACK | RST | FIN) == SYN:
        if not side.packets:
            return 0  # both opened at once
        return 0 if side.syn_seen and side.isn == seq else NEAR_BYTES
    if flags & ACK and peer.has_seq:
        return abs(ahead(columns.ack[i], peer.next_seq))
    if side.has_seq:
        return abs(ahead(seq, side.next_seq))
    return abs(ahead(seq, peer.max_ack)) if peer.has_ack else NEAR_BYTES
