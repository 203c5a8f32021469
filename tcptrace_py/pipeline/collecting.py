"""Verdicts to what adds up, and to single connections only where they are asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcptrace_py.facts.block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    ANOMALY_EXPLANATION,
    ANOMALY_FRAME,
    CENSORED,
    HANDSHAKE,
    OUTCOME,
    PATTERN,
    ROWS,
    SYN_REPEATS,
    VANTAGE,
    Block,
)
from tcptrace_py.facts.resets import ending_cause
from tcptrace_py.facts.store import Connections
from tcptrace_py.facts.table import MISSING
from tcptrace_py.facts.time_wait import REUSED, end_of_stay, how_it_ends
from tcptrace_py.facts.timers import FIRST_REPEAT_NS, due_until_ns, gives_up_ns, overdue_ns
from tcptrace_py.facts.views import connection
from tcptrace_py.facts.waits import exchanges_of, largest_of
from tcptrace_py.facts.writing import Shape, Writer
from tcptrace_py.findings.accounts import Account, Accounts, name_of
from tcptrace_py.findings.openings import Openings
from tcptrace_py.findings.outline import COUNTED, IDLE_CLOSE_NS, Outline, port_to_count
from tcptrace_py.findings.quality import Quality
from tcptrace_py.findings.summary import CAUSES, OUTCOMES, PATTERNS, Totals, services_of
from tcptrace_py.findings.timeline import Timeline
from tcptrace_py.findings.troubled import IN_PROGRESS, MOST_ATTEMPTS, UNANSWERED, Alike, Troubled, is_unfinished
from tcptrace_py.findings.vantage import AT_CLIENT, Legs, first_ttl, legs, place, place_of
from tcptrace_py.flows import resting
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.flows.textbook import Textbook
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.closed import Closed
from tcptrace_py.model.digest import FEW, Digest
from tcptrace_py.model.faults import Faults
from tcptrace_py.model.first_frames import FirstFrames
from tcptrace_py.model.growing import give_back, give_back_at_once
from tcptrace_py.model.live import AS_WAITING, AT_ITS_CLIENT, MOST_LARGEST, begins_with_syn, client_at_first, hop_bit, refused
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Connection
from tcptrace_py.model.segments import IPV6_KEY, SYN, local_port
from tcptrace_py.model.trouble import Trouble, gravest
from tcptrace_py.model.verdict import BETWEEN, NAMED, Verdict
from tcptrace_py.model.vocabulary import Cause
from tcptrace_py.states.resets import asks_others, origin_of_lone

from .replaying import Replayer, Template
from .waiting import Waiting

if TYPE_CHECKING:
    from tcptrace_py.findings.occupancy import Held

    from .haste import Haste

REFUSED = list(Cause).index(Cause.REFUSED)
FEW_ROWS = 64  # of a block that rows are written into which are not kept, and of one that may stay small
MOST_NAMES = 4096  # that such a block may collect
MANY_IN_TROUBLE = 1 << 14  # connections, with which there may be as many more as somebody liked to make
MOST_ALIKE = 1 << 10  # troubles of services that are counted before the digest is told of them
ATTEMPT, NOWHERE = 1 << 6 | SYN << 3, place(None)  # the signature of a SYN and nothing else, and what that says of the vantage point
DEFAULT_MB, BLOCK_MB = 48, 2  # kept in memory of what is over: two thirds of it as what waits, the rest as blocks, some 2 MB each
CONCLUDED = 1 << 15  # connections that waited, behind which free memory is given back
LOOK_EVERY = 32  # connections: each takes some 20 µs where it is irregular
SETTLE_NS = 45 * SECOND_NS  # beyond the longest TIME_WAIT: by then all that happened has been told (findings.accounts.STAYS_WITHIN_NS)


class Collector:
    """Takes connections as they end and adds them up; describes them one by one only where that is asked for."""

    def __init__(
        self,
        replayer: Replayer,
        profiles: Profiles,
        *,
        keep_rows: bool = True,
        slowest: int = 5,
        each: Callable[[Connection], None] | None = None,
        faults: Faults | None = None,
        memory_mb: int = DEFAULT_MB,
        left_out: frozenset[tuple[bytes, int]] = frozenset(),
    ) -> None:
        self.left_out = left_out  # four-tuples and initial numbers of connections that are not counted (findings.twins)
        self.faults = faults or Faults()
        self.replayer = replayer
        self.profiles = profiles
        self.keep_rows = keep_rows
        self.each = None if each is None else self._caller_s(each)
        self.describes_all = keep_rows or each is not None
        self.waiting = Waiting((memory_mb << 20) * 2 // 3)
        self.writer = Writer(profiles, Block(FEW_ROWS))  # it grows: most captures have few connections
        self.written = 0  # rows of its block that are complete
        self.closed = Closed()
        self.rows = Connections(memory_mb // BLOCK_MB // 3)
        self.first_frames = FirstFrames()
        self.totals, self.timeline = Totals(), Timeline()
        self.accounts = Accounts(profiles, replayer.vantages)
        self.occupancy = self.accounts.occupancy
        self.quality = Quality()
        self.openings = Openings()
        self.troubled, self.attempted = Troubled(), Troubled(MOST_ATTEMPTS)
        self.held: Held | None = None  # which ports were taken when, as far as that is kept
        self.digest = Digest(slowest)
        self.floor_ns = -1  # handshakes quicker than this are none of the slowest; -1: not known
        self.alike = self.alike_timed = 0  # connections that the digest was not told of yet
        self.are_many = False  # connections: too many to be described one by one, but for the slowest
        self.troubles: dict[int, Trouble | None] = {}  # by what they hang on
        self.alike_in_trouble: dict[tuple[str, bytes], Alike] = {}  # by the trouble's code, the service's address and port
        self.in_trouble: Alike | None = None  # the last ones
        self.haste: Haste | None = None  # an end that may be asked for while what is left is concluded
        self.looks, self.gave_up = 0, False
        self.passed_over = 0  # connections that there was no time for then

    def _caller_s(self, each: Callable[[Connection], None]) -> Callable[[Connection], None]:
        """A function of whoever asked for each connection: what it raises is no fault of ours."""

        def called(connection: Connection) -> None:
            try:
                each(connection)
            except Exception as error:
                self.faults.raised_outside = error
                raise

        return called

    def _leave_out(self, error: Exception, first_frame: int, last_frame: int) -> None:
        """A connection raised this: it has its number, and no row."""
        self.faults.note("describing this connection", error, last_frame, first_frame)
        self.writer.block.cut(self.written)
        self.first_frames.add(first_frame)
        self.rows.left_out.append(first_frame)

    def take(self, live: Live, known_ns: int) -> None:
        """A connection has ended, or the capture has, which is known up to `known_ns`: give its verdict, at once if possible.

        What it raises is noted: the others go on.
        """
        if self.left_out and self._is_left_out(live):
            live.dissolve()
            return
        if self.haste is not None and self._gives_up():
            if live.announced >= 0:
                self.occupancy.end(live.end_ns, live.announced, port_to_count(live))
            self._pass_over(live.first_frame)
            live.dissolve()
            return
        first_frame = live.first_frame
        try:
            self._take(live, known_ns)
        except Exception as error:  # noqa: BLE001 - whatever it is
            self._leave_out(error, first_frame, live.last_frame)
            live.dissolve()

    def _gives_up(self) -> bool:
        """Whether there is no more time, which is looked up for one in LOOK_EVERY connections."""
        self.looks += 1
        if not self.gave_up and self.looks >= LOOK_EVERY:
            assert self.haste is not None
            self.looks, self.gave_up = 0, self.haste.is_over()
        return self.gave_up

    def _pass_over(self, first_frame: int) -> None:
        """There is no time for a connection: it has its number, and is counted nowhere."""
        self.passed_over += 1
        self.first_frames.add(first_frame)
        if self.keep_rows:
            self.rows.left_out.append(first_frame)

    def _is_left_out(self, live: Live) -> bool:
        """Whether a connection is counted under other numbers."""
        client = live.side(client_at_first(live))
        return client.syn_seen and (client.key, client.isn) in self.left_out

    def _take(self, live: Live, known_ns: int) -> None:
        if live.announced == AT_ITS_CLIENT:
            live.announced = self.accounts.of(live.a.key).held_kind
            self.occupancy.begin(live.start_ns + FIRST_REPEAT_NS, live.announced, port_to_count(live))  # it was counted as given up then
        own = legs(live)
        self._learn(live, own)
        template = self.replayer.template(live, own)
        if template is not None:
            template = template.at_end(live, known_ns)
        if template is None:
            if place(own) < AT_CLIENT or asks_others(live):
                self._hold_while_waiting(live)
                self.waiting.append(live)
            else:
                self._conclude(live, known_ns, None, own)
        elif not self._take_alike(live, template, known_ns):
            if refused(live):
                self._hold_until_refused(live)
                self.waiting.append(live)  # where the capture stood is told of it as well, once that is known
            else:
                self._conclude(live, known_ns, template, own)

    def _learn(self, live: Live, own: Legs | None) -> None:
        """Learn of a connection how far its ends are from the capture point: from its handshake, else by how many hops both came.

        Who never spoke, or was never answered, may be forged.
        """
        if own is not None:
            account = self.accounts.of(live.side(own.client).key)
            self.accounts.learn(account, live.first_frame, own.to_server_ns, own.to_client_ns, own.client_ttl, own.server_ttl)
        elif live.a.spoke and live.b.spoke:
            client = client_at_first(live)
            account = self.accounts.of(live.side(client).key)
            self.accounts.learn_ways(account, first_ttl(live, client), first_ttl(live, 1 - client))

    def _take_alike(self, live: Live, template: Template, known_ns: int) -> bool:
        """Add up a textbook connection that went like others before; False if it is to be described."""
        outline = template.outline
        if self.describes_all:
            return False
        if refused(live):
            if self.digest.count + self.alike + len(self.waiting) < FEW:
                return False
            if outline is None:
                row = self.writer.write(live, template.verdict, known_ns)
                outline = template.outline = Outline(self.writer.block, row, template.verdict)
                self.writer.block.clear()
        if outline is None or not outline.alike:
            return False
        log = live.log
        total_ns = log[outline.ack].time_ns - log[outline.first_syn].time_ns if outline.first_syn >= 0 else -1
        if not refused(live) and self._is_shown(total_ns, live.first_frame):
            return False
        own, other = live.side(outline.client), live.side(1 - outline.client)
        if refused(live) and live.announced == -1 and self._take_refused(live, template, known_ns):
            return True
        unanswered = outline.outcome in (UNANSWERED, IN_PROGRESS) and not live.b.packets
        waits = live.talker == outline.client or other.payload_bytes == 0
        if not unanswered and is_unfinished(outline.outcome, outline.pattern, waits):
            return False
        account = self.accounts.of(own.key)
        if live.announced >= 0 and live.announced != account.held_kind:
            return False
        if refused(live):
            self._count_refusal(account, live, template.verdict)
        if outline.trouble is not None:
            self._count_trouble(outline.trouble, own.key, live.stream, live.first_frame, live.start_ns)
        if unanswered:
            self.troubled.add_unanswered(account.name, live, outline.outcome)
        reused_ns = NEVER_NS if live.reused_by is None else live.reused_by.start_ns
        released_ns = log[outline.client_tail].time_ns if outline.client_tail >= 0 else NEVER_NS
        if template.may_be_in_flight:
            released_ns = min(released_ns, _given_back_ns(live, template.verdict, known_ns))
        self._add_alike(
            outline,
            account,
            live.start_ns,
            live.first_frame,
            total_ns,
            log[outline.client_stay].time_ns if outline.client_stay >= 0 else -1,
            log[outline.server_stay].time_ns if outline.server_stay >= 0 else -1,
            released_ns,
            reused_ns,
            live.announced,
            port_to_count(live),
            live.a.packets + live.b.packets,
        )
        idle_ns = MISSING
        if outline.first_fin >= 0 and live.asked_ns and live.end_ns - live.start_ns >= IDLE_CLOSE_NS:
            idle_ns = min([log[at].time_ns for at in outline.fins]) - live.asked_ns
        self.accounts.add_course(
            account,
            exchanges_of(live, outline.client),
            live.survived_ns,
            other.answer_ns,
            largest_of(own, other),
            largest_of(other, own),
            outline.first_fin,
            idle_ns,
        )
        live.dissolve()
        return True

    def _take_refused(self, live: Live, template: Template, known_ns: int) -> bool:
        """Add up a refused SYN that is its account's only connection; False if it is not, or there is more to it."""
        outline, other = template.outline, live.b
        assert outline is not None
        if outline.client or outline.client_tail < 0 or outline.client_stay >= 0 or outline.server_stay >= 0 or live.stream < 0:
            return False
        if live.survived_ns or live.a.largest or other.largest or exchanges_of(live, 0) or outline.trouble is None:
            return False
        key, start_ns, first_frame = live.a.key, live.start_ns, live.first_frame
        released_ns = live.log[outline.client_tail].time_ns
        if template.may_be_in_flight:
            released_ns = min(released_ns, _given_back_ns(live, template.verdict, known_ns))
        way = hop_bit(live.log[template.verdict.opening.refusal].ttl)
        if not self.accounts.add_refused(key, port_to_count(live), start_ns, released_ns, outline.cause >= 0, way):
            return False
        self._count_trouble(outline.trouble, key, live.stream, first_frame, start_ns)
        outline.count += 1
        self.alike += 1
        self.first_frames.add(first_frame)
        self.timeline.add(start_ns, True)
        live.dissolve()
        return True

    def _count_refusal(self, account: Account, live: Live, verdict: Verdict) -> None:
        """Count a refusal by the way that its RST came: who sent it is known when its host's other connections are."""
        reset = live.log[verdict.opening.refusal]
        self.accounts.refuse(account, hop_bit(reset.ttl))

    def _settle_refusals(self) -> None:
        """Give refusals that were not described back their senders: what came from between has no cause."""
        for account in self.accounts.refused:
            for way, count in (account.refusals or {}).items():
                who = self._who_refused(account.server.address, account.port, way)
                if who != NAMED:
                    account.resets_others += count
                if who == BETWEEN:
                    self.totals.causes[REFUSED] -= count
            account.refusals = None
        self.accounts.refused = []
        self.totals.causes[REFUSED] -= self.accounts.settle_refused(self._who_refused)

    def _who_refused(self, address: bytes, port: int, way: int) -> int:
        """Who sent a refusal that came this way, and names this host and its port."""
        ways = self.replayer.vantages.ways
        return origin_of_lone(way, ways.get(address, 0), ways.get(address + port.to_bytes(2, "big"), 0))

    def release_refusals(self) -> list[tuple[bytes, dict[int, int]]]:
        """Give away, by the accounts' names, the refusals whose senders are not known yet: who knows them settles them.

        Those of packed accounts go with these.
        """
        refused = self.accounts.refused
        found = [(account.name, account.refusals or {}) for account in refused]
        for account in refused:
            account.refusals = None
        self.accounts.refused = []
        return found

    def take_refusals(self, given: list[tuple[bytes, dict[int, int]]]) -> None:
        """Take in what another part released."""
        for name, refusals in given:
            account = self.accounts.named(name)
            for way, count in refusals.items():
                self.accounts.refuse(account, way, count)

    def _hold_until_refused(self, live: Live) -> None:
        """Count the port of a refused SYN at once: what it waits for cannot change that."""
        if live.announced == -1:
            if self.accounts.hold_packed(live.a.key, port_to_count(live), live.start_ns, live.end_ns):
                live.announced = AS_WAITING
                return
            account = self.accounts.of(live.a.key)
            self.occupancy.add(live.start_ns, live.log[-1].time_ns, account.held_kind, port_to_count(live))
            live.announced = COUNTED

    def _hold_while_waiting(self, live: Live) -> None:
        """Count the port of a connection that waits from its first segment to its last: more is known in the end only."""
        if live.announced == -1:
            key = live.side(client_at_first(live)).key
            if self.accounts.hold_packed(key, port_to_count(live), live.start_ns, live.end_ns):
                live.announced = AS_WAITING
                return
        self.announce([live])
        self.occupancy.end(live.end_ns, live.announced)

    def take_records(self, textbook: Textbook, since_ns: int, unanswered_ns: int, known_ns: int) -> None:
        """Take the connections at rest that have heard of nothing since a moment, and the attempts of before another one."""
        while True:
            record = textbook.over(since_ns)
            if record is None:
                break
            if self.haste is not None and self._gives_up():
                self._pass_over(resting.first_frame(record))
                continue
            try:
                if not self._take_record(record, known_ns):
                    self.take(textbook.unfold(record), known_ns)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._leave_out(error, resting.first_frame(record), resting.first_frame(record))
        half_open = textbook.half_open_over(min(since_ns, unanswered_ns))
        half_open.reverse()
        while half_open:
            self.take(textbook.unfold(half_open.pop()), known_ns)  # it is not kept beside what becomes of it
        while True:
            record = textbook.attempt_over(unanswered_ns)
            if record is None:
                break
            if self.haste is not None and self._gives_up():
                self._pass_over(resting.attempt_frame(record))
                continue
            try:
                if not self._take_attempt(record, textbook, known_ns):
                    live = textbook.unfold_attempt(record)
                    live.announced = AT_ITS_CLIENT if textbook.was_announced else -1
                    self.take(live, known_ns)
            except Exception as error:  # noqa: BLE001 - as above
                self._leave_out(error, resting.attempt_frame(record), resting.attempt_frame(record))

    def _take_attempt(self, record: bytes, textbook: Textbook, known_ns: int) -> bool:
        """Add up a SYN that nobody answered. False if it is to be described."""
        template, start_ns = self.replayer.known(ATTEMPT, NOWHERE), resting.attempt_start_ns(record)
        tried = known_ns <= overdue_ns(start_ns, FIRST_REPEAT_NS)
        if template is not None and known_ns <= due_until_ns(start_ns, FIRST_REPEAT_NS):
            template = template.in_flight
        outline = None if template is None else template.outline
        if outline is None or not outline.alike or (self.describes_all and outline.shape is None):
            return False
        first_frame = resting.attempt_frame(record)
        if self._is_shown(-1, first_frame):
            return False
        key = textbook.attempt_key
        if outline.trouble is not None:
            self._count_trouble(outline.trouble, key, resting.attempt_stream(record), first_frame, start_ns)
        outline.count += 1
        self.alike += 1
        self.first_frames.add(first_frame)
        self.timeline.add(start_ns, outline.trouble is not None)
        self.accounts.add_attempt(key, start_ns, NEVER_NS if tried else start_ns + FIRST_REPEAT_NS, textbook.was_announced)
        if self.attempted.wants(first_frame):
            stream, seq = resting.attempt_stream(record), resting.attempt_seq(record)
            self.attempted.add_attempt(name_of(key), key, start_ns, first_frame, stream, seq, outline.outcome)
        if self.describes_all:
            resting.read_attempt(record, self.closed)
            self._write_down(outline, known_ns)
        return True

    def _count_trouble(self, trouble: Trouble, key: bytes, stream: int, first_frame: int, start_ns: int) -> None:
        """Count a connection in trouble at the service that its client's key leads to: the next ones are likely to be of them."""
        alike = self.in_trouble
        if alike is None or not alike.takes(trouble, key):
            size = 4 if len(key) < IPV6_KEY else 16
            name = trouble.code, key[size : 2 * size] + key[2 * size + 2 : 2 * size + 4]
            alike = self.alike_in_trouble.get(name)
            if alike is None:
                if len(self.alike_in_trouble) >= MOST_ALIKE:
                    self._tell_troubles()
                alike = self.alike_in_trouble[name] = Alike(trouble, key, first_frame)
            self.in_trouble = alike
        alike.add(key, stream, first_frame, start_ns)

    def _tell_troubles(self) -> None:
        """Let the digest know of those in trouble."""
        for alike in self.alike_in_trouble.values():
            span_ns = alike.first_ns, alike.last_ns
            self.digest.add_alike(alike.trouble, alike.key, alike.count, alike.stream, alike.first_frame, span_ns, alike.clients)
        self.alike_in_trouble, self.in_trouble = {}, None

    def _take_record(self, record: bytes, known_ns: int) -> bool:
        """Add up a connection that ended at rest: it began with an ordinary SYN and its SYN/ACK. False if it is to be described."""
        if resting.logged(record) < 3 or resting.sender(record, 2) != 0:
            return False
        start_ns, first_frame, synack_ns = resting.start_ns(record), resting.first_frame(record), resting.time_ns(record, 1)
        to_server_ns, to_client_ns = synack_ns - start_ns, resting.time_ns(record, 2) - synack_ns
        template = self.replayer.known(resting.signature(record), place_of(to_server_ns, to_client_ns))
        outline = None if template is None else template.outline
        if outline is None or not outline.alike or outline.client != 0:
            return False
        total_ns = -1
        if outline.first_syn >= 0:
            total_ns = resting.time_ns(record, outline.ack) - resting.time_ns(record, outline.first_syn)
        if self._is_shown(total_ns, first_frame):
            return False
        account = self.accounts.of(resting.key(record))
        self._add_alike(
            outline,
            account,
            start_ns,
            first_frame,
            total_ns,
            resting.time_ns(record, outline.client_stay) if outline.client_stay >= 0 else -1,
            resting.time_ns(record, outline.server_stay) if outline.server_stay >= 0 else -1,
            resting.time_ns(record, outline.client_tail) if outline.client_tail >= 0 else NEVER_NS,
            NEVER_NS,
            -1,
            local_port(resting.key(record)),
            resting.packets(record),
        )
        largest, idle_ns = resting.largest(record), MISSING
        if outline.first_fin >= 0 and resting.end_ns(record) - start_ns >= IDLE_CLOSE_NS:  # a shorter silence is no idle close
            asked_ns = resting.asked_ns(record)
            if asked_ns:
                idle_ns = NEVER_NS
                for at in range(len(outline.fins)):
                    idle_ns = min(idle_ns, resting.time_ns(record, outline.fins[at]) - asked_ns)
        self.accounts.add_course(
            account,
            resting.exchanges(record),
            resting.survived_ns(record),
            resting.answer_ns(record),
            largest & MOST_LARGEST,
            largest >> 16,
            outline.first_fin,
            idle_ns,
        )
        self.accounts.learn(account, first_frame, to_server_ns, to_client_ns, resting.ttl(record, 0), resting.ttl(record, 1))
        if self.describes_all:
            resting.read(record, self.closed)
            self._write_down(outline, known_ns)
        return True

    def _write_down(self, outline: Outline, known_ns: int) -> None:
        """Write the connection at rest that was read last into the block, and show it to who asked for each."""
        assert outline.shape is not None  # who has an outline by a record was described
        row = self.writer.write_like(outline.shape, self.closed, known_ns)
        if self.each is not None:
            self.each(connection(self.writer.block, row))
        self._written_down()

    def _is_shown(self, total_ns: int, first_frame: int) -> bool:
        """Whether a connection is one of few, or one of the slowest so far: these are described."""
        if self.floor_ns >= 0 and total_ns < self.floor_ns:
            return False
        if total_ns < 0 and self.are_many:
            return False
        self._tell()
        digest = self.digest
        shown = digest.takes(total_ns if total_ns >= 0 else None, first_frame)
        self.floor_ns = digest.floor_ns()
        return shown

    def _tell(self) -> None:
        """Let the digest know how many connections were only added up."""
        self.digest.count += self.alike
        self.digest.timed += self.alike_timed
        self.alike = self.alike_timed = 0
        self.are_many = self.digest.count >= FEW

    def _add_alike(
        self,
        outline: Outline,
        account: Account,
        start_ns: int,
        first_frame: int,
        total_ns: int,
        client_stay_ns: int,
        server_stay_ns: int,
        released_ns: int,
        reused_ns: int,
        announced: int,
        port: int,
        packets: int,
    ) -> None:
        """Add up a textbook connection: its account, and the times that its outline asks for (-1: there is none)."""
        occupancy = self.occupancy
        outline.count += 1
        self.alike += 1
        self.first_frames.add(first_frame)
        self.timeline.add(start_ns, outline.trouble is not None)
        if total_ns >= 0:
            self.alike_timed += 1
            if outline.latencies is not None:
                outline.latencies.add(total_ns)
                self.accounts.add_handshake(account, total_ns)
        account.connections += 1
        account.packets += packets
        account.resets += outline.cause >= 0
        if start_ns < account.first_ns:  # noqa: PLR1730 - a call less
            account.first_ns = start_ns
        if start_ns > account.last_ns:  # noqa: PLR1730
            account.last_ns = start_ns
        if outline.first_fin == 0:
            account.client_first += 1
        elif outline.first_fin > 0:
            account.server_first += 1
        if client_stay_ns >= 0:
            until_ns = client_stay_ns + account.client_wait_ns
            released_ns = end_of_stay(client_stay_ns, until_ns, NEVER_NS, reused_ns)
            account.reused_client += how_it_ends(until_ns, NEVER_NS, reused_ns) == REUSED
            account.stays_client += 1
            occupancy.add(client_stay_ns, released_ns, self.accounts.client_stays(account))
        if server_stay_ns >= 0:
            until_ns = server_stay_ns + account.server_wait_ns
            account.reused_server += how_it_ends(until_ns, NEVER_NS, reused_ns) == REUSED
            account.stays_server += 1
            released_server_ns = end_of_stay(server_stay_ns, until_ns, NEVER_NS, reused_ns)
            occupancy.add(server_stay_ns, released_server_ns, self.accounts.server_stays(account))
        if announced < 0:
            occupancy.add(start_ns, released_ns, account.held_kind, port)
        elif released_ns != NEVER_NS:
            occupancy.end(released_ns, announced, port)

    def _conclude(self, live: Live, known_ns: int, template: Template | None, own: Legs | None) -> None:
        """Judge a connection, describe it and add it up. Without a template all handshakes are known, or its own suffices."""
        verdict = template.verdict if template is not None else self.replayer.settled_verdict(live, own)
        block, row = self.writer.block, self.writer.write(live, verdict, known_ns)
        shown = self._is_shown(block.connections.wide[HANDSHAKE * block.connections.capacity + row], live.first_frame)
        if shown or self.describes_all:
            self.writer.write_course(live, verdict, row)
        if shown:
            self.digest.show(connection(block, row))
        if template is not None and template.outline is None:
            outline = template.outline = Outline(block, row, verdict)
            outline.shape = Shape(verdict, block, row)
            outline.latencies = self.totals.latencies_of(outline.outcome, outline.vantage)
        self.quality.add(live)
        if self.each is not None:
            self.each(connection(block, row))
        if not begins_with_syn(live) and client_at_first(live) != verdict.client:
            self.announce([live])  # which of the two is taken for the client hangs on nothing that comes later
        key = live.side(verdict.client).key
        self._add_row(block, row, live, key)
        if live.announced == AS_WAITING and client_at_first(live) != verdict.client:
            live.announced = self.accounts.of(live.side(1 - verdict.client).key).held_kind
            self.occupancy.begin(live.end_ns, live.announced)
        self.accounts.take(key, block, row, port_to_count(live), live.announced, live.end_ns)
        self.troubled.add(key, block, row, live, verdict)
        self.first_frames.add(live.first_frame)
        self._written_down()
        live.dissolve()

    def _add_row(self, block: Block, row: int, live: Live, key: bytes) -> None:
        """Add a described connection, whose client's key this is, to the totals and to what is listed."""
        table = block.connections
        small, size = table.small, table.capacity
        outcome, pattern, cause = small[OUTCOME * size + row], small[PATTERN * size + row], ending_cause(block, row)
        censored = small[CENSORED * size + row] != 0
        total_ns = table.wide[HANDSHAKE * size + row]
        self.totals.add(outcome, pattern, cause, censored, 1)
        self.alike += 1
        if total_ns != MISSING:
            self.alike_timed += 1
        if total_ns >= 0:
            latencies = self.totals.latencies_of(outcome, small[VANTAGE * size + row])
            if latencies is not None:
                latencies.add(total_ns)
        stream = live.stream if live.stream >= 0 else None
        trouble = self._trouble(outcome, pattern, cause, table.narrow[SYN_REPEATS * size + row] > 0, censored)
        self.timeline.add(live.start_ns, trouble is not None)
        if trouble is not None:
            self._count_trouble(trouble, key, live.stream, live.first_frame, live.start_ns)
        at = table.narrow[ANOMALIES_AT * size + row]
        found, texts = block.anomalies, block.texts.values
        for anomaly in range(at, at + table.narrow[ANOMALIES * size + row]):
            code, why = found.narrow[ANOMALY_CODE * found.capacity + anomaly], found.narrow[ANOMALY_EXPLANATION * found.capacity + anomaly]
            self.digest.add_anomaly(str(texts[code]), str(texts[why]), stream, found.wide[ANOMALY_FRAME * found.capacity + anomaly])

    def _trouble(self, outcome: int, pattern: int, cause: int, repeated: bool, censored: bool) -> Trouble | None:
        """The gravest trouble of connections of these words."""
        what = ((outcome << 8 | pattern) << 8 | cause + 1) << 2 | repeated << 1 | censored
        if what not in self.troubles:
            self.troubles[what] = gravest(
                OUTCOMES[outcome], PATTERNS[pattern], None if cause < 0 else CAUSES[cause], repeated=repeated, censored=censored
            )
        return self.troubles[what]

    def _written_down(self) -> None:
        """A row is complete: this comes last.

        What is shown to somebody stays as it is, as long as he keeps it; what nobody sees is written over.
        """
        block = self.writer.block
        if self.keep_rows:
            if block.connections.count >= ROWS:
                self.hand_over()
        elif block.connections.count >= FEW_ROWS if self.each is not None else block.count_names() > MOST_NAMES:
            self.writer.begin(Block(FEW_ROWS))
        elif self.each is None:
            block.clear()
        self.written = self.writer.block.connections.count

    def hand_over(self) -> None:
        """Put the block that is being filled to the others."""
        block = self.writer.block
        self.rows.add(block)
        self.writer.begin(Block(ROWS if block.connections.count >= ROWS else FEW_ROWS))
        self.written = 0

    def announce(self, connections: list[Live]) -> None:
        """Count the ports of connections as held that are old and still open: their begins must not come in late."""
        for live in connections:
            if live.announced == -1 and not (self.left_out and self._is_left_out(live)):
                live.announced = self.accounts.of(live.side(client_at_first(live)).key).held_kind
                self.occupancy.begin(live.start_ns, live.announced, port_to_count(live))

    def announce_older(self, table: FlowTable, than_ns: int) -> None:
        """Count the ports of everything in the table as held that began before a moment; attempts are given up by then."""
        self.announce(table.older(than_ns))
        for record in table.textbook.older_attempts(than_ns):
            start_ns = resting.attempt_start_ns(record)
            self.accounts.hold(resting.attempt_key(record), start_ns, start_ns + FIRST_REPEAT_NS)

    def settle(self, table: FlowTable) -> None:
        """Settle what can hardly change any more, so that memory follows what is alive in the table."""
        if self.occupancy.is_due:
            until_ns = table.clock_ns - self.replayer.longest_ns - SETTLE_NS
            self.announce_older(table, until_ns)
            self.occupancy.settle(until_ns)

    def finish(self, end_ns: int) -> None:
        """The capture has ended: conclude what waits, and number the connections by their first frames."""
        self.settle_before_waiting(end_ns)
        if len(self.waiting) or self.accounts.refused or self.accounts.refused_at:
            self.replayer.vantages.take_ways(self.accounts.ways())
        self.conclude_waiting(end_ns)
        self.add_up()
        self.close(end_ns)

    def settle_before_waiting(self, end_ns: int) -> None:
        """Before connections are concluded that waited: of a large capture all that no longer changes is settled then."""
        self.occupancy.settle_before_waiting(self.settled_before_waiting_ns(end_ns))

    def settled_before_waiting_ns(self, end_ns: int) -> int:
        """Up to when."""
        return end_ns - self.replayer.longest_ns - SETTLE_NS

    def share_memory(self, count: int) -> None:
        """Keep in memory what so many processes may keep together."""
        self.waiting.share(count)
        self.rows.most_blocks //= count

    def conclude_waiting(self, end_ns: int) -> None:
        """All handshakes are known: conclude the connections that waited for that."""
        many = self.waiting.are_many or self.troubled.table.count > MANY_IN_TROUBLE
        if many:
            give_back_at_once()  # what was kept of connections that live
        self._conclude_all(end_ns)
        if many:
            give_back()

    def _conclude_all(self, end_ns: int) -> None:
        for number, live in enumerate(self.waiting.take_all(), 1):
            if number % CONCLUDED == 0:
                give_back()  # what was kept of these, for what is kept of the next
            if self.haste is not None and self._gives_up():
                self._pass_over(live.first_frame)
                for first_frame in self.waiting.give_up():
                    self._pass_over(first_frame)
                return
            if live.announced >= 0:
                self.occupancy.begin(live.end_ns, live.announced)  # as if it had not been counted as over
            try:
                self._conclude(live, end_ns, None, legs(live))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._leave_out(error, live.first_frame, live.last_frame)

    def add_up(self) -> None:
        """Add what textbook connections have in common to the sums."""
        self._tell()
        self._tell_troubles()
        self._settle_refusals()
        for template in self.replayer.templates.values():
            for one in (template, template.in_flight):
                outline = None if one is None else one.outline
                if outline is not None and outline.count:
                    self.totals.add(outline.outcome, outline.pattern, outline.cause, outline.censored, outline.count)
                    outline.count = 0

    def close(self, end_ns: int) -> None:
        """All is told: settle what is pending, count services, number the connections by their first frames."""
        self._settle_refusals()
        self.attempted.finish()
        for parcel in self.attempted.parcels():
            self.troubled.take(parcel)
        self.troubled.finish()
        self.accounts.unpack_many()
        self.held = self.occupancy.held()
        self.accounts.close(end_ns)
        self.digest.list_services(services_of(self.accounts))
        self.hand_over()
        self.rows.finish()
        for row in (*self.digest.few, *self.digest.slowest()):
            row.id = self.first_frames.rank(row.first_frame)

    def rename_streams(self, stream_of: Callable[[int], int]) -> None:
        """Give other numbers to the streams of everything that is kept."""
        self.digest.rename_streams(stream_of)
        self.troubled.rename_streams(stream_of)
        self.attempted.rename_streams(stream_of)  # they go there when all is told, which may be behind this
        self.hand_over()
        self.rows.rename_streams(stream_of)


def _given_back_ns(live: Live, verdict: Verdict, known_ns: int) -> int:
    """When the client's port was free again because the client gave up; NEVER_NS if it was not."""
    gave_up_ns = gives_up_ns(live, verdict, verdict.client, known_ns)
    return NEVER_NS if gave_up_ns == MISSING else gave_up_ns
