"""A NAT or a balancer has a limited number of flows: SYNs beyond it go unanswered.

Shows: SYNs to a service go unanswered exactly while so many connections are open or were closed so shortly before; when old ones have
been closed for long enough, new ones get through.

Look-alikes: a server that stops answering (nothing gets through afterwards, or SYNs fail in one stretch of time); loss (it strikes at
any number of connections); a listener whose queue is full (`accept-queue-full`). Flows from before the capture are held as well, unseen:
then the number is not exact. Nor is it where the capture lost frames, and closes among them.

Do: give the NAT more ports or addresses for this destination, reuse connections, or let closed flows be held for a shorter time.
The port tables of cloud NATs (SNAT ports for each instance) are such limits.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tcptrace_py.facts.table import MISSING
from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.accounts import Account
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.findings.occupancy import ANY_PORT, Held
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.endpoints import service
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Outcome, numbers

COMPLETED, IN_PROGRESS = numbers(Outcome)["completed"], numbers(Outcome)["in-progress"]
FEWEST_FAILED, FEWEST_OPENED = 10, 20
FEWEST_AMONG = 10  # that failed before the last one that got through, and that got through behind the first one that failed
FEWEST_RUNS = 3  # of SYNs that fail one behind the other: an outage is one, and some hold and limit fit its begin and end
FEWEST_LOSSY, LOSSY = 3, "; the capture lost frames, so that closes are missing and both numbers may be too large"
BEFORE = "; flows from before the capture may have been held as well"
LONGEST_S = 300  # that a closed flow is held
STEP_NS = SECOND_NS // 2
LATE_NS = 2 * SECOND_NS  # behind the hold, closed flows are let go within so long
MOST_FLOWS = 1 << 12  # of more no limit is looked for: each hold is tried against all of them
MISFITS = 0.02  # of the SYNs may contradict
SMALLEST = 8
PRECISE = 0.2  # a time that is known no better than this part of itself makes the finding unsure


class Flows(NamedTuple):
    """When connections of an account were opened and closed, and when SYNs went unanswered: each ascending, ns."""

    opened: list[int]
    closed: list[int]
    failed: list[int]

    def at(self, moment_ns: int, hold_ns: int) -> int:
        """How many flows there are just before a moment, each held for so long behind its close."""
        return bisect_left(self.opened, moment_ns) - bisect_left(self.closed, moment_ns - hold_ns)

    def since(self, moment_ns: int) -> "Flows":
        """Those SYNs that were sent later."""
        opened, failed = bisect_left(self.opened, moment_ns), bisect_left(self.failed, moment_ns)
        return Flows(self.opened[opened:], self.closed, self.failed[failed:])


class Limit(NamedTuple):
    """A limit that fits: how many SYNs contradict it, the number, and the shortest and longest hold."""

    misfits: int
    size: int
    least_ns: int
    most_ns: int

    @property
    def hold_s(self) -> float:
        """How long a closed flow is held; 0 where nothing shows that it is held at all."""
        return (self.least_ns + self.most_ns) / 2 / SECOND_NS if self.most_ns > LATE_NS else 0.0


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each client and service."""
    outcomes, repeats = evidence.small(column.OUTCOME), evidence.narrow(column.SYN_REPEATS)
    failed = evidence.by_account(evidence.syns_in_vain())
    asked = [
        account
        for rows in failed.values()
        if FEWEST_FAILED <= len(rows) <= MOST_FLOWS and (account := evidence.account(rows[0])).connections - len(rows) >= FEWEST_OPENED
    ]
    if not asked or evidence.held is None:
        return
    wanted = {account.name for account in asked}
    numbers_of = {evidence.narrow(column.ACCOUNT)[rows[0]] for name, rows in failed.items() if name in wanted}
    rows_of = evidence.by_account(row for row, number in enumerate(evidence.narrow(column.ACCOUNT)) if number in numbers_of)
    ports = _ports(evidence.held, asked)
    for account in asked:
        flows = _flows(evidence, account, rows_of[account.name], ports[account.number])
        limit = _limit(flows) if _is_mixed(flows) else None
        began_before = limit is None and _is_mixed(flows)
        if began_before:
            limit = _limit(flows, evidence.capture.start_ns)
        if limit is None:
            continue
        late = [row for row in rows_of[account.name] if not evidence.claimed[row] and outcomes[row] == COMPLETED and repeats[row]]
        lossy = evidence.lossy >= FEWEST_LOSSY
        while_ = "while about" if began_before or lossy else "exactly while"
        too = (BEFORE if began_before else "") + (LOSSY if lossy else "")
        sure = not began_before and not lossy and limit.most_ns - limit.least_ns <= PRECISE * limit.most_ns
        yield evidence.found(
            Code.FLOW_LIMIT, Gravity.PROBLEM, "high" if sure else "medium", sorted([*failed[account.name], *late]), of=account.connections,
            client=account.client.name, server=account.server.name, server_port=account.port,
            details={"limit": limit.size, "hold_s": limit.hold_s},
            evidence=[f"of {len(flows.failed)} SYNs that failed and {len(flows.opened)} that got through, {limit.misfits} contradict{too}"],
            explanation=f"SYNs to {service(account.server.name, account.port)} go unanswered {while_} {limit.size} connections are "
                        f"open{_or_closed(limit, sure=sure)}: something on the way has room for no more.")  # fmt: skip


class Ports(NamedTuple):
    """Begins and ends of an account's ports (time in ns, account, port), in order of time, and which ends are a TIME_WAIT's."""

    begins: list[tuple[int, int, int]]
    ends: list[tuple[int, int, int]]
    stays: set[int]


def _or_closed(limit: Limit, *, sure: bool) -> str:
    """That closed connections count as well, and for how long, as far as that is known."""
    if not limit.hold_s:
        return ""
    least_s, most_s = limit.least_ns / SECOND_NS, limit.most_ns / SECOND_NS
    return f" or were closed less than {f'{limit.hold_s:.3g}' if sure else f'{least_s:.3g} to {most_s:.3g}'} s ago"


def _ports(held: Held, accounts: Sequence[Account]) -> dict[int, Ports]:
    """The ports of accounts, by their numbers."""
    found = {account.number: Ports([], [], set()) for account in accounts}
    begins, ends = held.of(set(found))
    for taken in begins:
        found[taken[1]].begins.append(taken)
    for free in ends:
        found[free[1]].ends.append(free)
    kinds = {account.client_stay_kind: account.number for account in accounts if account.client_stay_kind >= 0}
    for kind, time_ns in held.ends_of(set(kinds)):
        found[kinds[kind]].stays.add(time_ns)
    return found


def _flows(evidence: Evidence, account: Account, rows: Sequence[int], held: Ports) -> Flows:
    """What happened, from the ports that were held: a TIME_WAIT at the client begins at the close."""
    outcomes, starts, ports = evidence.small(column.OUTCOME), evidence.wide(column.START), evidence.narrow(column.CLIENT_PORT)
    took_ns, repeats = evidence.wide(column.HANDSHAKE), evidence.narrow(column.SYN_REPEATS)
    failed, in_flight, late = set(), set(), dict[tuple[int, int], int]()
    for row in rows:
        if evidence.is_syn_in_vain(row):
            failed.add((starts[row], ports[row]))
        elif outcomes[row] == COMPLETED and repeats[row] and took_ns[row] != MISSING:
            late[starts[row], ports[row]] = starts[row] + took_ns[row]
        elif outcomes[row] == IN_PROGRESS:
            in_flight.add((starts[row], ports[row]))
    opened, closed, unanswered = [], [], []
    for begin_ns, end_ns, port in _intervals(held.begins, held.ends):
        if (begin_ns, port) in in_flight:
            continue
        if (begin_ns, port) in failed:
            unanswered.append(begin_ns)
            continue
        if (begin_ns, port) in late:
            unanswered.append(begin_ns)
        opened.append(late.get((begin_ns, port), begin_ns))
        if end_ns != NEVER_NS:
            closed.append(end_ns - account.client_wait_ns if end_ns in held.stays else end_ns)
    return Flows(sorted(opened), sorted(closed), sorted(unanswered))


def _intervals(begins: list[tuple[int, int, int]], ends: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """From when until when a port was taken; an end without a port, and a begin at the same moment, tell that it goes on."""
    ends_of: dict[int, list[int]] = {}
    for end_ns, _, port in reversed(ends):
        ends_of.setdefault(port, []).append(end_ns)
    for begin_ns, _, port in begins:
        if port == ANY_PORT:
            continue
        left = ends_of.get(port, [])
        while left and left[-1] <= begin_ns:
            left.pop()
        yield begin_ns, left.pop() if left else NEVER_NS, port


def _is_mixed(flows: Flows, fewest: int = FEWEST_OPENED) -> bool:
    """Whether SYNs fail and get through by turns, so many: else something stopped answering for good."""
    if len(flows.failed) < FEWEST_FAILED or not fewest <= len(flows.opened) <= MOST_FLOWS or len(flows.failed) > MOST_FLOWS:
        return False
    attempts = sorted([*((time_ns, False) for time_ns in flows.opened), *((time_ns, True) for time_ns in flows.failed)])
    if sum(failed and not before for (_, before), (_, failed) in pairwise([(0, False), *attempts])) < FEWEST_RUNS:
        return False
    behind = len(flows.opened) - bisect_left(flows.opened, flows.failed[0])
    before = bisect_left(flows.failed, flows.opened[-1])
    return behind >= FEWEST_AMONG and before >= FEWEST_AMONG


def _limit(flows: Flows, start_ns: int | None = None) -> Limit | None:
    """The limit that the fewest SYNs contradict, with all holds that fit as well; None where too many contradict each.

    What is closed is let go within LATE_NS behind its hold: one that got through had room at the latest, one that failed had none
    at the earliest. `start_ns`: when the capture began, if there may have been flows before: one that failed before those were
    let go contradicts nothing, and SYNs must have failed and got through by turns behind that as well.
    """
    best: Limit | None = None
    span_ns = max(flows.opened[-1], flows.failed[-1]) - min(flows.opened[0], flows.failed[0])  # a hold that is longer never ends in it
    for step in range(min(LONGEST_S * SECOND_NS, span_ns) // STEP_NS + 1):
        hold_ns = step * STEP_NS
        room = sorted(flows.at(moment, hold_ns) for moment in flows.opened)
        failed = flows.failed
        if start_ns is not None:
            behind = flows.since(start_ns + hold_ns + LATE_NS)
            if not _is_mixed(behind, FEWEST_FAILED):
                break
            failed = behind.failed
        full = sorted(flows.at(moment, hold_ns + LATE_NS) for moment in failed)
        for most in (room[-1], room[len(room) * 99 // 100]):
            misfits = bisect_left(full, most + 1) + len(room) - bisect_left(room, most + 1)
            if best is None or misfits < best.misfits:
                best = Limit(misfits, most + 1, hold_ns, hold_ns + LATE_NS)
            elif misfits == best.misfits and most + 1 == best.size:
                best = best._replace(most_ns=hold_ns + LATE_NS)
    if best is None or best.size < SMALLEST or best.misfits > MISFITS * (len(flows.failed) + len(flows.opened)):
        return None
    return best
