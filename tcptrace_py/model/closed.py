"""A connection that closed by the book, as its record tells of it: what the tables of facts need to know besides the verdict."""

from array import array

MOST_LOGGED = 16  # segments that a record has room for


class Closed:
    """Filled anew for each record. Times are ns; side 0 sent the SYN; `log` counts the segments in `times_ns` and `frames`."""

    __slots__ = ("end_ns", "first_frame", "frames", "history", "key", "last_frame", "log", "packets_0", "packets_1",
                 "payload_0", "payload_1", "start_ns", "stream", "teid", "times_ns", "timestamps", "vlan")

    def __init__(self) -> None:
        self.key = b""
        self.start_ns = self.end_ns = self.first_frame = self.last_frame = 0
        self.history = 0
        self.stream = self.vlan = self.teid = -1
        self.packets_0 = self.packets_1 = self.payload_0 = self.payload_1 = 0
        self.timestamps = -1  # whether both sides sent the option: 1, 0
        self.log = 0
        self.times_ns, self.frames = array("q", bytes(8 * MOST_LOGGED)), array("q", bytes(8 * MOST_LOGGED))
