"""The way of the data through several processes: the same result as in one, byte for byte.

The process that was asked reads the captures, with the reader that one process uses as well: so formats, compression, files
merged by time, damage and Ctrl-C are met in one place and in the captures' order. It is the first of the workers as well, and
deals the blocks of frames out to all of them in turn, to the others through memory that both share; a block for each worker is
a *round*. In a round every worker decodes its block, hands the segments to the workers that replay their four-tuples, and
replays its own four-tuples of all blocks in the captures' order. What adds up is added up at the end by the first one. It also
settles what is held at once: the others tell it of begins and ends as they go.

IP fragments that belong together may come in blocks of different workers. A worker that meets one first gets the packets in
the making from the worker that had fragments last, and all hear of them when its block is decoded.

Messages of a round are small: what may be large (segments, packets in the making, reports) lies in memory that processes share.
So nobody who sends waits for one who sends as well.
"""

import mmap
import os
import pickle
import signal
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection as Link
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tcptrace_py.capture import BLOCK_FRAMES, MOST_FRAMES
from tcptrace_py.decode import Decoder
from tcptrace_py.facts.store import Scratch
from tcptrace_py.findings.accounts import add_counts, counts
from tcptrace_py.findings.troubled import ANY_FRAME
from tcptrace_py.findings.vantage import Pair, Samples
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.errors import NO_NAMES, CaptureError, NotSharedError
from tcptrace_py.model.faults import Faults
from tcptrace_py.model.first_frames import FirstFrames
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.growing import keep_large_apart
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock, key_parts
from tcptrace_py.model.seq import MASK
from tcptrace_py.model.words import BUCKETS, RECENT

from .collecting import SETTLE_NS, Collector
from .haste import Haste
from .partition import ROW_MOST_BYTES, frames_size, pack, pack_frames, tell_owners, unpack, unpack_frames
from .worthwhile import AGGREGATED

if TYPE_CHECKING:
    from tcptrace_py.decode.fragments import Packets

FIRST = 0  # the worker that reads
READER = -1  # what the first one is where it deals out: the others have a link to it for that, and one for segments
SLOTS, SLOT_BYTES = 3, 5 << 19  # of memory for frames on their way to a worker; a larger block goes in parts
ASKED_AT_ONCE = 1 << 13  # connections whose hosts are asked of together
AREAS = 4  # of memory for segments: a worker that has those of round n - 2 from another knows that its own of n - 4 were taken
AREA_BYTES = BLOCK_FRAMES * ROW_MOST_BYTES
ANNOUNCE_NS = 10 * SECOND_NS  # between two looks through what is alive
NOTHING_NS = -(1 << 62)  # up to here nothing is told
LISTENS_S = 0.05  # between two looks at whether an end is asked for
TELL_EVERY = 4  # rounds between two reports of begins and ends


TROUBLES = "troubled", "attempted"  # of a collector (findings.troubled): they may be long, and are told in parcels

State = dict[str, Any]
Told = tuple[list[bytes], bytearray, Any, Any]  # names of accounts, what each one's kind of interval counts, begins and ends, singles
Needs = tuple[set[bytes], set[bytes]]  # names of pairs of hosts; of hosts and services
Known = tuple[dict[bytes, Pair], dict[bytes, int]]  # the same with what is known of them: handshakes, ways (findings.vantage)


class Frames(NamedTuple):
    """To a worker: so many bytes of a block of frames are in the next slot; 0: it gets none in this round."""

    size: int
    last: bool = True  # part of the block


class Taken(NamedTuple):
    """From a worker: a slot is free again."""


class Report(NamedTuple):
    """From a worker: what is new (None: the first one has it), and up to when (ns) all is told."""

    told: Told | None
    until_ns: int


class Segments(NamedTuple):
    """From worker to worker, of a round's block: how many rows are the other's, the times of the last rows of all.

    So many bytes of News lie in the sender's deposit; 0: there are none for the other.
    """

    rows: int
    latest_ns: tuple[int, ...]
    news_bytes: int


class News(NamedTuple):
    """Of a round: packets whose fragments are not all there (None: the block has no fragments), and a report for the first worker."""

    packets: "Packets | None"
    report: Report | None


class Alarm:
    """One byte that all processes share: whether an end was asked for (`pipeline.haste`)."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def ring(self) -> None:
        """An end is asked for."""
        self._byte[0] = 1

    def listen(self) -> None:
        """Raise KeyboardInterrupt where it is."""
        if self._byte[0]:
            raise KeyboardInterrupt


class Deposit:
    """Memory where a worker leaves a message of any size for the others, as long as the areas of a round last."""

    def __init__(self) -> None:
        self._file = os.memfd_create("tcpstates")

    def leave(self, number: int, message: Any) -> int:
        """Write the message of a round; its size in bytes."""
        data = memoryview(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
        at, end = _place(number), _place(number) + len(data)
        while at < end:
            at += os.pwrite(self._file, data[at - end :], at)
        return len(data)

    def take(self, number: int, size: int) -> Any:
        """Read it."""
        return pickle.loads(os.pread(self._file, size, _place(number)))  # noqa: S301 - from a process of our own

    def close(self) -> None:
        """Let go of it; other processes may still have it."""
        os.close(self._file)


def _place(number: int) -> int:
    return number % AREAS << 40  # what is not written takes no memory


class Part:
    """What a worker works with."""

    def __init__(
        self,
        number: int,
        owner_of: "array[int]",
        table: FlowTable,
        collector: Collector,
        faults: Faults,
        problems: Problems,
        *,
        check_checksums: bool,
        fragments_before: "Callable[[], Packets | None]",
        tells_pairs: bool = False,
    ) -> None:
        """`owner_of`: see `owners`."""
        self.number = number
        self.table = table
        self.openers = self.table.streams.openers = FirstFrames()
        self.collector = collector
        self.problems, self.faults = problems, faults
        self.decoder = Decoder(self.problems, check_checksums=check_checksums, faults=faults)
        self.tells_pairs = tells_pairs
        self.shared: set[bytes] = set()  # pairs of hosts that all know of
        self._ways: dict[bytes, int] | None = None  # of all accounts
        self._spare: list[SegmentBlock] = []
        self._named = 0  # kinds of intervals that were told
        self._recent = [b""] * RECENT
        self._announced_ns = NOTHING_NS  # up to here all ports are counted as held that were
        self._owner_of = owner_of
        self.decoder.share(owner_of, number, fragments_before)

    def share_trouble(self, bounds: memoryview) -> None:
        """Keep connections in trouble together with the other workers (Troubled.share): of four-tuples in the same share."""
        troubled = self.collector.troubled
        troubled.share(bounds, self.number, max(1, -(-troubled.most * self._owner_of.count(self.number) // BUCKETS)))

    # -- a round ----------------------------------------------------------------------------------------------------

    def decode(self, frames: FrameBlock) -> SegmentBlock:
        """Segments of a block, each with the worker that it belongs to."""
        segments = self.decoder.decode(frames, self._spare.pop() if self._spare else None)
        tell_owners(segments, self._owner_of, self.number)
        self.collector.quality.segments(segments)
        return segments

    def feed(self, segments: SegmentBlock, latest_ns: tuple[int, ...]) -> None:
        """Replay segments that belong here; the block is free again. `latest_ns` as in FlowTable.feed: all keep one clock."""
        self.collector.openings.take(segments, self.table.selection)
        self.table.feed(segments, latest_ns)
        self._spare.append(segments)

    def unpacked(self, area: memoryview, rows: int) -> SegmentBlock:
        """Rows that another worker packed."""
        segments = self._spare.pop() if self._spare else SegmentBlock(0)
        if len(segments.frame) < rows:
            segments = SegmentBlock(max(rows, 4096))
        segments.clear()
        segments.me, segments.foreign = -1, 0
        unpack(area, 0, rows, segments, self._recent)
        return segments

    # -- what is told -----------------------------------------------------------------------------------------------

    def tell(self) -> Report:
        """Say what is new. The first one has it all in its accounts."""
        until_ns = self.table.clock_ns - self.collector.replayer.longest_ns - SETTLE_NS
        if until_ns - self._announced_ns >= ANNOUNCE_NS:
            self.collector.announce_older(self.table, until_ns)
            self._announced_ns = until_ns
        return Report(None if self.number == FIRST else self.told(), self._announced_ns)

    @property
    def untold(self) -> int:
        """How much there is to tell: begins and ends, and packed accounts."""
        return self.collector.occupancy.pending + self.collector.accounts.singles.alive

    def told(self) -> Told:
        """New kinds of intervals, begins and ends, and packed accounts."""
        return (*self.intervals(), self.collector.accounts.singles.release())

    def intervals(self) -> tuple[list[bytes], bytearray, Any]:
        """New kinds of intervals: the accounts' names and what they count; begins and ends."""
        accounts, named = self.collector.accounts, self._named
        self._named = len(accounts.kind_names)
        return accounts.kind_names[named:], accounts.kind_counts[named:], self.collector.occupancy.release()

    def needs(self) -> Iterator[Needs]:
        """Pairs of hosts, and hosts and services, of which others decide: of some waiting connections at a time, then of refusals."""
        pairs, places = set[bytes](), set[bytes]()
        keys = self.collector.waiting.first_keys()
        while not (self.collector.haste is not None and self.collector.haste.is_over()):
            for key in islice(keys, ASKED_AT_ONCE):
                source, target, *_ = key_parts(key)
                ports = key[2 * len(source) :]
                pairs.add(min(source, target) + max(source, target))
                places.update((source, target, source + ports[:2], target + ports[2:4]))
            if not pairs:
                break
            yield pairs, places
            pairs, places = set(), set()
        for account in self.collector.accounts.refused:
            places.update((account.server.address, account.server.address + account.port.to_bytes(2, "big")))
        for service in self.collector.accounts.refused_at:
            places.update((service[:-2], service))
        if places:
            yield pairs, places

    def known(self, needs: Needs) -> Known:
        """What is known of them here."""
        pairs, ways = self.collector.replayer.vantages.pairs, self._all_ways()
        return {name: pairs[name] for name in needs[0] if name in pairs}, {name: ways[name] for name in needs[1] if name in ways}

    def _all_ways(self) -> dict[bytes, int]:
        if self._ways is None:
            self._ways = self.collector.accounts.ways()
        return self._ways

    def everything_known(self) -> Known:
        """What is known here of all hosts."""
        return self.collector.replayer.vantages.pairs, self._all_ways()

    def learn(self, known: Known) -> None:
        """Take in what all parts together know of them."""
        vantages = self.collector.replayer.vantages
        vantages.pairs.update(known[0])
        vantages.take_ways(known[1])
        self.shared.update(known[0])

    def conclude_waiting(self, end_ns: int) -> None:
        """All is known that all parts together know."""
        self._ways = None
        self.collector.conclude_waiting(end_ns)

    def state(self) -> Iterator[State]:
        """All else that adds up, when everything is concluded here, in pieces."""
        collector, table = self.collector, self.table
        collector.add_up()
        collector.hand_over()
        yield {
            "digest": collector.digest,
            "rows": collector.rows.parcel(),
            "totals": collector.totals,
            "quality": collector.quality,
            "timeline": collector.timeline.parcel(),
            "openings": collector.openings.parcel(),
            "accounts": counts(collector.accounts),
            "problems": self.problems,
            "faults": self.faults,
            "left_out": collector.rows.left_out,
            "passed_over": collector.passed_over,
            "segments": table.segments,
            "duplicates": table.duplicates,
            "stragglers": table.stragglers,
            "first_straggler": table.first_straggler,
            "pairs": {name: pair for name, pair in collector.replayer.vantages.pairs.items() if name not in self.shared}
            if self.tells_pairs
            else {},
        }
        collector.troubled.finish()  # which lets go of those that cannot be among the first of all
        for name in TROUBLES:
            for parcel in getattr(collector, name).parcels():
                yield {name: parcel}


def all_needs(needs: Iterable[Needs]) -> Needs:
    """What any of them needs."""
    pairs, places = set[bytes](), set[bytes]()
    for some_pairs, some_places in needs:
        pairs |= some_pairs
        places |= some_places
    return pairs, places


def add_known(known: Known, more: Known) -> None:
    """Take in what another part knows."""
    pairs, ways = known
    for name, pair in more[0].items():
        pairs.setdefault(name, Pair(Samples())).merge(pair)
    for name, bits in more[1].items():
        ways[name] = ways.get(name, 0) | bits


def owners(jobs: int, first_share: float) -> "array[int]":
    """The worker of each bucket of four-tuples (see words.bucket); the first one has so much of a fair share of them."""
    mine = round(BUCKETS / jobs * first_share)
    rest = BUCKETS - mine
    return array("i", [FIRST] * mine + [1 + at * (jobs - 1) // rest for at in range(rest)])


class Channels:
    """A worker's links, to the others and the reader, and the areas of memory that it shares with them."""

    def __init__(
        self,
        number: int,
        links: dict[int, Link],
        deposits: list[Deposit],
        slots: list[memoryview],
        outgoing: dict[int, list[memoryview]],
        incoming: dict[int, list[memoryview]],
        alarm: Alarm,
    ) -> None:
        self.number = number
        self.links = links
        self.deposits = deposits
        self.slots = slots
        self.outgoing = outgoing
        self.incoming = incoming
        self.alarm = alarm
        self.others = sorted(outgoing)
        self._round = -1
        self._parts = 0  # of blocks taken
        self._early: dict[int, deque[Segments]] = {other: deque() for other in self.others}  # messages that came before their turn
        self._heard = dict.fromkeys(self.others, 0)  # rounds of each that messages have come of
        self._packets: Packets | None = None  # in the making, the latest that another worker told of
        self._packets_at = self._own_at = -1, -1  # round and worker whose block they come from; and this one's latest
        self.hear_report: Callable[[int, Report], None] = _nothing  # the first worker's

    def send(self, to: int, message: Any) -> None:
        """Send a message."""
        _send(self.links[to], message)

    def send_all(self, to: int, messages: Iterable[Any]) -> None:
        """Send some, and that there are no more."""
        for message in messages:
            self.send(to, message)
        self.send(to, None)

    def receive(self, whose: int) -> Any:
        """Wait for the next message. Raises EOFError where the other process is gone."""
        return _receive(self.links[whose])

    def frames(self) -> tuple[bool, FrameBlock | None]:
        """Whether there is another round, and this worker's block in it."""
        parts: list[bytes] = []
        while (message := self.receive(READER)) is not None:
            if not message.size:
                return True, None
            area = self.slots[self._parts % SLOTS][: message.size]
            self._parts += 1
            if message.last and not parts:
                block = unpack_frames(area)
            else:
                parts.append(bytes(area))
            self.send(READER, Taken())
            if message.last:
                return True, unpack_frames(memoryview(b"".join(parts))) if parts else block
        return False, None

    def next_round(self) -> int:
        """Begin the next round; its number."""
        self._round += 1
        return self._round

    def segments(self, whose: int) -> Segments:
        """The next message of another worker about segments."""
        early = self._early[whose]
        return early.popleft() if early else self._hear(whose)

    def _hear(self, whose: int) -> Segments:
        message: Segments = self.receive(whose)
        place = self._heard[whose], whose
        self._heard[whose] += 1
        if message.news_bytes:
            packets, report = self.deposits[whose].take(place[0], message.news_bytes)
            if packets is not None and place > self._packets_at:
                self._packets, self._packets_at = packets, place
            if report is not None:
                self.hear_report(whose, report)
        return message

    def packets_before(self) -> "Packets | None":
        """Packets in the making before this worker's block of the round; None: as this worker left them."""
        for number in range(min(self._heard.values(), default=0), self._round + 1):
            for whose in self.others:
                if self._heard[whose] == number and (number, whose) < (self._round, self.number):
                    self._early[whose].append(self._hear(whose))
        found = self._packets if self._packets_at > self._own_at else None
        self._own_at = self._round, self.number
        return found

    @property
    def has_packets(self) -> bool:
        """Whether the packets in the making are this worker's, when all is heard."""
        return self._own_at > self._packets_at


def _nothing(_whose: int, _report: Report) -> None:
    """Hear nothing of a report."""


def _send(link: Link, message: Any) -> None:
    link.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def _receive(link: Link) -> Any:
    return pickle.loads(link.recv_bytes())  # noqa: S301 - from a process of our own


def _await(link: Link, haste: Haste) -> Any:
    """The same, of a worker that concludes what is left; the end may be asked for meanwhile."""
    while not link.poll(LISTENS_S):
        haste.listen()
    return _receive(link)


class Player:
    """Plays the rounds of a worker.

    A round's segments are replayed when the next round's are decoded and on their way, so that none waits for another long.
    """

    def __init__(self, part: Part, channels: Channels) -> None:
        self.part = part
        self.channels = channels
        self._number = -1
        self._before: SegmentBlock | None = None

    def play(self, frames: FrameBlock | None) -> None:
        """Play a round with this worker's block, if it gets one."""
        part, channels = self.part, self.channels
        self._number = number = channels.next_round()
        decoded, packets = None, None
        latest_ns: tuple[int, ...] = ()
        if frames is not None:
            decoded = part.decode(frames)
            packets, latest_ns = part.decoder.hand_on_fragments(), decoded.latest_ns()
        report = part.tell() if number % TELL_EVERY == 1 else None
        if report is not None and part.number == FIRST:
            channels.hear_report(FIRST, report)
            report = None
        news_bytes = 0 if packets is None and report is None else channels.deposits[part.number].leave(number, News(packets, report))
        for to in channels.others:
            rows = 0 if decoded is None else pack(decoded, to, channels.outgoing[to][number % AREAS], 0)[0]
            channels.send(to, Segments(rows, latest_ns, 0 if packets is None and to != FIRST else news_bytes))
        if decoded is not None:
            decoded.data = b""  # its bytes are not asked for any more
        if number:
            self._replay(self._before, number - 1)
        self._before = decoded

    def end(self) -> None:
        """There are no more rounds; all is replayed then, and decoded."""
        if self._number >= 0:
            self._replay(self._before, self._number)
        self.part.decoder.finish(fragments=self.channels.has_packets)

    def _replay(self, own: SegmentBlock | None, number: int) -> None:
        """Replay a round's segments that belong to this worker, its own and those it gets, in the captures' order."""
        part, channels = self.part, self.channels
        for whose in sorted((*channels.others, part.number)):
            if whose == part.number:
                if own is not None:
                    part.feed(own, own.latest_ns())
            else:
                rows, latest_ns, _ = channels.segments(whose)
                if rows or latest_ns:
                    part.feed(part.unpacked(channels.incoming[whose][number % AREAS], rows), latest_ns)


def work(part: Part, channels: Channels) -> None:
    """What a worker other than the first does; its process ends with this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that reads hears of Ctrl-C, and deals out no more
    player = Player(part, channels)
    try:
        more, frames = channels.frames()
        while more:
            player.play(frames)
            frames = None
            more, frames = channels.frames()
        player.end()
        end_ns = channels.receive(READER)
        part.collector.haste = Haste(channels.alarm.listen)
        part.table.finish(end_ns)
        part.table.clear()
        _tell(channels, part)
        needs = part.needs()
        channels.send(READER, next(needs, None))
        while (asked := channels.receive(READER)) is not None:
            channels.send(READER, part.known(asked))
            part.learn(channels.receive(READER))
            channels.send(READER, next(needs, None))
        part.conclude_waiting(end_ns)
        _tell(channels, part)
        channels.send(READER, (part.collector.first_frames, part.openers))
        _tell_sums(channels, part)
    except (EOFError, OSError, CaptureError):
        pass  # a process is gone, or there is no room for temporary files: whoever reads sees that, goes on alone, and says what it is


def _tell(channels: Channels, part: Part) -> None:
    """Tell the process that reads what is new (`Sums.take_all`)."""
    channels.send(READER, part.intervals())
    channels.send_all(READER, part.collector.accounts.singles.parcels())


def _tell_sums(channels: Channels, part: Part) -> None:
    """Tell what adds up, pickled, or where that stands in a file that is shared: it is looked at when this process is gone."""
    scratch = part.collector.rows.scratch if part.collector.keep_rows else None
    for piece in part.state():
        data = pickle.dumps(piece, pickle.HIGHEST_PROTOCOL)
        channels.send(READER, data if scratch is None else scratch.append(data))
    channels.send(READER, None)


class Sums:
    """What all parts add up to, in the first one."""

    def __init__(self, part: Part, scratches: dict[int, Scratch]) -> None:
        """Take the first part, and where the others write described connections."""
        self.part = part
        self.scratches = scratches
        self.occupancy = part.collector.occupancy
        self.kinds = {whose: array("i") for whose in scratches}
        self.until_ns = dict.fromkeys((FIRST, *scratches), NOTHING_NS)

    def open(self, whose: int, scratch: Scratch) -> None:
        """Take another part, which has described connections there; the first one tells nothing itself then."""
        self.scratches[whose], self.kinds[whose], self.until_ns[whose] = scratch, array("i"), NOTHING_NS
        self.until_ns[FIRST] = NEVER_NS

    def hear(self, whose: int, report: Report) -> None:
        """Take a report in; settle what all have told."""
        self.until_ns[whose] = report.until_ns
        if report.told is not None:
            self.take(whose, report.told)
        if self.occupancy.is_due:
            self.occupancy.settle(min(self.until_ns.values()))

    def take(self, whose: int, told: Told) -> None:
        """Take in new kinds of intervals of a part, its begins and ends, and its packed accounts."""
        names, counted, events, singles = told
        self.take_all(whose, (names, counted, events), (singles,))

    def take_all(self, whose: int, told: Sequence[Any], singles: Iterable[Any]) -> None:
        """The same, where packed accounts come in `parcels`."""
        names, counted, events = told
        kinds, accounts = self.kinds[whose], self.part.collector.accounts
        kinds.extend([accounts.kind(name, what) for name, what in zip(names, counted, strict=True)])
        self.occupancy.take(events, kinds)
        for parcel in singles:
            accounts.take_singles(parcel)

    def add(self, whose: int, states: Iterable[State]) -> None:
        """Take in the rest of a part: what adds up."""
        pieces = iter(states)
        self._add(whose, next(pieces))
        for piece in pieces:
            for name, parcel in piece.items():
                getattr(self.part.collector, name).take(parcel)

    def pieces(self, whose: int, told: list[bytes | tuple[int, int]]) -> Iterator[State]:
        """What a part told, pickled, or where that stands in its file. It is let go as it is given."""
        told.reverse()
        while told:
            one = told.pop()
            yield pickle.loads(one if isinstance(one, bytes) else self.scratches[whose].read(*one))  # noqa: S301 - from a process of our own

    def _add(self, whose: int, state: State) -> None:
        collector, table = self.part.collector, self.part.table
        add_counts(collector.accounts, state["accounts"])
        collector.digest.merge(state["digest"])
        collector.rows.take(self.scratches[whose], state["rows"])
        collector.totals.merge(state["totals"])
        collector.timeline.take(state["timeline"])
        collector.openings.merge(state["openings"])
        collector.replayer.vantages.know(state["pairs"])
        collector.quality.merge(state["quality"])
        self.part.problems.merge(state["problems"])
        self.part.faults.merge(state["faults"])
        collector.rows.left_out += state["left_out"]
        collector.passed_over += state["passed_over"]
        table.segments += state["segments"]
        table.duplicates += state["duplicates"]
        table.stragglers += state["stragglers"]
        if state["first_straggler"]:
            table.first_straggler = min(table.first_straggler or state["first_straggler"], state["first_straggler"])


class Workers:
    """Workers that take blocks of frames in turn, the first one in this process; as a context, the others end with it.

    All methods raise NotSharedError.
    """

    def __init__(self, jobs: int, part: Callable[[int, Callable[[], Any]], Part]) -> None:
        """Start them. `part` makes what one works with, given its number and where it gets packets in the making."""
        keep_large_apart()
        self._jobs = jobs
        self._blocks = 0
        self._own: deque[FrameBlock] = deque()  # of the first one, to be played when the others have theirs of the next round
        self._parts = [0] * jobs
        self._free = [SLOTS] * jobs
        self._amid = False
        self._links_seen = array("q")  # of the latest block that was looked at
        context = get_context("fork")
        ends: dict[tuple[int, int], Link] = {}
        for one in range(1, jobs):
            for other in range(READER, one):
                ends[one, other], ends[other, one] = context.Pipe()
        self._slots = {number: shared_areas(SLOTS, SLOT_BYTES) for number in range(1, jobs)}
        self._deposits = [Deposit() for _ in range(jobs)]
        self.alarm = Alarm()
        areas = {(one, other): shared_areas(AREAS, AREA_BYTES) for one in range(jobs) for other in range(jobs) if one != other}
        scratches = {number: Scratch() for number in range(1, jobs)}
        bounds = shared_areas(1, 8 * jobs)[0].cast("q")
        for number in range(jobs):
            bounds[number] = ANY_FRAME

        def channels(me: int) -> Channels:
            others = [number for number in range(jobs) if number != me]
            return Channels(
                me,
                {other: ends[me, other] for other in (*others, READER) if (me, other) in ends},
                self._deposits,
                self._slots.get(me, []),
                {other: areas[me, other] for other in others},
                {other: areas[other, me] for other in others},
                self.alarm,
            )

        def begin(me: int) -> None:
            _close(ends, {me})
            mine = channels(me)
            own = part(me, mine.packets_before)
            own.collector.rows.scratch = scratches[me]  # the first one reads it
            own.share_trouble(bounds)
            work(own, mine)

        mine = channels(FIRST)
        first = part(FIRST, mine.packets_before)
        if first.collector.keep_rows:
            for scratch in scratches.values():
                scratch.open()  # before there are several processes, which share it
        first.share_trouble(bounds)
        self._processes = [context.Process(target=begin, args=(number,), daemon=True) for number in range(1, jobs)]
        for process in self._processes:
            process.start()
        self._ends = {other: link for (whose, other), link in ends.items() if whose == READER}
        _close(ends, {READER, FIRST})
        self._sums = Sums(first, scratches)
        self._player = Player(first, mine)
        mine.hear_report = self._sums.hear

    @property
    def openers(self) -> FirstFrames:
        """Frames that begin streams, when all is finished."""
        return self._sums.part.openers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.terminate()
            process.join()
        for link in (*self._ends.values(), *self._player.channels.links.values()):
            link.close()
        for deposit in self._deposits:
            deposit.close()
        self._player.channels.hear_report = _nothing  # else what the first part works with would be garbage in a circle, and stay

    def take(self, block: FrameBlock) -> None:
        """Give the next worker a block; wait for it where it has some already."""
        self._amid = True
        if block.link != self._links_seen:
            self._links_seen = block.link
            if not AGGREGATED.isdisjoint(block.link):
                raise NotSharedError("frames that may hold several segments come after others")
        if block.first_frame + block.count + MOST_FRAMES > MASK:
            raise NotSharedError(NO_NAMES)
        whose = self._blocks % self._jobs
        self._blocks += 1
        with _all_there():
            if whose == FIRST:
                self._own.append(block)
            else:
                self._deal_out(whose, block)
            if whose == self._jobs - 1 and len(self._own) > 1:
                self._play_own()
        self._amid = False

    def finish(self, end_ns: int, haste: Haste) -> None:
        """No more blocks, of a capture that ends then: conclude what waits everywhere, and add everything up."""
        if self._amid:
            raise KeyboardInterrupt  # it came amid a block, half of which is of no use
        haste.tell(self.alarm.ring)  # the others conclude what is left as well
        with _all_there():
            while self._blocks % self._jobs:
                _send(self._ends[self._blocks % self._jobs], Frames(0))
                self._blocks += 1
            for link in self._ends.values():
                _send(link, None)
                _send(link, end_ns)
            self._finish(end_ns, haste)

    def _finish(self, end_ns: int, haste: Haste) -> None:
        sums, part = self._sums, self._sums.part
        while self._own:
            self._play_own()
        self._player.end()
        part.collector.haste = haste
        part.table.finish(end_ns)
        part.table.clear()
        for whose, link in self._ends.items():
            while isinstance(told := _await(link, haste), Taken):
                pass  # of the last blocks
            self._take(whose, told, haste)
            del told  # which may be much, and there is much to do yet
        part.collector.settle_before_waiting(end_ns)
        self._exchange(haste)
        part.conclude_waiting(end_ns)
        part.collector.add_up()
        for whose, link in self._ends.items():
            self._take(whose, _await(link, haste), haste)
            first_frames, openers = _await(link, haste)
            part.collector.first_frames.merge(first_frames)
            part.openers.merge(openers)
            told = list(iter(partial(_await, link, haste), None))
            self._processes[whose - 1].join()  # what it holds is more than what it tells
            sums.add(whose, sums.pieces(whose, told))
        part.collector.rename_streams(part.openers.rank)
        part.collector.close(end_ns)

    def _take(self, whose: int, told: Sequence[Any], haste: Haste) -> None:
        """Take in what a worker tells in the end."""
        self._sums.take_all(whose, told, iter(partial(_await, self._ends[whose], haste), None))

    def _exchange(self, haste: Haste) -> None:
        """Let all parts know what they know together of the hosts that one of them needs to know of, some at a time."""
        part, links = self._sums.part, list(self._ends.values())
        own = part.needs()
        while needs := [found for found in (next(own, None), *(_await(link, haste) for link in links)) if found is not None]:
            pairs, places = all_needs(needs)
            asked = pairs - part.shared, places  # what all know already counts once
            for link in links:
                _send(link, asked)
            known = part.known(asked)
            for link in links:
                add_known(known, _await(link, haste))
            for link in links:
                _send(link, known)
            part.learn(known)
        for link in links:
            _send(link, None)

    def _play_own(self) -> None:
        """Play the first worker's next round."""
        self._player.play(self._own.popleft())

    def _deal_out(self, whose: int, block: FrameBlock) -> None:
        size = frames_size(block)
        if size <= SLOT_BYTES:
            pack_frames(block, self._slot(whose))
            _send(self._ends[whose], Frames(size))
            return
        while len(self._own) > 1:  # the block may have more parts than there are slots, and the worker waits for these rounds
            self._play_own()
        whole = memoryview(bytearray(size))
        pack_frames(block, whole)
        for start in range(0, size, SLOT_BYTES):
            piece = whole[start : start + SLOT_BYTES]
            self._slot(whose)[: len(piece)] = piece
            _send(self._ends[whose], Frames(len(piece), start + SLOT_BYTES >= size))

    def _slot(self, whose: int) -> memoryview:
        """The next part of the memory that is shared with a worker, when it is free."""
        if self._free[whose]:
            self._free[whose] -= 1
        else:
            _receive(self._ends[whose])  # that one was taken
        self._parts[whose] += 1
        return self._slots[whose][(self._parts[whose] - 1) % SLOTS]


@contextmanager
def _all_there() -> Iterator[None]:
    """Raise NotSharedError where a worker does not answer any more."""
    try:
        yield
    except (EOFError, OSError) as error:
        raise NotSharedError("a worker ended early") from error


def _close(ends: dict[tuple[int, int], Link], mine: set[int]) -> None:
    """Close the ends of links that are others': so the end of a process is noticed."""
    for (whose, _), link in ends.items():
        if whose not in mine:
            link.close()


def shared_areas(number: int, size: int) -> list[memoryview]:
    """So many areas of memory that processes will share."""
    whole = memoryview(mmap.mmap(-1, number * size))
    return [whole[at * size : (at + 1) * size] for at in range(number)]
