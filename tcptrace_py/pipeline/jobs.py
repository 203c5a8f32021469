"""The way of the data through several processes, for one large pcap: the same result as in one, byte for byte.

The file is cut into pieces, dealt out in rounds. In a round every process walks and decodes one piece, hands the segments
to the processes that replay their four-tuples (through memory that both share), and replays its own four-tuples of all
pieces in the capture's order. What adds up is added up at the end; what is held at once is settled by the first process,
which the others tell of begins and ends as they go.

Anything that is out of the ordinary in the file ends the attempt: then one process reads it from the front.
"""

import mmap
import pickle
import signal
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection as Link
from typing import Any, NamedTuple

from tcptrace_py.capture.pcap_walk import FILE_HEADER_BYTES
from tcptrace_py.capture.ranges import OutOfOrdinaryError, Range, RangedFile
from tcptrace_py.decode import Decoder
from tcptrace_py.facts.store import Scratch
from tcptrace_py.findings.accounts import add_counts, counts
from tcptrace_py.findings.quality import span_ns
from tcptrace_py.findings.vantage import Pair, Samples
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.first_frames import FirstFrames
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import CaptureInfo
from tcptrace_py.model.segments import SegmentBlock, key_parts
from tcptrace_py.model.seq import MASK
from tcptrace_py.model.words import BUCKETS, RECENT

from .collecting import SETTLE_NS, Collector
from .partition import ROW_MOST_BYTES, AreaFullError, pack, tell_owners, unpack

FIRST_SHARE = 0.96  # of a fair share of the four-tuples is the first process's: it adds up as well
AREAS = 3  # a head of round n says that the rows of round n - 3 were taken
ANNOUNCE_NS = 10 * SECOND_NS  # between two looks through what is alive
TELL_EVERY = 4  # rounds between two reports of begins and ends


NOTHING = Range([], 0, 0)
Told = tuple[list[bytes], bytearray, Any]  # names of accounts, what each one's kind of interval counts, begins and ends


class Head(NamedTuple):
    """What a process says of its piece before any is decoded; empty where it saw something out of the ordinary."""

    frames: int
    start: int
    end: int
    first_ns: int
    last_ns: int
    least_ns: int
    most_ns: int
    stop: bool  # the user asked to end; the first process's counts
    told: Any  # for the first process: see Part.tell
    problem: str | None


class Part:
    """What one process works with."""

    def __init__(self, number: int, jobs: int, file: RangedFile, table: FlowTable, collector: Collector, *,
                 check_checksums: bool, tells_pairs: bool = False) -> None:
        self.number = number
        self.jobs = jobs
        self.file = file
        self.table = table
        self.openers = self.table.streams.openers = FirstFrames()
        self.collector = collector
        if collector.keep_rows:
            collector.rows.scratch.open()  # before there are several processes, which share it
        self.problems = Problems()
        self.decoder = Decoder(self.problems, check_checksums=check_checksums)
        self.info = CaptureInfo()
        self.tells_pairs = tells_pairs
        self.interrupted = False
        self._spare: list[SegmentBlock] = []
        self._named = 0  # kinds of intervals that were told
        self._recent = [b""] * RECENT
        self._announced_ns = -(1 << 62)  # up to here all ports are counted as held that were
        mine = round(BUCKETS / jobs * FIRST_SHARE)
        self._owner_of = owner_of = array("i", [0] * mine + [1 + at * (jobs - 1) // (BUCKETS - mine) for at in range(BUCKETS - mine)])
        self.decoder.deal_out(owner_of, number)

    # -- a round ----------------------------------------------------------------------------------------------------

    def walk(self, round_number: int) -> tuple[Range, str | None]:
        """Walk this process's piece of a round."""
        begin = (round_number * self.jobs + self.number) * self.file.piece_bytes
        try:
            return self.file.range(begin, begin + self.file.piece_bytes), None
        except (OutOfOrdinaryError, OSError) as error:
            return NOTHING, str(error)

    def head(self, piece: Range, problem: str | None, *, stop: bool, tell: bool) -> Head:
        """What the others have to know of it."""
        blocks = piece.blocks
        first_ns = blocks[0].time_ns[0] if blocks else 0
        last_ns = blocks[-1].time_ns[blocks[-1].count - 1] if blocks else 0
        spans_ns = [span_ns(block) for block in blocks]
        least_ns, most_ns = min((least for least, _ in spans_ns), default=0), max((most for _, most in spans_ns), default=0)
        told = self.tell() if tell else None
        return Head(piece.frames, piece.start, piece.end, first_ns, last_ns, least_ns, most_ns, stop, told, problem)

    def decode(self, piece: Range, first_frame: int, before_ns: int | None) -> list[SegmentBlock]:
        """Segments of the piece, each with the process that it belongs to."""
        self.collector.quality.latest_ns = before_ns
        found = []
        for block in piece.blocks:
            block.first_frame = first_frame
            first_frame += block.count
            self.collector.quality.frames(block)
            segments = self.decoder.decode(block, self._spare.pop() if self._spare else None)
            tell_owners(segments, self._owner_of, self.number)
            found.append(segments)
        if self.decoder.holds_fragments:
            raise OutOfOrdinaryError("it holds IP fragments, which may belong together across pieces")
        return found

    def feed(self, segments: SegmentBlock) -> None:
        """Replay segments that belong here; the block is free again."""
        self.table.feed(segments)
        self._spare.append(segments)

    def unpacked(self, area: memoryview, at: int, rows: int) -> tuple[SegmentBlock, int]:
        """Rows that another process packed, and the byte behind them."""
        segments = self._spare.pop() if self._spare else SegmentBlock(0)
        if len(segments.frame) < rows:
            segments = SegmentBlock(max(rows, 4096))
        segments.clear()
        segments.me, segments.foreign = -1, 0
        return segments, unpack(area, at, rows, segments, self._recent)

    # -- what is told -----------------------------------------------------------------------------------------------

    def tell(self) -> tuple[Told | None, int]:
        """Report for the first process: what is new, and up to when (ns) all is told."""
        until_ns = self.table.clock_ns - self.collector.replayer.longest_ns - SETTLE_NS
        if until_ns - self._announced_ns >= ANNOUNCE_NS:
            self.collector.announce(self.table.older(until_ns))
            self._announced_ns = until_ns
        return None if self.number == 0 else self.told(), self._announced_ns  # the first process keeps its own

    def told(self) -> Told:
        """New kinds of intervals: the accounts' names and what they count; begins and ends."""
        accounts, named = self.collector.accounts, self._named
        self._named = len(accounts.kind_names)
        return accounts.kind_names[named:], accounts.kind_counts[named:], self.collector.occupancy.release()

    def ends_ns(self) -> int:
        """When what is analysed ends; the whole capture is known."""
        return self.table.selection.ends_ns(self.info.end_ns or 0)

    def needs(self) -> set[bytes]:
        """Pairs of hosts whose handshakes decide about waiting connections."""
        names = set()
        for live in self.collector.waiting:
            source, target, *_ = key_parts(live.a.key)
            names.add(min(source, target) + max(source, target))
        return names

    def pairs(self, names: set[bytes]) -> dict[bytes, Pair]:
        """What is known of them here."""
        known = self.collector.replayer.vantages.pairs
        return {name: known[name] for name in names if name in known}

    def state(self, shared: dict[bytes, Pair]) -> dict[str, Any]:
        """All that adds up, when everything is concluded here. `shared`: pairs of hosts that all know of."""
        collector, table = self.collector, self.table
        collector.add_up()
        collector.hand_over()
        return {
            "digest": collector.digest, "rows": collector.rows.parcel(), "totals": collector.totals, "quality": collector.quality,
            "first_frames": collector.first_frames, "openers": self.openers, "accounts": counts(collector.accounts), "told": self.told(),
            "problems": self.problems, "segments": table.segments, "duplicates": table.duplicates, "stragglers": table.stragglers,
            "first_straggler": table.first_straggler,
            "pairs": {name: pair for name, pair in collector.replayer.vantages.pairs.items() if name not in shared}
            if self.tells_pairs else {},
        }


@dataclass
class Channels:
    """A process's links to the others, and the areas of memory that it shares with each: [to or from][round % AREAS]."""

    links: dict[int, Link]
    outgoing: dict[int, list[memoryview]]
    incoming: dict[int, list[memoryview]]
    early: dict[int, list[Any]] = field(default_factory=dict)  # messages that came before they were asked for

    def send(self, to: int, message: Any) -> None:
        """Send a message."""
        self.links[to].send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def receive(self, whose: int, kind: type | None = None) -> Any:
        """Wait for a message, the next one of a kind. A process that is gone is out of the ordinary."""
        early = self.early.setdefault(whose, [])
        for at, message in enumerate(early):
            if kind is None or isinstance(message, kind):
                return early.pop(at)
        while True:
            try:
                message = pickle.loads(self.links[whose].recv_bytes())  # noqa: S301 - from a process of our own
            except EOFError as error:
                raise OutOfOrdinaryError("one of the processes ended early") from error
            if kind is None or isinstance(message, kind):
                return message
            early.append(message)


class Order:
    """Numbers frames across the pieces, and proves that each piece begins where the one before ends."""

    def __init__(self) -> None:
        self.position = FILE_HEADER_BYTES
        self.frame = 1
        self.before_ns: int | None = None

    def take(self, head: Head, info: CaptureInfo) -> None:
        """Take in the head of the next piece."""
        if head.problem is not None or head.start != self.position:
            raise OutOfOrdinaryError(head.problem or f"a piece begins at byte {head.start}, the one before ends at {self.position}")
        self.position = head.end
        self.frame += head.frames
        if head.frames:
            self.before_ns = head.last_ns
            info.start_ns = head.least_ns if info.start_ns is None else min(info.start_ns, head.least_ns)
            info.end_ns = head.most_ns if info.end_ns is None else max(info.end_ns, head.most_ns)
            info.packets = self.frame - 1
            if self.frame > MASK:
                raise OutOfOrdinaryError("it holds more frames than there are names for streams")


def play(part: Part, channels: Channels, steer: Callable[[int], bool], hear: Callable[[int, Any], None]) -> None:
    """Play all rounds. `steer(done_bytes)` says whether the user asked to end; `hear(whose, told)` takes reports.

    A round's segments are replayed when the next round's are decoded and on their way, so that none waits for another long.
    """
    others = [number for number in range(part.jobs) if number != part.number]
    rounds = -(-part.file.size_bytes // (part.file.piece_bytes * part.jobs))
    piece, problem = part.walk(0)
    head = part.head(piece, problem, stop=steer(0), tell=False)
    _send_all(channels, others, head)
    order = Order()
    decoded: list[SegmentBlock] = []
    for number in range(rounds):
        heads = [head if whose == part.number else channels.receive(whose, Head) for whose in range(part.jobs)]
        for whose, other in enumerate(heads):
            if other.told is not None:
                hear(whose, other.told)
        if heads[0].stop:
            part.interrupted = True
            break
        for whose, other in enumerate(heads):
            if whose == part.number:
                first_frame, before_ns = order.frame, order.before_ns
            order.take(other, part.info)
        before, decoded = decoded, part.decode(piece, first_frame, before_ns)
        for to in others:
            channels.send(to, _packed(decoded, to, channels.outgoing[to][number % AREAS]))
        piece = NOTHING  # its bytes are not asked for any more
        for segments in decoded:
            segments.data = b""
        if number + 1 < rounds:
            piece, problem = part.walk(number + 1)
            head = part.head(piece, problem, stop=steer(order.position), tell=number % TELL_EVERY == 0)
            _send_all(channels, others, head)
        if number:
            _replay(part, channels, before, number - 1)
    if part.interrupted and not number:
        return
    _replay(part, channels, decoded, number - part.interrupted)
    if order.position != part.file.size_bytes and not part.interrupted:
        raise OutOfOrdinaryError("the file ends amid a record")


def _replay(part: Part, channels: Channels, own: list[SegmentBlock], number: int) -> None:
    """Replay a round's segments that belong to this process, its own and those it gets, in the capture's order."""
    for whose in range(part.jobs):
        if whose == part.number:
            for segments in own:
                part.feed(segments)
            continue
        at = 0
        for rows in channels.receive(whose, list):
            segments, at = part.unpacked(channels.incoming[whose][number % AREAS], at, rows)
            part.feed(segments)


def _send_all(channels: Channels, others: list[int], head: Head) -> None:
    for to in others:
        channels.send(to, head if to == 0 else head._replace(told=None))


def _packed(own: list[SegmentBlock], to: int, area: memoryview) -> list[int]:
    """Pack what belongs to another process; rows of each block."""
    found, at = [], 0
    for segments in own:
        try:
            rows, at = pack(segments, to, area, at)
        except AreaFullError as error:
            raise OutOfOrdinaryError("the segments of a piece take more room than there is") from error
        found.append(rows)
    return found


def work(part: Part, channels: Channels) -> None:
    """What a process other than the first does; it ends with this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears of Ctrl-C, and tells
    part.file.open()
    try:
        play(part, channels, lambda _done: False, lambda _whose, _told: None)
        end_ns = part.ends_ns()
        part.decoder.finish()
        part.table.finish(end_ns)
        part.table.clear()
        channels.send(0, (part.needs(), part.told()))
        channels.send(0, part.pairs(channels.receive(0)))
        shared = channels.receive(0)
        part.collector.replayer.vantages.pairs.update(shared)
        part.collector.conclude_waiting(end_ns)
        channels.send(0, part.state(shared))
    except (OutOfOrdinaryError, BrokenPipeError, ConnectionError):
        pass  # the first process has seen the same, or is gone


class Sums:
    """The first process's side: what all parts add up to."""

    def __init__(self, part: Part, channels: Channels, scratches: list[Scratch]) -> None:
        self.part = part
        self.scratches = scratches  # of all parts: described connections are written there
        self.channels = channels
        self.occupancy = part.collector.occupancy
        self.kinds = {whose: array("i") for whose in channels.links}
        self.until_ns = dict.fromkeys(range(part.jobs), -(1 << 62))

    def hear(self, whose: int, told: Any) -> None:
        """Take a report in; settle what all have told."""
        events, until_ns = told
        self.until_ns[whose] = until_ns
        if events is not None:
            self.take(whose, events)
        if self.occupancy.is_due:
            self.occupancy.settle(min(self.until_ns.values()))

    def take(self, whose: int, told: Told) -> None:
        """Take in new kinds of intervals of a part, and its begins and ends."""
        names, counted, events = told
        kinds, accounts = self.kinds[whose], self.part.collector.accounts
        kinds.extend([accounts.kind(name, what) for name, what in zip(names, counted, strict=True)])
        self.occupancy.take(events, kinds)

    def finish(self, end_ns: int) -> None:
        """Conclude what waits everywhere, and add everything up."""
        part, others = self.part, list(self.channels.links)
        collector = part.collector
        part.decoder.finish()
        part.table.finish(end_ns)
        part.table.clear()
        needs = part.needs()
        for whose in others:
            their_needs, told = self.channels.receive(whose)
            needs |= their_needs
            self.take(whose, told)
        collector.settle_before_waiting(end_ns)
        pairs = self._pairs(needs)
        for whose in others:
            self.channels.send(whose, pairs)
        collector.replayer.vantages.pairs.update(pairs)
        collector.conclude_waiting(end_ns)
        collector.add_up()
        for whose in others:
            self._add(whose, self.channels.receive(whose))
        collector.rename_streams(part.openers.rank)
        collector.close(end_ns)

    def _pairs(self, names: set[bytes]) -> dict[bytes, Pair]:
        """What all parts together know of these pairs of hosts."""
        for whose in self.channels.links:
            self.channels.send(whose, names)
        pairs = self.part.pairs(names)
        for whose in self.channels.links:
            for name, pair in self.channels.receive(whose).items():
                pairs.setdefault(name, Pair(Samples())).merge(pair)
        return pairs

    def _add(self, whose: int, state: dict[str, Any]) -> None:
        collector, table = self.part.collector, self.part.table
        self.take(whose, state["told"])
        add_counts(collector.accounts, state["accounts"])
        collector.digest.merge(state["digest"])
        collector.rows.take(self.scratches[whose], state["rows"])
        collector.totals.merge(state["totals"])
        for name, pair in state["pairs"].items():
            collector.replayer.vantages.pairs.setdefault(name, Pair(Samples())).merge(pair)
        collector.quality.merge(state["quality"])
        collector.first_frames.merge(state["first_frames"])
        self.part.openers.merge(state["openers"])
        self.part.problems.merge(state["problems"])
        table.segments += state["segments"]
        table.duplicates += state["duplicates"]
        table.stragglers += state["stragglers"]
        if state["first_straggler"]:
            table.first_straggler = min(table.first_straggler or state["first_straggler"], state["first_straggler"])


def run_parts(parts: list[Part], progress: Callable[[int, int | None], None] | None) -> None:
    """Run all parts, the first one here, and add them up in it. Raises OutOfOrdinaryError; then nothing of them counts."""
    context = get_context("fork")
    jobs = len(parts)
    ends: dict[tuple[int, int], Link] = {}
    areas: dict[tuple[int, int], list[memoryview]] = {}
    area_bytes = parts[0].file.piece_bytes * 5 // 2 + ROW_MOST_BYTES  # a row takes at most 2.5 times its record's bytes
    for one in range(jobs):
        for other in range(one):
            ends[one, other], ends[other, one] = context.Pipe()
            for pair in ((one, other), (other, one)):
                area = memoryview(mmap.mmap(-1, AREAS * area_bytes))
                areas[pair] = [area[at * area_bytes:(at + 1) * area_bytes] for at in range(AREAS)]

    def channels(me: int) -> Channels:
        for (whose, _), link in ends.items():
            if whose != me:
                link.close()  # so that the end of a process is noticed
        others = [number for number in range(jobs) if number != me]
        return Channels({number: ends[me, number] for number in others}, {number: areas[me, number] for number in others},
                        {number: areas[number, me] for number in others})

    workers = [context.Process(target=lambda part=part: work(part, channels(part.number)), daemon=True) for part in parts[1:]]
    first = parts[0]
    try:
        for worker in workers:
            worker.start()
        mine = channels(0)
        sums = Sums(first, mine, [part.collector.rows.scratch for part in parts])
        first.file.open()
        play(first, mine, _steering(progress, first.file.size_bytes), sums.hear)
        sums.finish(first.ends_ns())
    except (BrokenPipeError, ConnectionError) as error:
        raise OutOfOrdinaryError("one of the processes ended early") from error
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
        first.file.close()
        for link in ends.values():
            link.close()


def _steering(progress: Callable[[int, int | None], None] | None, size_bytes: int) -> Callable[[int], bool]:
    def steer(done_bytes: int) -> bool:
        try:
            if progress is not None:
                progress(done_bytes, size_bytes)
        except KeyboardInterrupt:
            return True
        return False

    return steer
