"""Connections that were idle for too long no longer work: something forgot them.

Shows: every pause up to some length was survived, and after every longer one the next request was answered with a RST, or sent again
and again without any answer. The first is a limit of the server's or of a box that says so, the second a box that only drops.

Look-alikes: who closes an idle connection with a FIN, or with a RST before anything is asked, breaks nothing; a server that was
started again loses all connections at one moment, whatever their pauses (then longer pauses are survived, or all that were fatal
share that moment: the confidence falls); connections that die without a pause as well die of something else; a lost segment is
answered once it is sent again.

Do: send keep-alives, or close idle connections, after less than the time that is survived (`survived_s`), at the side that asks; or
raise the limit of the box or server (`fatal_s` is above it). `by` says who forgot: `between` is no one of the two.
"""

from collections.abc import Iterator, Sequence

from tcptrace_py.facts.table import MISSING
from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.accounts import Account
from tcptrace_py.findings.evidence import Evidence, Looked
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Cause, Pattern, Role, numbers

RST = numbers(Pattern)["rst"]
ROLES = tuple(map(str, Role))
CLIENT, SERVER, BETWEEN = (numbers(Role)[name] for name in ("client", "server", "between"))
UNREAD = numbers(Cause)["abort-unread-data"]
PAUSE_NS = SECOND_NS  # nobody forgets sooner
FATAL = 3  # connections that died so: fewer may be chance
RARELY = 4  # times rarer connections must die like that without a pause: else pauses have nothing to do with it
NEAR = 2  # a pause half as long as the fatal one was survived: the limit is bracketed


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service, else for each client of it: a limit between the pauses that are survived and those that are fatal."""
    for service, rows in evidence.by_service(_dead(evidence)).items():
        accounts = evidence.accounts_of(service)
        found = _limit(evidence, rows, accounts, None)
        if found is not None:
            yield found
            continue
        for name, own in evidence.by_account(rows).items():  # what is between may be on the way of one client only
            account = evidence.accounts.look_up(name)
            found = _limit(evidence, own, [account], account.client.name) if len(accounts) > 1 else None
            if found is not None:
                yield found


def _dead(evidence: Evidence) -> Iterator[int]:
    """Rows that did not work any more after a pause, however short: what was asked then was not acknowledged."""
    idle_ns = evidence.wide(column.FINAL_IDLE)
    fins = evidence.wide(column.CLIENT_FIN), evidence.wide(column.SERVER_FIN)
    midstream, survived_ns = evidence.small(column.MIDSTREAM), evidence.wide(column.SURVIVED)
    for row in sorted({*evidence.free_above_0(column.CLIENT_UNACKNOWLEDGED), *evidence.free_above_0(column.SERVER_UNACKNOWLEDGED)}):
        if midstream[row] and survived_ns[row] == MISSING:
            continue  # its pause began before the capture
        if idle_ns[row] < 0 or any(fin_ns[row] != MISSING for fin_ns in fins):
            continue
        if _is_refused(evidence, row) or any(evidence.stands_still(row, number) for number in range(2)):
            yield row


def _is_refused(evidence: Evidence, row: int) -> bool:
    """Whether a RST answered who asked; one of his own only says that he gave up, one for unread data that somebody was there."""
    asker = CLIENT if evidence.wide(column.CLIENT_UNACKNOWLEDGED)[row] > 0 else SERVER
    return (
        evidence.small(column.PATTERN)[row] == RST
        and evidence.small(column.RESET_BY)[row] != asker
        and evidence.small(column.RESET_CAUSE)[row] != UNREAD
    )


def _limit(evidence: Evidence, rows: Sequence[int], accounts: Looked | Sequence[Account], client: str | None) -> Finding | None:
    """The finding, if a limit explains all that is known of these accounts."""
    idle_ns, server = evidence.wide(column.FINAL_IDLE), next(iter(accounts))
    every, rows = rows, [row for row in rows if idle_ns[row] >= PAUSE_NS]
    if len(rows) < FATAL or (len(every) - len(rows)) * RARELY > len(rows):
        return None
    survived_ns, fatal_ns = max(account.survived_ns for account in accounts), min(idle_ns[row] for row in rows)
    if survived_ns >= fatal_ns:
        return None
    bracketed, apart = survived_ns * NEAR >= fatal_ns, not _share_a_moment(evidence, rows)
    if not bracketed and not apart:
        return None
    reset = [row for row in rows if _is_refused(evidence, row)]
    at_ns = [evidence.wide(column.RESET_AT)[row] if row in reset else evidence.wide(column.END)[row] for row in rows]
    of = sum(account.connections for account in accounts)
    by = _by(evidence, rows, reset, sum(account.answered for account in accounts))
    ended = [f"{len(reset)} were answered with a RST"] if reset else []
    if len(rows) > len(reset):
        ended.append(f"{len(rows) - len(reset)} were never answered again, though data was sent again")
    return evidence.found(
        Code.IDLE_TIMEOUT,
        Gravity.PROBLEM,
        "high" if bracketed and apart else "medium",
        rows,
        of=of,
        client=client,
        server=server.server.name,
        server_port=server.port,
        span_ns=(min(at_ns), max(at_ns)),
        details={"survived_s": round(survived_ns / 1e9, 3), "fatal_s": round(fatal_ns / 1e9, 3), "by": by},
        evidence=[
            f"after pauses of {fatal_ns / 1e9:.2f} to {max(idle_ns[row] for row in rows) / 1e9:.2f} s, {' and '.join(ended)}",
            f"the longest pause that was survived is {survived_ns / 1e9:.2f} s",
        ],
        explanation=f"Pauses of up to {survived_ns / 1e9:.2f} s are survived, from {fatal_ns / 1e9:.2f} s on the connection is dead: "
        + {
            "between": "something between the two ends forgot it.",
            "server": "the server forgot it.",
            "client": "the client forgot it.",
        }.get(by or "", "one of the two, or something between them, forgot it."),
    )


def _share_a_moment(evidence: Evidence, rows: Sequence[int]) -> bool:
    """Whether all these pauses lie around one moment, at which one event may have ended them all."""
    idle_ns, ends_ns, dead_ns = evidence.wide(column.FINAL_IDLE), evidence.wide(column.RESET_AT), evidence.wide(column.END)
    until_ns = []
    for row in rows:
        silent_ns = max(evidence.wide(column.CLIENT_UNANSWERED_NS)[row], evidence.wide(column.SERVER_UNANSWERED_NS)[row])
        until_ns.append(ends_ns[row] if _is_refused(evidence, row) else dead_ns[row] - silent_ns)
    return max(end_ns - idle_ns[row] for row, end_ns in zip(rows, until_ns, strict=True)) <= min(until_ns)


def _by(evidence: Evidence, rows: Sequence[int], reset: Sequence[int], answered: int) -> str | None:
    """Who forgot them, as far as that is told: who sent the RSTs, or nobody of the two where there is silence and the server lives."""
    who = {evidence.small(column.RESET_BY)[row] for row in reset}
    if len(reset) < len(rows):
        who.add(BETWEEN if answered > len(rows) else -1)
    (only, *others) = who
    return None if others or only < 0 or ROLES[only] not in ("client", "server", "between") else ROLES[only]
