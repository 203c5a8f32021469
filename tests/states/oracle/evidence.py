"""What each side went through, reasoned from what one capture point saw.

A captured segment proves that its sender sent it, not that its peer received it. This module turns a connection's log
into one ordered list of machine events for each side. The order of what a side *sent* is nearly certain; where between
those its *receipts* belong is decided by the evidence, strongest first:

1. an acknowledgement proves receipt of what it covers, and everything sent after it was sent knowing it;
2. timestamps name the copy that an acknowledgement answers, and order what the capture could not (RFC 7323 4.3);
3. near a side, what was captured on its way to it is received when captured;
4. elsewhere receipt is assumed at capture, unless the sender repeats itself later than a round trip: then it was lost.
"""

from tcptrace_py.model.live import AHEAD, COPY, GAP, REPEAT, SKIPPED, STRAY, Connection, Segment, client_of, hops
from tcptrace_py.model.segments import ACK, FIN, OPT_DSACK, OPT_MSS, OPT_SACK_OK, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import MASK, ahead
from tcptrace_py.model.state import Basis
from tcptrace_py.model.verdict import BETWEEN, NAMED, UNTOLD, View
from tcptrace_py.states.machine import Event

from .verdict import NOWHERE, Close, Opening, ResetMarks

OBSERVED, ASSUMED, INFERRED = Basis.OBSERVED, Basis.ASSUMED, Basis.INFERRED

Happening = tuple[Event, int, Basis]  # what happened, the log index it rests on, how firmly
RESENT_NS = 190_000_000  # Linux waits 200 ms and a round trip, or three of these, before it sends again (RFC 6298, TCP_RTO_MIN)
DELAYED_ACK_NS = 40_000_000  # and so long with an ACK (TCP_DELACK_MIN)


class Evidence:
    """One connection's log with the questions that the rules ask of it. Sides are 0 and 1; times in ns."""

    def __init__(self, connection: Connection, view: View) -> None:
        self.connection = connection
        self.view = view
        self.log = connection.log
        self.indices: tuple[list[int], list[int]] = ([], [])
        for i, segment in enumerate(self.log):
            if not segment.marks & (COPY | STRAY):
                self.indices[segment.side].append(i)
        self.fin_frames = [-1, -1]  # corrected: of each side's first FIN
        self._sent = (self._in_order_of_sending(0), self._in_order_of_sending(1))
        self.client = client_of(connection)
        self.opening = self._opening()
        self.fins = (self._fins(0), self._fins(1))
        self.fin_end = tuple(self.log[fins[0]].end if fins else -1 for fins in self.fins)
        self._covers = (self._first_cover(0), self._first_cover(1))
        self._second: list[bool | None] = [None, None]  # as far as it was asked for
        self._taken: list[int | None] = [None, None]
        self.covered = (self._first_covering(0), self._first_covering(1))
        self.acks = tuple({self.log[i].ack for i in self.indices[number] if self.log[i].flags & ACK} for number in (0, 1))
        self.resets = [i for i, segment in enumerate(self.log) if segment.flags & RST and not segment.marks & (COPY | STRAY)]
        self.fatal = self._fatal_reset()
        self.ending_unseen = self._ending_is_unseen()
        if self.ending_unseen:
            self.fatal = NOWHERE

    # -- small questions --------------------------------------------------------------------------------------------

    def covers(self, segment: Segment, number: int) -> bool:
        """Whether a segment of the peer's acknowledges side `number`'s FIN."""
        end = self.fin_end[number]
        if segment.flags & RST and 0 <= self.fin_frames[segment.side] < segment.frame:
            return False  # corrected: a socket that had sent its FIN would acknowledge the peer's; lwIP's RST|ACK is of no socket
        # corrected: what was never sent cannot be acknowledged, and a FIN at the SYN's own number is dropped
        return (
            end >= 0
            and not self._is_before_window(number)
            and bool(segment.flags & ACK)
            and segment.side != number
            and (0 <= ahead(segment.ack, end) <= max(ahead(self.connection.side(number).next_seq, end), 0))
        )

    def sent(self, number: int) -> list[int]:
        """Log indices of a side's segments in the order in which it sent them (copies left out)."""
        return self._sent[number]

    def _in_order_of_sending(self, number: int) -> list[int]:
        mine = self.indices[number]
        if self.view.near[number] or len(mine) < 2:
            return mine
        if not all(self.log[i].options & OPT_TIMESTAMPS or self.log[i].flags & RST for i in mine):
            return mine
        base = self.log[mine[0]].tsval
        order: list[tuple[int, int]] = []
        latest = 0
        for i in mine:
            latest = max(latest, ahead(self.log[i].tsval, base)) if self.log[i].flags & RST else ahead(self.log[i].tsval, base)
            order.append((latest, i))
        order.sort()
        return [i for _, i in order]

    def time(self, index: int) -> int:
        """Capture time of a logged segment."""
        return self.log[index].time_ns

    # -- handshake --------------------------------------------------------------------------------------------------

    def _opening(self) -> Opening:
        opening = Opening()
        log, client = self.log, self.client
        syns = [i for i in self.indices[client] if log[i].flags & (SYN | ACK | RST | FIN) == SYN]
        answers = [i for i in self.indices[1 - client] if log[i].flags & (SYN | ACK | RST) == SYN | ACK]
        theirs = [i for i in self.indices[1 - client] if log[i].flags & (SYN | ACK | RST | FIN) == SYN]
        own_answers = [i for i in self.indices[client] if log[i].flags & (SYN | ACK | RST) == SYN | ACK]
        if self.connection.self_connect:
            answers, theirs = own_answers, syns
        opening.simultaneous = bool(syns and (theirs or own_answers)) or self.connection.self_connect
        if syns:
            opening.first_syn = syns[0]
            isn = log[syns[0]].seq
            most = max(0, self._syn_payload(syns))
            good = [i for i in answers if ahead(log[i].ack, isn) >= 1 and ahead(log[i].ack, log[syns[0]].end) <= most]
            if good or not answers:
                answers = good
        if answers:
            opening.synack = next((i for i in answers if log[i].seq == self.connection.side(log[i].side).isn), answers[0])
            opening.synack_repeats = sum(log[i].seq == log[opening.synack].seq for i in answers) - 1
        elif opening.simultaneous and own_answers:
            opening.synack = own_answers[0]
            opening.synack_repeats = len(own_answers) - 1
        if opening.synack >= 0 and syns:
            before = [i for i in syns if log[i].time_ns <= log[opening.synack].time_ns]
            opening.last_syn = before[-1] if before else NOWHERE
            opening.fast_open = log[opening.synack].side != client and any(
                log[i].payload and ahead(log[opening.synack].ack, (log[i].seq + 1) & MASK) > 0 for i in syns
            )
        if opening.synack >= 0:
            opening.ack = self._ack_of_synack(opening, own_answers)
            opening.ack_of = self._last_synack_before(opening)
        opening.syn_repeats = max(len([i for i in syns if opening.ack < 0 or i < opening.ack or self.connection.self_connect]) - 1, 0)
        opening.refusal = self._refusal(syns) if opening.synack < 0 else NOWHERE
        return opening

    def _syn_payload(self, syns: list[int]) -> int:
        return max(self.log[i].payload for i in syns)

    def _ack_of_synack(self, opening: Opening, own_answers: list[int]) -> int:
        log = self.log
        answerer = log[opening.synack].side
        want = (log[opening.synack].seq + 1) & MASK
        caller = answerer if self.connection.self_connect else 1 - answerer
        for i in self.sent(caller):
            segment = log[i]
            if (
                i != opening.synack
                and segment.flags & ACK
                and not segment.flags & RST
                and ahead(segment.ack, want) >= 0
                and (not self._is_refused(segment))
            ):
                if segment.flags & SYN and i not in own_answers:
                    continue
                if segment.flags & SYN and self.connection.self_connect:
                    continue
                return i
        return NOWHERE

    def _is_refused(self, answer: Segment) -> bool:
        """Corrected: an opener's first ACK, for what its peer never sent, that met a RST at that number."""
        sender, peer = self.connection.side(answer.side), self.connection.side(1 - answer.side)
        return (
            sender.syn_seen
            and not peer.spoke
            and ahead(answer.ack, peer.next_seq) > 0
            and (answer.seq == (sender.isn + 1) & MASK)
            and any(self.log[i].flags & (RST | ACK) == RST and self.log[i].seq == answer.ack for i in self.indices[peer.number])
        )

    def _last_synack_before(self, opening: Opening) -> int:
        first, last = self.log[opening.synack], opening.synack
        for i in range(opening.synack, opening.ack):
            segment = self.log[i]
            if segment.side == first.side and segment.flags == first.flags and segment.seq == first.seq and not segment.marks & COPY:
                last = i
        return last

    def _refusal(self, syns: list[int]) -> int:
        """RST that answers the SYN: it must acknowledge it (RFC 9293 3.10.7.3)."""
        for i in self.indices[1 - self.client]:
            segment = self.log[i]
            if segment.flags & (RST | ACK) == RST | ACK and any(
                segment.ack in ((self.log[s].seq + 1) & MASK, self.log[s].end) for s in syns
            ):
                return i
        return NOWHERE

    def opening_events(self, number: int) -> list[Happening]:
        """Machine events of one side's opening, in order."""
        log, opening = self.log, self.opening
        syn = self._first(number, SYN, SYN | ACK | RST | FIN)
        synack = self._first(number, SYN | ACK, SYN | ACK | RST)
        events: list[Happening] = []
        answers_me = opening.synack >= 0 and log[opening.synack].side != number
        if syn >= 0 and answers_me and opening.synack < syn:
            events.append((Event.SENT_SYN, opening.synack, ASSUMED))  # corrected: its SYN was captured behind what it began
        elif syn >= 0:
            events.append((Event.SENT_SYN, syn, OBSERVED))
        if synack >= 0:
            events.append((Event.SENT_SYN_ACK, synack, OBSERVED))
        if syn < 0 and synack < 0:
            if opening.synack >= 0 and log[opening.synack].side != number and opening.ack >= 0:
                events.append((Event.GOT_SYN_ACK, opening.ack, OBSERVED))
            return events
        if self.connection.self_connect:
            if opening.ack >= 0 or opening.synack >= 0:
                arrival = opening.ack if opening.ack >= 0 else opening.synack
                events.append((Event.GOT_SYN_ACK, arrival, OBSERVED if opening.ack >= 0 else ASSUMED))
            elif (index := self._first_knowing(number, syn)) >= 0:
                events.append((Event.GOT_SYN_ACK, index, OBSERVED))  # corrected: its SYN/ACK was missed
            return events
        if synack < 0:
            index = self._first_knowing(number, syn)
            if index >= 0:
                events.append((Event.GOT_SYN_ACK, index, OBSERVED))
            elif opening.refusal >= 0 and log[opening.refusal].side != number:
                events.append((Event.GOT_RST, opening.refusal, ASSUMED))
            return events
        if opening.synack >= 0 and log[opening.synack].side == number:
            synack = opening.synack  # answered anew with another number, as with SYN cookies: the one that was taken
        arrival, basis = self._syn_acknowledged(number, synack, active=syn >= 0)
        if arrival >= 0:
            events.append((Event.GOT_ACK_OF_SYN, arrival, basis))
        return events

    def _first(self, number: int, flags: int, among: int) -> int:
        for i in self.indices[number]:
            if self.log[i].flags & among == flags:
                return i
        return NOWHERE

    def _first_knowing(self, number: int, syn: int) -> int:
        """The first segment of an opener that acknowledges the peer's SYN: it had the SYN/ACK by then."""
        log = self.log
        peer_synack = self.opening.synack
        if peer_synack >= 0 and log[peer_synack].side == number:
            peer_synack = NOWHERE
        for i in self.sent(number):
            segment = log[i]
            if i == syn or segment.flags & (SYN | RST) or not segment.flags & ACK:
                continue
            if peer_synack < 0 or (ahead(segment.ack, (log[peer_synack].seq + 1) & MASK) >= 0 and not self._is_refused(segment)):
                return i
        return NOWHERE

    def _syn_acknowledged(self, number: int, synack: int, *, active: bool) -> tuple[int, Basis]:
        """When the side that sent a SYN/ACK learnt that it had arrived: DESIGN 3.2, the listener's rules."""
        log = self.log
        want = (log[synack].seq + 1) & MASK
        peer_acks = [
            i
            for i in self.indices[1 - number]
            if log[i].flags & ACK
            and not log[i].flags & RST
            and (active or not log[i].flags & SYN)
            and ahead(log[i].ack, want) >= 0
            and not self._is_refused(log[i])
        ]
        spoke = self._first_words(number, peer_acks[0] if peer_acks and not active else len(log), peer_acks[0] if peer_acks else NOWHERE)
        repeats = [i for i in self.indices[number] if log[i].flags & (SYN | ACK | RST) == SYN | ACK and i != synack]
        if spoke >= 0 and self.opening.fast_open and not active:
            first = peer_acks[0] if peer_acks else NOWHERE  # with data in the SYN accepted it may speak, and close, before
            return (first, ASSUMED) if first >= 0 else (NOWHERE, ASSUMED)
        if spoke >= 0:
            early = [i for i in peer_acks if i < spoke]
            late = [i for i in early if not any(i < r < spoke and self._not_crossing(i, r) for r in repeats)]
            if late or early:
                return (late or early)[0], ASSUMED
            return spoke, OBSERVED
        if not peer_acks:
            return NOWHERE, ASSUMED
        if any(log[i].flags & (RST | ACK) == RST and i > peer_acks[0] for i in self.indices[number]):
            return NOWHERE, ASSUMED  # answered without a socket: it never left SYN_RECEIVED
        again = [r for r in repeats if r > peer_acks[0] and self._not_crossing(peer_acks[0], r)]
        if not again:
            return peer_acks[0], ASSUMED
        if self.view.near[number] or len(again) > 1 or self._unanswered_data(number):
            return NOWHERE, ASSUMED  # the listener has no room for it: its accept queue is full
        after = [i for i in peer_acks if i > again[-1]]
        return (after[0], ASSUMED) if after else (NOWHERE, ASSUMED)

    def _first_words(self, number: int, acknowledged: int, first_ack: int) -> int:
        """A side's first segment that a socket of its own sent: neither SYN nor RST, nor the RST that a listener answers with.

        A listener's request is reset by a RST without ACK, or silently dropped; what waits for accept() is aborted, RST and ACK.
        """
        # corrected: a pure ACK of the SYN, behind a SYN that came again, is SYN_RECEIVED's challenge
        opener = self.connection.side(1 - number)
        words = next(
            (
                i
                for i in self.indices[number]
                if not self.log[i].flags & (SYN | RST)
                and not (
                    not self.log[i].payload
                    and not self.log[i].flags & FIN
                    and not 0 <= first_ack < i
                    and opener.syn_seen
                    and self.log[i].ack == (opener.isn + 1) & MASK
                    and self._only_syns_before(1 - number, i)
                )
            ),
            NOWHERE,
        )
        reset = next((i for i in self.indices[number] if self.log[i].flags & RST and i > acknowledged), NOWHERE)
        return reset if words < 0 <= reset and self.log[reset].flags & ACK else words

    def _only_syns_before(self, number: int, index: int) -> bool:
        flags = [self.log[i].flags for i in self.indices[number] if i < index]
        return len(flags) > 1 and all(each & SYN for each in flags)

    def _not_crossing(self, received: int, repeated: int) -> bool:
        """Whether the repetition left long enough after the other segment passed to count as not knowing it."""
        return self.time(repeated) - self.time(received) > self.view.round_trip_ns

    def _unanswered_data(self, number: int) -> bool:
        """Whether the peer sent data behind the handshake, to a side that never answered any."""
        return any(self.log[i].payload and not self.log[i].flags & SYN for i in self.indices[1 - number])

    def sent_knowing(self, later: int, received: int) -> bool:
        """Whether a side had received one segment of its peer's when it sent another of its own."""
        log = self.log
        mine, theirs = log[later], log[received]
        if self.view.near[mine.side]:
            return received < later
        if mine.options & theirs.options & OPT_TIMESTAMPS:
            earlier = any(self.log[i].tsval == theirs.tsval for i in self.indices[theirs.side] if i < received)
            if mine.tsecr != theirs.tsval or not earlier:
                return ahead(mine.tsecr, theirs.tsval) >= 0
        return received < later and mine.time_ns - theirs.time_ns > self.view.round_trip_ns

    # -- close ------------------------------------------------------------------------------------------------------

    def _fins(self, number: int) -> list[int]:
        """A side's FINs in the order of sending. Only one sequence number can be the FIN's: the first captured decides."""
        # corrected: without ACK it is dropped, on a SYN/ACK it counts
        fins = [i for i in self.sent(number) if self.log[i].flags & (FIN | RST | ACK) == FIN | ACK]
        if fins:
            self.fin_frames[number] = self.log[fins[0]].frame
            end = self.log[fins[0]].end
            fins = [i for i in fins if self.log[i].end == end]
        return fins

    def first_cover(self, number: int) -> int:
        """Of side `number`'s segments, in order of sending, the first that acknowledges the peer's FIN."""
        return self._covers[number]

    def _first_covering(self, number: int) -> int:
        """Log index of the first segment that acknowledges side `number`'s FIN."""
        if self.fin_end[number] >= 0:
            for i, segment in enumerate(self.log):
                if self.covers(segment, number):
                    return i
        return NOWHERE

    def _first_cover(self, number: int) -> int:
        if self.fin_end[1 - number] < 0:
            return NOWHERE
        for i in self.sent(number):
            if self.covers(self.log[i], 1 - number):
                return i
        return NOWHERE

    def closed_second(self, number: int) -> bool:
        """Whether the side had the peer's FIN before it sent its own (REASONING: who closed second)."""
        known = self._second[number]
        if known is None:
            known = self._closed_second(number)
            if known and self.fins[number] and self.first_cover(number) > self.first_cover(1 - number):
                known = not self._closed_second(1 - number)  # corrected: both cannot have waited for the other
            self._second[number] = known
        return known

    def _closed_second(self, number: int) -> bool:
        log = self.log
        mine, theirs = self.fins[number], self.fins[1 - number]
        if not theirs:
            return False
        cover = self.first_cover(number)
        if not mine:
            return cover >= 0 or self.fin_taken(1 - number) >= 0
        if cover < 0:
            return False
        order = self.sent(number)
        fin_at, cover_at = order.index(mine[0]), order.index(cover)
        if cover_at > fin_at:
            return False
        segment = log[cover]
        if cover_at < fin_at and not segment.flags & FIN and segment.seq == self.fin_end[number]:
            # Its FIN was sent before and lost, unless it answers a repetition of the peer's: a D-SACK says so; where there is
            # no SACK, one lost FIN explains a repetition better than two.
            repeated = len([i for i in theirs if i < cover]) > 1
            overtaken = self._was_overtaken(theirs[0], cover)
            # corrected: what the peer's FIN overtook calls for a pure ACK as well
            return bool(segment.options & OPT_DSACK) or overtaken or (repeated and not self._has_sack())
        return not (cover_at == fin_at and self._sent_again_alone(cover, theirs))

    def _was_overtaken(self, fin: int, before: int) -> bool:
        """Whether a segment from before a FIN was captured behind it."""
        log, number = self.log, self.log[fin].side
        return any(
            fin < i < before and not log[i].flags & (FIN | SYN | RST) and not log[i].payload and ahead(log[i].seq, self.fin_end[number]) < 0
            for i in self.indices[number]
        )

    def _sent_again_alone(self, cover: int, theirs: list[int]) -> bool:
        """Whether a FIN that covers the peer's is a later copy: its sender's IP IDs count two segments lost before the capture.

        They left before the peer's FIN came again: its own FIN, and the ACK that it owed to the peer's, so CLOSING. In
        CLOSE_WAIT only a FIN later than a delayed ACK makes two of them, and that is sent again later than the peer's.
        """
        answer, round_trip_ns = self.log[cover], self.view.round_trip_ns
        if not answer.marks & SKIPPED or self.view.near[answer.side] or self._was_overtaken(theirs[0], cover):
            return False  # corrected: one of the two may have answered what the peer's FIN overtook
        if len(theirs) > 1 and theirs[1] < cover and self.sent_knowing(cover, theirs[1]):
            return False
        waited_ns = answer.time_ns - self.time(theirs[0]) - round_trip_ns
        return RESENT_NS < waited_ns < max(RESENT_NS + round_trip_ns, 3 * round_trip_ns) + 2 * DELAYED_ACK_NS  # once, not twice

    def _has_sack(self) -> bool:
        """Whether both sides may send SACK (RFC 2018), as far as their SYNs were captured."""
        return all(segment.options & OPT_SACK_OK for segment in self.log if segment.flags & SYN and not segment.marks & (COPY | STRAY))

    def _may_sack(self) -> bool:
        """Whether nothing says that SACK is off: no SYN that has other options has not this one. A short snap length cuts them all."""
        syns = [segment.options for segment in self.log if segment.flags & SYN and not segment.marks & (COPY | STRAY)]
        return all(options & OPT_SACK_OK or not options & ~OPT_MSS for options in syns)

    def _is_before_window(self, number: int) -> bool:
        """Whether a side's FIN has the number of its SYN."""
        fin, side = self.log[self.fins[number][0]], self.connection.side(number)
        return side.syn_seen and not fin.flags & SYN and ahead(fin.end, side.isn) == 1

    def fin_taken(self, number: int) -> int:
        """Log index of the copy of side `number`'s FIN that its peer took; NOWHERE if none arrived as far as is known."""
        known = self._taken[number]
        if known is None:
            known = self._taken[number] = self._fin_taken(number)
        return known

    def _fin_taken(self, number: int) -> int:
        log, fins, view = self.log, self.fins[number], self.view
        if not fins:
            return NOWHERE
        peer = 1 - number
        if self._is_before_window(number):
            return NOWHERE
        cover = self.first_cover(peer)
        if cover < 0:
            return self._uncovered_fin(number)
        arrived = [i for i in fins if i < cover] or fins[:1]
        if view.near[peer]:
            return min(arrived)
        answer = log[cover]
        if len(arrived) > 1 and answer.options & OPT_TIMESTAMPS and not answer.flags & RST:
            if answer.options & OPT_DSACK:
                return arrived[0]
            named = [i for i in arrived if log[i].tsval == answer.tsecr]
            if named:
                return named[0]
            older = [i for i in arrived if ahead(answer.tsecr, log[i].tsval) >= 0]
            return older[-1] if older else arrived[0]
        if len(arrived) > 1:
            # Corrected: what comes sooner than the way there and back takes answers an earlier copy.
            soonest_ns = view.leg_ns(1 - number) // 5 * 4
            soon = [i for i in arrived if self.time(cover) - self.time(i) >= soonest_ns]
            return soon[-1] if soon else arrived[0]
        return arrived[0]

    def fin_accepted(self, number: int) -> int:
        """Log index of the segment by which its peer got to side `number`'s FIN: the FIN, or the data that had been missing before it."""
        taken, cover = self.fin_taken(number), self.first_cover(1 - number)
        if taken < 0 or cover < 0:
            return taken
        log, answer, first = self.log, self.log[cover], min(self.fins[number])
        later = [i for i in self.indices[number] if first < i < cover and log[i].payload]
        if not later:
            return taken
        if self.view.near[1 - number]:
            return later[-1] if log[first].marks & GAP or any(log[i].marks & GAP for i in later) else taken
        stamped, round_trip_ns = answer.options & OPT_TIMESTAMPS, self.view.round_trip_ns
        if stamped and answer.tsecr == log[taken].tsval:
            return taken
        named = next((i for i in later if stamped and log[i].tsval == answer.tsecr), NOWHERE)
        if named >= 0:
            return named
        # Whoever answers the FIN, by the time, and does not acknowledge it waits for what is missing before it.
        waits = any(
            first < i < cover and self.time(i) - self.time(first) >= round_trip_ns * 9 // 10
            for i in self.indices[1 - number]
            if log[i].flags & (ACK | RST | SYN) == ACK
        )
        waits = waits or (not stamped and answer.time_ns - self.time(taken) >= round_trip_ns + 2 * DELAYED_ACK_NS)
        return max(next((i for i in reversed(later) if waits and answer.time_ns - self.time(i) >= round_trip_ns * 4 // 5), taken), taken)

    def _uncovered_fin(self, number: int) -> int:
        """A FIN that nothing acknowledges: assumed to have arrived, unless it was repeated in vain or answered by a RST."""
        fins, peer = self.fins[number], 1 - number
        first = min(fins)
        if any(self.log[i].flags & (RST | ACK) == RST and i > first for i in self.indices[peer]):
            return NOWHERE
        if self.fatal >= 0 and self.log[self.fatal].side == peer and self.fatal > first:
            return NOWHERE  # the RST's acknowledgement would cover the FIN if it had been received
        # added: where only SYN, FIN and RST were captured, what is missing was filtered
        filtered = all(segment.flags & (SYN | FIN | RST) for segment in self.log)
        opened = self.connection.a.syn_seen and self.connection.b.syn_seen
        if filtered and opened and len(fins) == 1 and self.covers(self.log[first], peer):
            return first
        if self.connection.side(number).holes if self.view.near[peer] else self.log[first].marks & GAP:
            return NOWHERE  # data before it is missing
        if len(fins) > 1 and not self.view.near[peer]:
            return NOWHERE
        if self.view.near[peer]:
            return first if len(fins) == 1 else max(fins) if self.log[first].marks & GAP else NOWHERE
        return first

    def fin_acknowledged(self, number: int) -> int:
        """Log index of the segment by which side `number` learnt that its FIN had arrived; NOWHERE if it never did."""
        log = self.log
        covering = [i for i in self.sent(1 - number) if self.covers(log[i], number) and not log[i].flags & RST]
        if not covering:
            return NOWHERE
        if self.view.near[number]:
            return min(covering)
        # corrected: BSD has the FIN once more on the ACK of the peer's
        repeats = [i for i in self.fins[number][1:] if log[i].marks & REPEAT and i != self.first_cover(number)]
        for candidate in covering:
            if not any(self._not_crossing(candidate, r) for r in repeats if r > candidate):
                return candidate
        return NOWHERE

    def closing_events(self, number: int) -> list[Happening]:
        """Machine events of one side's close, in order; the RST that ends it comes from `reset_events`."""
        if self.connection.self_connect:
            return self._own_closing()
        mine, theirs = self.fins[number], self.fins[1 - number]
        events: list[Happening] = []
        taken = self.fin_accepted(1 - number) if theirs else NOWHERE
        cover = self.first_cover(number) if theirs else NOWHERE
        got_fin = self._got_fin(number, taken, cover)
        left = self._fin_left(number) if mine else NOWHERE  # corrected: what stands behind a FIN shows no moment
        sent_fin = (Event.SENT_FIN, left, OBSERVED if self.log[left].flags & FIN else ASSUMED) if mine else None
        before = self.first_cover(1 - number) if mine else NOWHERE
        if 0 <= before < left:
            sent_fin = (Event.SENT_FIN, before, ASSUMED)  # corrected: what was acknowledged had been sent
        acknowledged = self.fin_acknowledged(number) if mine else NOWHERE
        if acknowledged >= 0 and acknowledged == taken and cover >= 0 and not self.closed_second(number):
            acknowledged, taken = cover, cover  # FIN and ACK in one segment are processed at once: shown when they are answered
        got_ack = (Event.GOT_ACK_OF_FIN, acknowledged, ASSUMED) if acknowledged >= 0 else None
        if self.closed_second(number):
            events += [e for e in (got_fin, sent_fin, got_ack) if e]
        elif got_fin and got_ack:
            ack_first = self._ack_before_fin(number, taken, acknowledged)
            events += [e for e in (sent_fin, *((got_ack, got_fin) if ack_first else (got_fin, got_ack))) if e]
        else:
            events += [e for e in (sent_fin, got_ack, got_fin) if e]
        return events

    def _fin_left(self, number: int) -> int:
        """The first of the side's segments, in order of sending, that shows its FIN to have left: the FIN, or what stands behind it."""
        for i in self.sent(number):
            segment = self.log[i]
            if i in self.fins[number] or (not segment.flags & (SYN | RST) and segment.seq == self.fin_end[number]):
                return i
        return self.fins[number][0]

    def _got_fin(self, number: int, taken: int, cover: int) -> Happening | None:
        """When the side had the peer's FIN: proved by its own acknowledgement, near it at the FIN's own capture."""
        if cover >= 0:
            quick = self.fins[number] and not self.closed_second(number)
            if (
                taken >= 0
                and self.view.near[number]
                and not quick
                and not self.log[taken].marks & GAP
                and (not self.log[taken].flags & SYN)
            ):  # corrected: one on a SYN/ACK is taken when that is
                return (Event.GOT_FIN, taken, OBSERVED)
            return (Event.GOT_FIN, cover, OBSERVED)
        if taken >= 0:
            return (Event.GOT_FIN, taken, ASSUMED)
        return None

    def _ack_before_fin(self, number: int, taken: int, acknowledged: int) -> bool:
        """Whether the first ACK of the side's FIN came before the copy of the peer's FIN that it took: FIN_WAIT_2, not CLOSING."""
        log = self.log
        if taken == NOWHERE:
            return True
        if taken == acknowledged or self.covers(log[taken], number):
            return True
        if self.view.near[number]:
            return acknowledged < taken
        answer = log[self.first_cover(number)] if self.first_cover(number) >= 0 else None
        if answer is not None and self._without_socket(answer) and len(self.fins[1 - number]) == 1:
            return True
        if (
            answer is not None
            and answer.options & OPT_TIMESTAMPS
            and not answer.options & OPT_DSACK
            and all(log[i].options & OPT_TIMESTAMPS and ahead(answer.tsecr, log[i].tsval) < 0 for i in self.fins[1 - number])
        ):
            return True  # the FIN's own timestamp was not taken over: its acknowledgement number was old when it came
        order = self.sent(1 - number)
        return order.index(acknowledged) < order.index(taken)

    def _without_socket(self, answer: Segment) -> bool:
        """Whether IP ID 0 tells that only TIME_WAIT's remainder of a socket sent this, as Linux has it from FIN_WAIT_2 on."""
        return answer.ip_id == 0 and all(self.log[i].ip_id > 0 for i in self.fins[answer.side])

    def _own_closing(self) -> list[Happening]:
        """A self-connect's one FIN meets itself: FIN_WAIT_1, CLOSING, TIME_WAIT."""
        fins = self.fins[0]
        if not fins:
            return []
        events: list[Happening] = [(Event.SENT_FIN, fins[0], OBSERVED)]
        for i in self.indices[0]:
            segment = self.log[i]
            if i > fins[0] and segment.flags & ACK and ahead(segment.ack, self.fin_end[0]) >= 0:
                events += [(Event.GOT_FIN, i, OBSERVED), (Event.GOT_ACK_OF_FIN, i, OBSERVED)]
                break
        return events

    def _ending_is_unseen(self) -> bool:
        """Corrected: what was captured of one side only, or begins between the FINs, does not tell how it ended."""
        sides = self.connection.a, self.connection.b
        if self.connection.self_connect:
            return False
        silent = [number for number in (0, 1) if not sides[number].packets]
        if silent:
            number = 1 - silent[0]
            if self.fatal < 0:
                return sides[number].has_ack
            return bool(self.fins[number]) or not self.log[self.sent(number)[-1]].flags & RST
        hidden = [number for number in (0, 1) if not self.fins[number] and self.fins[1 - number] and self._may_hide_fin(number)]
        if hidden and (self.fatal < 0 or self.covered_before(self.fatal, 1 - hidden[0])):
            return True
        unheard = [number for number in (0, 1) if not (self.fins[number] or sides[number].payload_bytes or sides[number].syn_seen)]
        closers = [number for number in (0, 1) if self.fins[number]]
        if len(closers) == 2:
            return self.fatal < 0 and self._crossing_is_unseen()
        if len(closers) != 1:
            return len(unheard) == 2 and self.fatal < 0
        return unheard == [1 - closers[0]] and (self.fatal < 0 or self.covered_before(self.fatal, closers[0]))

    def _crossing_is_unseen(self) -> bool:
        """Corrected: that FINs crossed since one was lost is not told of a capture that lacks frames."""
        if min(self._covers) < 0 or self.closed_second(0) or self.closed_second(1):
            return False
        orders = self.sent(0), self.sent(1)
        lost = [n for n in (0, 1) if orders[n].index(self.first_cover(n)) <= orders[n].index(self.fins[n][0])]
        return any(self._lacks_frames(1 - number) for number in lost)

    def _lacks_frames(self, number: int) -> bool:
        """Corrected: by an acknowledgement of what is not there, an answer of TIME_WAIT's to the only one of its FIN, or IP IDs."""
        fins = [self.log[i].ip_id for i in self.fins[number]]
        answered = bool(self.log[self.covered[number]].flags & FIN) and min(fins) > 0 == self.log[self.first_cover(number)].ip_id
        behind = [beyond for i in self.indices[number] if (beyond := self.log[i].ip_id - fins[0]) > 0]
        skips = self.view.near[number] and fins[0] > 0 and min(behind, default=0) in (2, 3)
        return answered or skips or any(segment.marks & AHEAD for segment in self.log)

    def _may_hide_fin(self, number: int) -> bool:
        """Corrected: a gap at the end of a side's numbers may have held its FIN."""
        side, peer = self.connection.side(number), self.connection.side(1 - number)
        last = [segment for i in self.indices[number] if (segment := self.log[i]).seq == side.next_seq and not segment.flags & RST]
        return side.has_seq and (
            (peer.has_ack and ahead(peer.max_ack, side.next_seq) > 0)
            or any(hole[1] == side.next_seq for hole in (side.holes or [])[-1:])
            or any(segment.marks & GAP for segment in last)
            or any(self._is_reset_beyond(self.log[i], side.next_seq) for i in self.indices[number])
            or any(self.log[i].marks & AHEAD and self.log[i].ack == side.next_seq for i in self.indices[1 - number])
        )

    @staticmethod
    def _is_reset_beyond(segment: Segment, next_seq: int) -> bool:
        return segment.flags & (RST | ACK) == RST | ACK and 0 < ahead(segment.seq, next_seq) < 1 << 16

    def close(self) -> Close:
        """The FINs, for the findings."""
        acknowledged = tuple(any(self.covers(self.log[i], n) for i in self.indices[1 - n]) for n in (0, 1))
        second = (self.closed_second(0), self.closed_second(1))
        return Close(self.fins, (acknowledged[0], acknowledged[1]), second, (self.fin_taken(0), self.fin_taken(1)))

    # -- resets -----------------------------------------------------------------------------------------------------

    def _fatal_reset(self) -> int:
        """The RST that ended the connection; NOWHERE if none did. Late and unacceptable ones are not it."""
        for i in self.resets:
            if i == self.opening.refusal:
                return i
            if self.acceptable(i) and not self._ends_nothing(i) and not self._went_on(i) and not self.complete_before(i):
                return i
        return NOWHERE

    def _ends_nothing(self, index: int) -> bool:
        """An opener's answer to a segment that does not belong to its attempt (RFC 9293 3.10.7.3, figures 8 and 9): it goes on."""
        reset = self.log[index]
        sender = self.connection.side(reset.side)
        if reset.flags & ACK or not sender.syn_seen or sender.synack_seen:
            return False
        words = next((i for i in self.indices[reset.side] if self.log[i].flags & (SYN | RST | ACK) == ACK), NOWHERE)
        if 0 <= words < index:
            return False  # corrected: its attempt had succeeded
        if words >= 0 and any(i > index and self.log[i].flags & (SYN | ACK | RST) == SYN | ACK for i in self.indices[1 - reset.side]):
            return True  # corrected: it refused a SYN/ACK, and took the next
        return not 1 <= ahead(reset.seq, sender.isn) <= max(ahead(sender.next_seq, sender.isn), 1)

    def reset_marks(self) -> list[ResetMarks]:
        """Every RST with what its numbers say."""
        marks = []
        latest: tuple[dict[int, int], dict[int, int]] = ({}, {})  # by side: acknowledgement number -> log index
        for index, segment in enumerate(self.log):
            if segment.flags & RST and not segment.marks & (COPY | STRAY):
                late = index != self.fatal and self.complete_before(index)
                marks.append(
                    ResetMarks(
                        index,
                        acceptable=self.acceptable(index),
                        in_window=self._in_window(index),
                        late=late,
                        answers=latest[1 - segment.side].get(segment.seq, NOWHERE),
                        origin=self.origin(index),
                    )
                )
            elif segment.flags & ACK:
                latest[segment.side][segment.ack] = index
        return marks

    def acceptable(self, index: int) -> bool:
        """Whether a RST's numbers are such that its receiver obeys (RFC 9293 3.10.7, RFC 5961 3.2)."""
        reset = self.log[index]
        receiver, sender = self.connection.side(1 - reset.side), self.connection.side(reset.side)
        if self.connection.self_connect:
            return True
        heard = self._heard_before(index)
        if receiver.syn_seen and not heard and not receiver.synack_seen:
            return bool(reset.flags & ACK) and 1 <= ahead(reset.ack, receiver.isn) <= ahead(receiver.next_seq, receiver.isn)
        context = reset.context
        peer_ack = context.peer_ack if context is not None else -1
        near = self.view.near[1 - reset.side] and peer_ack >= 0
        if not sender.has_seq or (reset.seq in self.acks[1 - reset.side] and not (near and ahead(reset.seq, peer_ack) < 0)):
            return True
        if near and self.covered_before(index, 1 - reset.side) and self._in_window(index) and self._silent_after(index):
            return True  # tcp_timewait_state_process(): what is left of an orphan in FIN_WAIT_2 obeys any RST in its window
        own_next = context.own_next if context is not None and context.own_next >= 0 else sender.next_seq
        if context is not None and context.sacked_end >= 0 and reset.seq == context.sacked_end and self._may_sack():
            return True  # tcp_validate_incoming(): at the end of what was selectively acknowledged
        if peer_ack >= 0 and ahead(reset.seq, peer_ack) == -1 and self.covered_before(index, reset.side):
            return True  # tcp_reset_check(): at the number of the FIN that it follows
        least = peer_ack if peer_ack >= 0 else sender.isn if sender.syn_seen else reset.seq
        return ahead(reset.seq, least) >= 0 and ahead(reset.seq, own_next) <= 0

    def _silent_after(self, index: int) -> bool:
        """Whether the receiver of a RST sent nothing more: not even the challenge ACK that one at another number asks for."""
        receiver = self.connection.side(1 - self.log[index].side)
        return receiver.last_ns <= self.time(index) and not any(i > index for i in self.indices[receiver.number])

    def covered_before(self, index: int, number: int) -> bool:
        """Whether side `number`'s FIN had been acknowledged before this log index."""
        return 0 <= self.covered[number] < index

    def _in_window(self, index: int) -> bool:
        """Whether a RST lies in the window that its receiver had last offered."""
        reset = self.log[index]
        receiver = self.connection.side(1 - reset.side)
        if not receiver.has_ack:
            return False
        room = receiver.window << (max(receiver.window_scale, 0))
        return 0 <= ahead(reset.seq, receiver.max_ack) < max(room, 1)

    def _heard_before(self, index: int) -> bool:
        """Whether the receiver of a RST had left SYN_SENT: its peer had sent a SYN, or it acknowledged something."""
        side = self.log[index].side
        for i in self.indices[side]:
            if i >= index:
                break
            if self.log[i].flags & SYN:
                return True
        return next((i for i in self.indices[1 - side] if self.log[i].flags & (ACK | RST) == ACK), index) < index

    def _went_on(self, index: int) -> bool:
        """Whether both sides took no notice of a RST: it was forged, or meant for something else."""
        reset = self.log[index]
        late = reset.time_ns + self._grace_ns()
        connection = self.connection
        receiver, sender = connection.side(1 - reset.side), connection.side(reset.side)
        if sender.last_ns <= reset.time_ns:
            return False
        later = [self.log[i] for i in range(index + 1, len(self.log)) if not self.log[i].marks & (COPY | STRAY)]
        answered = [
            at
            for at, s in enumerate(later)
            if s.side == reset.side and not s.flags & RST and not s.marks & REPEAT and s.time_ns > reset.time_ns
            if (s.payload or s.flags & FIN) and ahead(s.end, reset.seq) > 0
        ][:1]
        if any(
            s.side != reset.side and s.flags & (ACK | RST) == ACK and ahead(s.ack, later[at].end) >= 0
            for at in answered
            for s in later[at:]
        ):
            return True  # corrected: its sender sent on, and its receiver acknowledged that
        if receiver.last_ns <= late:
            return False
        receiver_on = any(s.side != reset.side and not s.flags & RST and s.time_ns > late for s in later) or (
            not receiver.last_flags & RST and receiver.last_ns > late
        )
        sender_on = any(
            s.side == reset.side and not s.flags & RST and not s.marks & REPEAT and s.time_ns > reset.time_ns for s in later
        ) or (not sender.last_flags & RST and sender.last_ns > late)
        return receiver_on and sender_on

    def _grace_ns(self) -> int:
        """How long after a RST its far receiver may still be captured: one and a half round trips."""
        return self.view.round_trip_ns * 3 // 2 + 2_000_000

    def complete_before(self, index: int) -> bool:
        """Whether both FINs had been acknowledged before this RST: then it is late and ended nothing.

        One with ACK comes from a socket: what counts is whether that one knew its own FIN to be acknowledged.
        """
        reset = self.log[index]
        done = [self.covered_before(index, number) for number in (0, 1)]
        if all(done):
            return not reset.flags & ACK or self.connection.self_connect or self.sent_knowing(index, self.covered[reset.side])
        return bool(reset.flags & ACK) and done[reset.side] and self.covers(reset, 1 - reset.side) and bool(self.fins[reset.side])

    def reset_events(self, number: int) -> list[tuple[int, Happening]]:
        """(position, event) of the RSTs that touch this side. Position: log index after which it takes effect."""
        if self.fatal < 0:
            return []
        reset = self.log[self.fatal]
        if reset.side == number and self.origin(self.fatal) != BETWEEN:  # corrected: of a third's the named sender knows nothing
            return [(self.fatal, (Event.SENT_RST, self.fatal, OBSERVED))]
        own = self._own_abort(number) if reset.side != number else NOWHERE
        if own >= 0:
            return [(own, (Event.SENT_RST, own, OBSERVED))]
        arrived = self._arrived(number)
        return [(self._dies_at(number, arrived), (Event.GOT_RST, arrived, ASSUMED))] if arrived >= 0 else []

    def origin(self, index: int) -> int:
        """Corrected: who sent a RST, by the hops that it and its named sender's other segments have passed."""
        reset = self.log[index]
        others = [i for i in self.indices[reset.side] if not self.log[i].flags & RST and self.log[i].ttl]
        passed = {hops(self.log[i].ttl) for i in others}
        if self.connection.self_connect or not reset.ttl or len(passed) != 1 or hops(reset.ttl) in passed:
            return NAMED
        goes_on = any(i > index and self.time(i) > reset.time_ns for i in others)
        return BETWEEN if goes_on or hops(reset.ttl) < min(passed) else UNTOLD

    def _arrived(self, number: int) -> int:
        """Corrected: the first RST, from the fatal one on, behind which the side sends neither data nor FIN."""
        lost = 0
        for i in self.resets:
            if i < self.fatal or self.log[i].side == number or (i != self.fatal and not self.acceptable(i)):
                continue
            late = self.time(i) + self._grace_ns() + RESENT_NS
            later = [
                self.log[at]
                for at in self.indices[number]
                if at > i and self.time(at) > late and not self.log[at].flags & RST and (self.log[at].payload or self.log[at].flags & FIN)
            ]
            if not later:
                return i if lost < 2 else NOWHERE
            lost += any(segment.marks & REPEAT for segment in later)
        return NOWHERE

    def _own_abort(self, number: int) -> int:
        """A RST with ACK behind the peer's: only a socket that did not know of that one sends it, by its own abort."""
        if self.view.near[number] or self.fatal == self.opening.refusal:
            return NOWHERE
        late = self.time(self.fatal) + self._grace_ns()
        for i in self.resets:
            reset = self.log[i]
            if i > self.fatal and reset.side == number and reset.flags & ACK and reset.time_ns <= late:
                return i
        return NOWHERE

    def _dies_at(self, number: int, arrived: int) -> int:
        """Position of the last segment that the receiver of the RST sent without knowing it."""
        if self.view.near[number]:
            return arrived
        late = self.time(arrived) + self._grace_ns()
        position = arrived
        for i in self.indices[number]:
            if i > arrived and self.log[i].time_ns <= late and not self.log[i].flags & RST:
                position = i
        return position
