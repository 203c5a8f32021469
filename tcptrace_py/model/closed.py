"""A connection that closed by the book, as its record tells of it: what the tables of facts need to know besides the verdict."""

from array import array

MOST_LOGGED = 16  # segments that a record has room for


class Closed:
    """Filled anew for each record. Times are ns; side 0 sent the SYN; `log` counts the segments in `times_ns` and `frames`."""

    __slots__ = (
        "answer_ns",
        "asked_ns",
        "end_ns",
        "first_frame",
        "frames",
        "history",
        "key",
        "largest",
        "last_frame",
        "log",
        "packets_0",
        "packets_1",
        "pause_ns",
        "payload_0",
        "payload_1",
        "start_ns",
        "stream",
        "survived_ns",
        "talker",
        "teid",
        "times_ns",
        "timestamps",
        "turns",
        "vlan",
        "wait_frame",
    )

    def __init__(self) -> None:
        self.key = b""
        self.start_ns = self.end_ns = self.first_frame = self.last_frame = 0
        self.history = 0
        self.stream = self.vlan = self.teid = -1
        self.packets_0 = self.packets_1 = self.payload_0 = self.payload_1 = 0
        self.timestamps = -1  # whether both sides sent the option: 1, 0
        self.answer_ns = self.asked_ns = self.pause_ns = self.survived_ns = 0  # as `Connection` and the server's `Side` have them
        self.turns = self.wait_frame = self.largest = 0  # the frame counts from the first; 16 bits for each side's largest payload
        self.talker = -1
        self.log = 0
        self.times_ns, self.frames = array("q", bytes(8 * MOST_LOGGED)), array("q", bytes(8 * MOST_LOGGED))
