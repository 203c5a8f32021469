"""snoop, the format of Solaris and its tool (RFC 1761): a file header, then records that tell how long they are with their padding.

What follows a record that cannot be is left out: nothing in the format says where another one begins.
"""

from array import array
from struct import Struct
from typing import Any

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.frames import FrameBlock

from .columns import BLOCK_FRAMES, finish_uniform, put
from .damage import Damage
from .interfaces import Given, Numbers
from .pcap_walk import CAPTURED_LIMIT, NS_PER_S

MAGIC = b"snoop\0\0\0"
HEADER = Struct(">8sII")  # magic, version, datalink
RECORD = Struct(">IIIIII")  # length on the wire, captured, of the record; frames dropped so far; seconds, microseconds
LINKS = {0: 1, 2: 6, 4: 1, 8: 10}  # RFC 1761's datalinks as LINKTYPE_ numbers: 802.3, token ring, Ethernet, FDDI
MOST_PADDING = 8
US_PER_S = 1_000_000


def parse_header(data: bytes) -> int:
    """Read the file header, and give the link type. Raises CaptureError where it is cut, or of a link that is not read."""
    if len(data) < HEADER.size:
        raise CaptureError(f"ends inside its file header ({len(data)} of {HEADER.size} bytes)")
    _magic, version, datalink = HEADER.unpack_from(data)
    if version != 2 or datalink not in LINKS:
        raise CaptureError(f"is a snoop capture of version {version} and datalink {datalink}, which is not read")
    return LINKS[datalink]


class SnoopReader:
    """Cuts the windows of one snoop file into blocks."""

    format = "snoop"
    uniform = True
    first_byte = HEADER.size

    def __init__(self, link: int, interface: int, damage: Damage) -> None:
        self._link = link
        self._links = array("q", [link]) * BLOCK_FRAMES
        self._interfaces = array("q", [interface]) * BLOCK_FRAMES
        self._damage = damage
        self._lost = False

    def state(self) -> tuple[Any, ...] | None:
        """What is known here, for `resumed`; None while the reader has lost its way."""
        return None if self._lost else (self._link,)

    @classmethod
    def resumed(cls, state: tuple[Any, ...], numbers: Numbers | Given, damage: Damage) -> "SnoopReader":
        """A reader that goes on where another one knew this."""
        return cls(state[0], numbers.number(state[0]), damage)

    def step(self, block: FrameBlock, position: int, base: int, final: bool) -> tuple[int, int]:
        """Go on filling the block from `position` of its bytes; see `pcap.PcapReader.step`."""
        data = block.data
        while block.count < BLOCK_FRAMES:
            left_bytes = len(data) - position
            if self._lost or not left_bytes:
                return len(data), 1
            frame, need_bytes = block.first_frame + block.count - 1, RECORD.size
            if left_bytes >= RECORD.size:
                wire, captured, need_bytes, _dropped, seconds, fraction = RECORD.unpack_from(data, position)
                if captured > wire or captured > CAPTURED_LIMIT or not 0 <= need_bytes - RECORD.size - captured <= MOST_PADDING:
                    self._lost = True
                    self._damage.skipped("corrupt-record", "no record can begin", base + position, None, frame)
                    continue
            if left_bytes < need_bytes:
                if final:
                    self._damage.cut_tail(base + position, left_bytes, "record", frame)
                    return len(data), 1
                return position, need_bytes
            if fraction >= US_PER_S:
                self._damage.add(
                    "bad-timestamp",
                    f"the record at {self._damage.byte(base + position)} has an impossible fraction of a second, {fraction} of {US_PER_S}",
                    frame + 1,
                )
            put(block, seconds * NS_PER_S + fraction * 1000, position + RECORD.size, captured, wire, 0, 0)
            position += need_bytes
        return position, 0

    def finish(self, block: FrameBlock) -> None:
        """Make a block ready to be handed on."""
        finish_uniform(block, self._links, self._interfaces)
