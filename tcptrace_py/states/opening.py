"""How a connection was opened: the handshake's segments, and what each side learnt of them (RFC 9293 3.5, 3.10.7)."""

from tcptrace_py.model.live import COPY, Segment
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.model.seq import MASK, ahead
from tcptrace_py.model.verdict import ASSUMED, NOWHERE, OBSERVED, Opening

from .evidence import Evidence, Half, Happening, happened
from .machine import GOT_ACK_OF_SYN, GOT_RST, GOT_SYN_ACK, SENT_SYN, SENT_SYN_ACK


def find_opening(evidence: Evidence) -> Opening:
    """The handshake: its segments as the client sent and answered them."""
    opening, log, client = Opening(), evidence.log, evidence.client
    caller, callee = evidence.half(client), evidence.half(1 - client)
    syns = evidence.all_with(caller.syns, SYN, SYN | ACK | RST | FIN)
    own_answers = evidence.all_with(caller.syns, SYN | ACK, SYN | ACK | RST)
    if evidence.self_connect:
        answers, theirs = own_answers, syns
    else:
        answers = evidence.all_with(callee.syns, SYN | ACK, SYN | ACK | RST)
        theirs = evidence.all_with(callee.syns, SYN, SYN | ACK | RST | FIN)
    opening.simultaneous = evidence.self_connect or (len(syns) > 0 and (len(theirs) > 0 or len(own_answers) > 0))
    if syns:
        opening.first_syn = syns[0]
        good = _answers_of(log, syns, answers)
        if good or not answers:
            answers = good
    if not answers and opening.simultaneous and own_answers:
        opening.synack = own_answers[0]
        opening.synack_repeats = len(own_answers) - 1
    elif answers:
        opening.synack = _answer_that_counts(evidence, answers)
        number = log[opening.synack].seq
        for index in answers:  # with another number it is a new answer: its listener had forgotten the one before
            opening.synack_repeats += index != opening.synack and log[index].seq == number
    if opening.synack >= 0:
        synack = log[opening.synack]
        opening.last_syn = _last_until(log, syns, synack.time_ns)
        opening.fast_open = synack.side != client and _accepts_data(log, syns, synack)
        opening.ack = _ack_of_synack(evidence, opening)
        opening.ack_of = _last_synack_before(log, opening)
    else:
        opening.refusal = _refusal(evidence, callee, syns)
    before = 0
    for i in syns:
        if opening.ack < 0 or i < opening.ack or evidence.self_connect:
            before += 1
    opening.syn_repeats = max(before - 1, 0)
    return opening


def _answers_of(log: list[Segment], syns: list[int], answers: list[int]) -> list[int]:
    """SYN/ACKs that acknowledge the SYN, with or without what it carried (RFC 7413): RFC 9293 3.10.7.3."""
    first = log[syns[0]]
    isn, end, most = first.seq, first.end, 0
    for i in syns:
        syn = log[i]
        most = max(most, syn.payload)
    good: list[int] = []
    for i in answers:
        synack = log[i]
        if ahead(synack.ack, isn) >= 1 and ahead(synack.ack, end) <= most:
            good.append(i)
    return good


def _answer_that_counts(evidence: Evidence, answers: list[int]) -> int:
    """The first SYN/ACK with the number that was taken; where it answered anew with another (SYN cookies), an earlier one was not."""
    for i in answers:
        synack = evidence.log[i]
        side = evidence.connection.side(synack.side)
        if synack.seq == side.isn:
            return i
    return answers[0]


def _last_until(log: list[Segment], syns: list[int], time_ns: int) -> int:
    last = NOWHERE
    for i in syns:
        syn = log[i]
        if syn.time_ns <= time_ns:
            last = i
    return last


def _accepts_data(log: list[Segment], syns: list[int], synack: Segment) -> bool:
    """Whether a SYN/ACK acknowledges more than a SYN: data in it, so TCP Fast Open (RFC 7413 4.1.2)."""
    for i in syns:
        syn = log[i]
        if syn.payload and ahead(synack.ack, (syn.seq + 1) & MASK) > 0:
            return True
    return False


def _ack_of_synack(evidence: Evidence, opening: Opening) -> int:
    log = evidence.log
    synack = log[opening.synack]
    want = (synack.seq + 1) & MASK
    caller = evidence.half(synack.side if evidence.self_connect else 1 - synack.side)
    for i in caller.sent:
        segment = log[i]
        if (
            i == opening.synack
            or not segment.flags & ACK
            or segment.flags & RST
            or ahead(segment.ack, want) < 0
            or (_is_refused(evidence, segment))
        ):
            continue
        if segment.flags & SYN and (evidence.self_connect or caller.number != evidence.client):
            continue  # a SYN/ACK is an answer only where both called
        return i
    return NOWHERE


def _last_synack_before(log: list[Segment], opening: Opening) -> int:
    first, last = log[opening.synack], opening.synack
    for i in range(opening.synack, opening.ack):
        segment = log[i]
        if segment.side == first.side and segment.flags == first.flags and segment.seq == first.seq and not segment.marks & COPY:
            last = i
    return last


def _refusal(evidence: Evidence, callee: Half, syns: list[int]) -> int:
    """RST that answers the SYN: it must acknowledge it (RFC 9293 3.10.7.3)."""
    for i in callee.indices:
        reset = evidence.log[i]
        if reset.flags & (RST | ACK) == RST | ACK:
            for at in syns:
                syn = evidence.log[at]
                if reset.ack == (syn.seq + 1) & MASK or reset.ack == syn.end:
                    return i
    return NOWHERE


def opening_events(evidence: Evidence, number: int) -> list[Happening]:
    """Machine events of one side's opening, in order."""
    log, opening, mine = evidence.log, evidence.opening, evidence.half(number)
    syn = evidence.first_with(mine.syns, SYN, SYN | ACK | RST | FIN)
    synack = evidence.first_with(mine.syns, SYN | ACK, SYN | ACK | RST)
    answered_by = -1
    if opening.synack >= 0:
        segment = log[opening.synack]
        answered_by = segment.side
    events: list[Happening] = []
    if syn >= 0 and syn > opening.synack >= 0 and answered_by != number:
        events.append(happened(SENT_SYN, opening.synack, ASSUMED))  # captured behind what it began: its answer shows it better
    elif syn >= 0:
        events.append(happened(SENT_SYN, syn, OBSERVED))
    if synack >= 0:
        events.append(happened(SENT_SYN_ACK, synack, OBSERVED))
    if syn < 0 and synack < 0:
        if answered_by >= 0 and answered_by != number and opening.ack >= 0:
            events.append(happened(GOT_SYN_ACK, opening.ack, OBSERVED))
    elif evidence.self_connect:
        if opening.ack >= 0:
            events.append(happened(GOT_SYN_ACK, opening.ack, OBSERVED))
        elif opening.synack >= 0:
            events.append(happened(GOT_SYN_ACK, opening.synack, ASSUMED))
        elif (index := _first_knowing(evidence, mine, syn, NOWHERE)) >= 0:
            events.append(happened(GOT_SYN_ACK, index, OBSERVED))
    elif synack < 0:
        index = _first_knowing(evidence, mine, syn, opening.synack if answered_by != number else NOWHERE)
        if index >= 0:
            events.append(happened(GOT_SYN_ACK, index, OBSERVED))
        elif opening.refusal >= 0:
            segment = log[opening.refusal]
            if segment.side != number:
                events.append(happened(GOT_RST, opening.refusal, ASSUMED))
    else:
        if answered_by == number:
            synack = opening.synack  # answered anew with another number, as with SYN cookies: the one that was taken
        arrival = _syn_acknowledged(evidence, mine, synack, syn >= 0)
        if arrival is not None:
            events.append(arrival)
    return events


def _first_knowing(evidence: Evidence, mine: Half, syn: int, synack: int) -> int:
    """The first segment of an opener that acknowledges the peer's SYN: it had the SYN/ACK by then."""
    want = 0
    if synack >= 0:
        segment = evidence.log[synack]
        want = (segment.seq + 1) & MASK
    for i in mine.sent:
        segment = evidence.log[i]
        if i == syn or segment.flags & (SYN | RST) or not segment.flags & ACK:
            continue
        if synack < 0 or (ahead(segment.ack, want) >= 0 and not _is_refused(evidence, segment)):
            return i
    return NOWHERE


def _is_refused(evidence: Evidence, answer: Segment) -> bool:
    """Whether an opener's ACK is for another SYN/ACK than was captured, and met a RST (RFC 9293 3.10.7.4, fifth: SYN-RECEIVED).

    It is the first that the opener sends, acknowledges what its peer never sent, and the RST stands at that very number.
    """
    sender, peer = evidence.connection.side(answer.side), evidence.connection.side(1 - answer.side)
    if not sender.syn_seen or peer.spoke or ahead(answer.ack, peer.next_seq) <= 0 or answer.seq != (sender.isn + 1) & MASK:
        return False
    for i in evidence.resets:
        reset = evidence.log[i]
        if reset.side != answer.side and reset.flags & ACK == 0 and reset.seq == answer.ack:
            return True
    return False


def _syn_acknowledged(evidence: Evidence, mine: Half, synack: int, active: bool) -> Happening | None:
    """When the side that sent a SYN/ACK learnt that it had arrived: it leaves SYN_RECEIVED (RFC 9293 3.10.7.4, fifth).

    A side that speaks had it before. Of one that does not, the ACK is taken to have arrived, unless the SYN/ACK is sent
    again later than a round trip: then it was lost, or the listener had no room for the connection.
    """
    log, peer = evidence.log, evidence.half(1 - mine.number)
    segment = log[synack]
    want = (segment.seq + 1) & MASK
    peer_acks: list[int] = []
    for i in peer.indices:
        segment = log[i]
        if (
            segment.flags & ACK
            and not segment.flags & RST
            and (active or not segment.flags & SYN)
            and (ahead(segment.ack, want) >= 0 and not _is_refused(evidence, segment))
        ):
            peer_acks.append(i)
    first = NOWHERE
    if peer_acks:
        first = peer_acks[0]
    spoke = _first_words(evidence, mine, first if first >= 0 and not active else len(log), first)
    repeats = [i for i in evidence.all_with(mine.syns, SYN | ACK, SYN | ACK | RST) if i != synack]
    if spoke >= 0 and evidence.opening.fast_open and not active:
        return _assumed(first)  # with data in the SYN accepted it may speak, and close, before
    if spoke >= 0:
        arrival = _before_words(evidence, peer_acks, repeats, spoke)
        return _assumed(arrival) if arrival >= 0 else happened(GOT_ACK_OF_SYN, spoke, OBSERVED)
    if first < 0 or evidence.refuses_at(mine, first):
        return None  # answered without a socket: it never left SYN_RECEIVED
    count, last = 0, NOWHERE
    for i in repeats:
        if i > first and evidence.not_crossing(first, i):
            count += 1
            last = i
    if not count:
        return _assumed(first)
    if mine.near or count > 1 or _sends_data(evidence, peer):
        return None  # the listener has no room for it: its accept queue is full
    for i in peer_acks:
        if i > last:
            return _assumed(i)
    return None


def _assumed(index: int) -> Happening | None:
    return happened(GOT_ACK_OF_SYN, index, ASSUMED) if index >= 0 else None


def _before_words(evidence: Evidence, peer_acks: list[int], repeats: list[int], spoke: int) -> int:
    """The first ACK before a side's own words behind which it did not repeat its SYN/ACK; else the first before them."""
    first = NOWHERE
    for i in peer_acks:
        if i >= spoke:
            break
        if first < 0:
            first = i
        repeated = False
        for again in repeats:
            if i < again < spoke and evidence.not_crossing(i, again):
                repeated = True
                break
        if not repeated:
            return i
    return first


def _first_words(evidence: Evidence, mine: Half, acknowledged: int, first_ack: int) -> int:
    """A side's first segment that a socket of its own sent: neither SYN nor RST, nor the RST that a listener answers with.

    A listener's request is reset by a RST without ACK, or silently dropped; what waits for accept() is aborted, RST and ACK.
    """
    words = _words_behind(evidence, mine, first_ack)
    if words >= 0:
        return words
    for i in mine.indices:
        segment = evidence.log[i]
        if segment.flags & RST and i > acknowledged:
            return i if segment.flags & ACK else NOWHERE
    return NOWHERE


def _words_behind(evidence: Evidence, mine: Half, first_ack: int) -> int:
    """A side's first segment but SYNs, RSTs and, before it was first acknowledged, challenges.

    A pure ACK of nothing but the SYN, behind a SYN that came again, is what SYN_RECEIVED has for it (RFC 9293 3.10.7.4, fourth).
    """
    peer = evidence.half(1 - mine.number)
    opener = evidence.connection.side(peer.number)
    for i in mine.indices:
        segment = evidence.log[i]
        if segment.flags & (SYN | RST):
            continue
        if (
            segment.payload
            or segment.flags & FIN
            or 0 <= first_ack < i
            or not opener.syn_seen
            or (segment.ack != (opener.isn + 1) & MASK)
            or not _is_sent_again(evidence, peer, i)
        ):
            return i
    return NOWHERE


def _is_sent_again(evidence: Evidence, opener: Half, before: int) -> bool:
    """Whether an opener sent its SYN again before a log index, and nothing else."""
    count = 0
    for i in opener.indices:
        segment = evidence.log[i]
        if i < before and segment.flags & SYN:
            count += 1
        elif i < before:
            return False
    return count > 1


def _sends_data(evidence: Evidence, peer: Half) -> bool:
    """Whether a side sent data behind the handshake (asked where the other never answered any)."""
    for i in peer.indices:
        segment = evidence.log[i]
        if segment.payload and not segment.flags & SYN:
            return True
    return False
