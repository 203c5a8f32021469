"""A block of segments: what `decode` hands on; the seam where work is split, shuffled and stored."""

from array import array

from . import words

# TCP flags (RFC 9293 section 3.1), as they stand in the header's 13th byte.
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

# Bits of the column `notes`.
QUOTED = 1  # quoted inside an ICMP error: evidence, never a segment; `window` holds version << 16 | type << 8 | code
HEADER_CUT = 2  # snapped inside the TCP header's fixed 20 bytes: what lies behind the cut reads 0
OPTIONS_CUT = 4  # snapped inside the TCP options
PAYLOAD_CUT = 8  # snapped inside the payload
BAD_CHECKSUM = 16  # the TCP checksum was looked at and is wrong (often only unfinished: checksum offload)
REASSEMBLED = 32  # put together from IP fragments; frame and time are those of the fragment that completed it
OUTGOING = 64  # the link header says that the capturing host sent it (Linux cooked capture)
INCOMING = 128  # the link header says that it was sent to the capturing host
LENGTH_GUESSED = 256  # the IP length was 0 (offloaded): the payload length comes from the frame's own
SHORT_HEADER = 512  # fewer than 16 bytes of the TCP header were captured or quoted: Wireshark gives such no stream

HARMLESS = PAYLOAD_CUT | OUTGOING | INCOMING  # notes that say nothing about how a segment is to be read

# Bits of the column `options`.
OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TIMESTAMPS, OPT_FAST_OPEN, OPT_DSACK = 1, 2, 4, 8, 16, 32, 64

# The columns that the replay asks for besides the key, the wide ones first: handed between processes, and kept while segments wait.
REPLAYED = (
    "time_ns",
    "frame",
    "teid",
    "flags",
    "seq",
    "ack",
    "payload",
    "window",
    "ip_id",
    "tsval",
    "options",
    "notes",
    "tsecr",
    "ttl",
    "interface",
    "window_scale",
    "vlan",
    "sack_left",
)

COOKED_INTERFACES = 1021  # of a cooked capture: what Linux numbers higher shares its number, for rows of the textbook hold small ones
IPV4_KEY, IPV6_KEY = 12, 36  # lengths of the plain keys; scope bytes follow where there is a scope
_IPV4, _IPV6 = IPV4_KEY, IPV6_KEY  # for this module: compiled, they are C numbers


class SegmentBlock:
    """Columns of TCP segments in capture order; `count` rows are filled, the rest of each column is spare.

    `key[i]` is the four-tuple as bytes, seen from the sender: source address, destination address (4 or 16 bytes each),
    source port, destination port (big-endian), then the scope (see `scope_bytes`) where the segment came through a
    tunnel. All numbers are as on the wire, lengths in bytes: `payload` is the TCP payload's length on the wire,
    whatever the snap length kept. `flags` are the header's nine (bit 8 is AE, RFC 9768). `ip_id` is -1 where there is
    none (IPv6). `sack_left`/`sack_right` are the first SACK block; OPT_DSACK in `options` says that it reports a
    duplicate (RFC 2883). `window_scale` is -1 without the option, `vlan` the innermost VLAN identifier or -1, `teid`
    the GTP-U tunnel endpoint or -1. VLAN and TEID are there to be shown: neither belongs to the key, as the two
    directions of one connection may differ in them.

    Where several processes share a capture, `owner` is the one that replays the segment and `me` (else -1) the one that
    has the block; rows of others have no key here but the place of its bytes in `data`: `key_at`, negative for IPv6.
    """

    __slots__ = (
        "ack",
        "checksum",
        "count",
        "data",
        "era_ns",
        "flags",
        "foreign",
        "frame",
        "interface",
        "ip_id",
        "key",
        "key_at",
        "me",
        "notes",
        "odd",
        "options",
        "owner",
        "payload",
        "sack_left",
        "sack_right",
        "seq",
        "teid",
        "time_ns",
        "tsecr",
        "tsval",
        "ttl",
        "vlan",
        "window",
        "window_scale",
    )

    def __init__(self, capacity: int) -> None:
        zeros, unsigned, long = array("i", bytes(4 * capacity)), array("I", bytes(4 * capacity)), array("q", bytes(8 * capacity))
        self.count = 0
        self.me = -1
        self.foreign = 0  # rows of other processes
        self.odd = False  # some row has what few have: SACK, VLAN, TEID
        self.data = b""
        self.era_ns: tuple[int, ...] | None = None  # as `FrameBlock.latest_ns`
        self.key: list[bytes] = [b""] * capacity
        self.frame, self.time_ns, self.key_at = long[:], long[:], long[:]
        self.seq, self.ack, self.flags, self.window, self.payload = unsigned[:], unsigned[:], unsigned[:], unsigned[:], unsigned[:]
        self.options, self.tsval, self.tsecr = unsigned[:], unsigned[:], unsigned[:]
        self.sack_left, self.sack_right = unsigned[:], unsigned[:]
        self.ttl, self.checksum, self.notes, self.interface = unsigned[:], unsigned[:], unsigned[:], unsigned
        self.owner, self.ip_id, self.window_scale = zeros[:], zeros[:], zeros
        self.vlan, self.teid = _absent("i", capacity), _absent("q", capacity)

    def clear(self) -> None:
        """Empty the block for new rows. Only what a decoder need not write into every row is set back, where it was written."""
        self.count = 0
        if not self.odd:
            return
        self.odd = False
        capacity = len(self.frame)
        self.sack_left, self.sack_right = array("I", bytes(4 * capacity)), array("I", bytes(4 * capacity))
        self.vlan, self.teid = _absent("i", capacity), _absent("q", capacity)

    def latest_ns(self) -> tuple[int, ...]:
        """By which connections that are over are looked for behind this block: times of its era's last frames, none where none ends.

        Where nobody knows of eras, times of its last two rows; fewer where there are none.
        """
        return self.era_ns if self.era_ns is not None else tuple(self.time_ns[max(self.count - 2, 0) : self.count])

    def reserve(self, rows: int) -> None:
        """Make room for at least this many rows in all; a frame of several segments (an A-MSDU) may need it."""
        spare = SegmentBlock(max(0, rows - len(self.frame)))
        self.key.extend(spare.key)
        for name in self.__slots__:
            column = getattr(self, name)
            if isinstance(column, array):
                column.extend(getattr(spare, name))


def _absent(code: str, capacity: int) -> "array[int]":
    column = array(code)
    column.frombytes(b"\xff" * (column.itemsize * capacity))
    return column


class Columns:
    """A block's columns once more, for whoever reads them row by row: compiled, they are plain memory. Not to outlive its rows."""

    __slots__ = (
        "ack",
        "count",
        "flags",
        "frame",
        "interface",
        "ip_id",
        "key",
        "me",
        "notes",
        "options",
        "owner",
        "payload",
        "sack_left",
        "seq",
        "teid",
        "time_ns",
        "tsecr",
        "tsval",
        "ttl",
        "vlan",
        "window",
        "window_scale",
    )

    def __init__(self, block: SegmentBlock) -> None:
        self.count, self.key, self.me, self.owner = block.count, block.key, block.me, block.owner
        self.frame, self.time_ns, self.notes, self.interface = block.frame, block.time_ns, block.notes, block.interface
        self.seq, self.ack, self.flags, self.window, self.payload = block.seq, block.ack, block.flags, block.window, block.payload
        self.options, self.tsval, self.tsecr, self.window_scale = block.options, block.tsval, block.tsecr, block.window_scale
        self.ip_id, self.ttl, self.vlan, self.teid = block.ip_id, block.ttl, block.vlan, block.teid
        self.sack_left = block.sack_left


SCOPE_VNI, SCOPE_GRE, SCOPE_TEID = b"V", b"G", b"T"


def scope_bytes(kind: bytes, number: int) -> bytes:
    """Say what a tunnel adds to a key: five bytes, its kind and its number.

    SCOPE_VNI carries the network of VXLAN, GENEVE, NVGRE and LISP, SCOPE_GRE any other key of GRE. SCOPE_TEID says "inside
    GTP-U" and its number is always 0: the two directions of one connection bear different TEIDs (TS 29.281), so the number is in
    the column `teid`. A key has at most one network, the innermost, and it stands before the TEID.
    """
    return kind + number.to_bytes(4, "big")


def key_parts(key: bytes) -> tuple[bytes, bytes, int, int, bytes]:
    """Source address, destination address, source port, destination port, scope bytes of a key."""
    size = 4 if len(key) < IPV6_KEY else 16
    ports = 2 * size
    return (
        key[:size],
        key[size:ports],
        int.from_bytes(key[ports : ports + 2], "big"),
        int.from_bytes(key[ports + 2 : ports + 4], "big"),
        key[ports + 4 :],
    )


def scope_part(key: bytes) -> bytes:
    """The scope bytes of a key; empty without a tunnel."""
    return key[_IPV6 if len(key) >= _IPV6 else _IPV4 :]


def plain_key(key: bytes) -> bytes:
    """A key without its scope."""
    size = _IPV4 if len(key) < _IPV6 else _IPV6
    return key if len(key) == size else key[:size]


def local_port(key: bytes) -> int:
    """Source port of a key."""
    at = _IPV4 - 4 if len(key) < _IPV6 else _IPV6 - 4
    return key[at] << 8 | key[at + 1]


def reverse_key(key: bytes) -> bytes:
    """Turn a key round: the same four-tuple seen from the other side."""
    return words.swapped(key, 4 if len(key) < _IPV6 else 16)
