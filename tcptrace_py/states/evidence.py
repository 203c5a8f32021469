"""What one capture point saw of a connection, with the questions that all rules ask of it.

A captured segment proves that its sender sent it, not that its peer received it. From a connection's log the rules make
one ordered list of machine events for each side: `opening`, `closing`, `resets`, `time_wait`, a file each; `replay` puts
them through the table. The order of what a side *sent* is nearly certain; where between those its *receipts* belong is
decided by the evidence, strongest first:

1. an acknowledgement proves receipt of what it covers, and everything sent after it was sent knowing it;
2. timestamps name the copy that an acknowledgement answers, and order what the capture could not (RFC 7323 4.3);
3. near a side, what was captured on its way to it is received when captured;
4. elsewhere receipt is assumed at capture, unless the sender repeats itself later than a round trip: then it was lost.

Hot modules, all of them: the `.pxd` beside each makes its loops loops in C.
"""

from tcptrace_py.model.live import COPY, STRAY, Connection, Segment, client_of
from tcptrace_py.model.segments import ACK, OPT_MSS, OPT_SACK_OK, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import NOWHERE, Opening, View


class Happening:
    """A machine event of one side: what happened, the log index it rests on, how firmly (as in `model.verdict`)."""

    __slots__ = ("basis", "event", "index")

    def __init__(self) -> None:
        self.event: int
        self.index: int
        self.basis: int


def happened(event: int, index: int, basis: int) -> Happening:
    """A machine event: a function, since compiled it is called with C numbers, and calls nothing of Python's."""
    happening = Happening.__new__(Happening)
    happening.event = event
    happening.index = index
    happening.basis = basis
    return happening


class Half:
    """One side's half of the log, and what was found out about its FIN. Lists are of log indices, copies and strays left out."""

    __slots__ = (
        "acknowledged",
        "beyond_fin",
        "closed_second",
        "cover",
        "fin_end",
        "fin_taken",
        "fins",
        "indices",
        "near",
        "number",
        "sent",
        "syns",
    )

    def __init__(self, number: int, near: bool) -> None:
        self.number = number
        self.near = near  # the capture was taken at it: its receipts are seen as they happen
        self.indices: list[int] = []  # in capture order
        self.sent = self.indices  # in the order of sending
        self.syns: list[int] = []  # those with SYN, in capture order
        self.fins: list[int] = []  # copies of its FIN, in the order of sending
        self.fin_end = -1  # the sequence number behind its FIN; -1: none
        self.beyond_fin = 0  # so many numbers beyond its FIN it sent all the same; -1: its FIN lies before its peer's window
        self.cover = NOWHERE  # the first of its segments, in the order of sending, that acknowledges the peer's FIN
        self.acknowledged = NOWHERE  # the first segment that acknowledges its FIN, copies and strays included
        self.closed_second = NOWHERE  # kept by `fins.closed_second`
        self.fin_taken = NOWHERE  # kept by `fins.fin_taken`


class Evidence:
    """One connection's log. Sides are 0 and 1; times in ns."""

    __slots__ = ("a", "b", "client", "connection", "fatal", "fatal_by_third", "log", "opening", "resets", "self_connect", "view")

    def __init__(self, connection: Connection, view: View) -> None:
        self._begin(connection, view)
        self._read()

    def _begin(self, connection: Connection, view: View) -> None:
        self.connection = connection
        self.view = view
        self.log = connection.log
        self.self_connect = connection.self_connect
        self.client = client_of(connection)
        self.opening = Opening()
        self.resets: list[int] = []
        self.fatal = NOWHERE  # the RST that ended the connection
        self.fatal_by_third = False  # the side that it names did not send it
        self.a, self.b = Half(0, view.near[0]), Half(1, view.near[1])

    def _read(self) -> None:
        log, firsts, seconds = self.log, self.a.indices, self.b.indices
        for i in range(len(log)):
            segment = log[i]
            if segment.marks & (COPY | STRAY):
                continue
            if segment.side:
                seconds.append(i)
            else:
                firsts.append(i)
            if segment.flags & SYN:
                mine = self.half(segment.side)
                mine.syns.append(i)
            if segment.flags & RST:
                self.resets.append(i)
        self.a.sent = self._in_order_of_sending(self.a)
        self.b.sent = self._in_order_of_sending(self.b)

    def half(self, number: int) -> Half:
        """A side's half, by its number."""
        return self.b if number else self.a

    def _in_order_of_sending(self, mine: Half) -> list[int]:
        """Far from a side, timestamps tell the order in which it sent; a RST may lack them, and stays behind what it followed."""
        log, indices = self.log, mine.indices
        if mine.near or len(indices) < 2:
            return indices
        base, latest, before, ordered = 0, 0, 0, True
        for place in range(len(indices)):
            segment = log[indices[place]]
            if not segment.options & OPT_TIMESTAMPS and not segment.flags & RST:
                return indices
            if place == 0:
                base = segment.tsval
            stamp = ahead(segment.tsval, base)
            latest = stamp if stamp > latest or not segment.flags & RST else latest
            if place and latest < before:
                ordered = False
            before = latest
        return indices if ordered else self._by_timestamps(indices, base)

    def _by_timestamps(self, indices: list[int], base: int) -> list[int]:
        order: list[tuple[int, int]] = []
        latest = 0
        for i in indices:
            segment = self.log[i]
            stamp = ahead(segment.tsval, base)
            latest = stamp if stamp > latest or not segment.flags & RST else latest
            order.append((latest, i))
        order.sort()
        return [pair[1] for pair in order]

    # -- small questions --------------------------------------------------------------------------------------------

    def time(self, index: int) -> int:
        """Capture time of a logged segment."""
        segment = self.log[index]
        return segment.time_ns

    def covers(self, segment: Segment, closer: Half) -> bool:
        """Whether a segment acknowledges the FIN of its sender's peer: nothing beyond what was sent can be (RFC 9293 3.10.7.4, fifth).

        A socket that has sent its own FIN answers its peer's with an ACK. The RST|ACK that comes instead is answered for no
        socket, by the numbers of the FIN: lwIP's tcp_rst(), RFC 9293 3.10.7.1.
        """
        if closer.fin_end < 0 or not segment.flags & ACK or segment.side == closer.number:
            return False
        if segment.flags & RST:
            sender = self.half(segment.side)
            if sender.fins and not self._is_before(segment, sender.fins[0]):
                return False
        return 0 <= ahead(segment.ack, closer.fin_end) <= closer.beyond_fin

    def _is_before(self, segment: Segment, index: int) -> bool:
        """Whether a logged segment comes before another: not by its frame, which may have been written later."""
        for at in range(index):  # noqa: SIM110 - compiled, there is no generator in it
            if self.log[at] is segment:
                return True
        return False

    def not_crossing(self, received: int, repeated: int) -> bool:
        """Whether the repetition left long enough after the other segment passed to count as not knowing it."""
        return self.time(repeated) - self.time(received) > self.view.round_trip_ns

    def sent_knowing(self, later: int, received: int) -> bool:
        """Whether a side had received one segment of its peer's when it sent another of its own."""
        mine, theirs = self.log[later], self.log[received]
        if self.half(mine.side).near:
            return received < later
        if mine.options & theirs.options & OPT_TIMESTAMPS and (mine.tsecr != theirs.tsval or not self._stamped_before(theirs, received)):
            return ahead(mine.tsecr, theirs.tsval) >= 0
        return received < later and mine.time_ns - theirs.time_ns > self.view.round_trip_ns

    def _stamped_before(self, segment: Segment, index: int) -> bool:
        """Whether its sender had sent this timestamp before: then an echo of it does not name this segment."""
        for i in self.half(segment.side).indices:
            if i >= index:
                return False
            earlier = self.log[i]
            if earlier.tsval == segment.tsval:
                return True
        return False

    def first_with(self, indices: list[int], flags: int, among: int) -> int:
        """The first of some log indices whose segment has these of some flags; NOWHERE if none has."""
        for i in indices:
            segment = self.log[i]
            if segment.flags & among == flags:
                return i
        return NOWHERE

    def all_with(self, indices: list[int], flags: int, among: int) -> list[int]:
        """All of them that have these flags."""
        found: list[int] = []
        for i in indices:
            segment = self.log[i]
            if segment.flags & among == flags:
                found.append(i)
        return found

    def says_nothing_more(self, mine: Half, index: int) -> bool:
        """Whether a side's last logged segment comes before a log index."""
        return not mine.indices or mine.indices[len(mine.indices) - 1] <= index

    def refuses_at(self, mine: Half, index: int) -> bool:
        """Whether a side answers without a socket behind a log index: a RST without ACK (RFC 9293 3.10.7.1)."""
        for place in range(len(mine.indices) - 1, -1, -1):
            i = mine.indices[place]
            if i <= index:
                return False
            segment = self.log[i]
            if segment.flags & (RST | ACK) == RST:
                return True
        return False

    def both_send_sack(self) -> bool:
        """Whether both sides may send SACK (RFC 2018), as far as their SYNs were captured."""
        for segment in self.log:
            if segment.flags & SYN and not segment.marks & (COPY | STRAY) and not segment.options & OPT_SACK_OK:
                return False
        return True

    def may_send_sack(self) -> bool:
        """Whether nothing says that SACK is off: no SYN that has other options has not this one. A short snap length cuts them all."""
        for segment in self.log:
            if (
                segment.flags & SYN
                and not segment.marks & (COPY | STRAY)
                and not segment.options & OPT_SACK_OK
                and (segment.options & ~OPT_MSS)
            ):
                return False
        return True
