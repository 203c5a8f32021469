"""A server closes idle connections just as the client uses them again: its request crosses the FIN and is lost.

Shows: the server closes first after the same idle time again and again, and in some connections a request that came after such a pause
is answered with a RST, since the server had closed already.

Look-alikes: a server that answers and closes while the client still sends has made no pause; a server whose idle times differ closes for
another reason; a box that forgets (`idle-timeout`) sends no FIN.

Do: let the client give up idle connections before the server does (`server_idle_close_s`), or let the server keep them longer than any
client; a request that may be sent twice should be sent again on a new connection.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Cause, Role, numbers

AFTER_CLOSE, SERVER = numbers(Cause)["data-after-close"], numbers(Role)["server"]
ENOUGH = 3  # times that the server closed after the same idle time
SPREAD, LEAST_SPREAD_NS = 0.1, SECOND_NS // 2  # so far apart idle times may be that count as the same


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service, the requests that crossed its server's FIN."""
    by, left = evidence.small(column.RESET_BY), evidence.wide(column.CLIENT_UNACKNOWLEDGED)
    survived_ns, resets_ns = evidence.wide(column.SURVIVED), evidence.wide(column.RESET_AT)
    crossed = [row for row in evidence.free_with(column.RESET_CAUSE, AFTER_CLOSE) if by[row] == SERVER and left[row] > 0]
    for service, rows in evidence.by_service(crossed).items():
        accounts = evidence.accounts_of(service)
        least_ns = min(account.idle_close_least_ns for account in accounts)
        most_ns = max(account.idle_close_most_ns for account in accounts)
        spread_ns = max(round(SPREAD * most_ns), LEAST_SPREAD_NS)
        raced = [row for row in rows if least_ns - spread_ns <= survived_ns[row] <= most_ns + spread_ns]
        closes = sum(account.idle_closes for account in accounts)
        if closes < ENOUGH or most_ns - least_ns > spread_ns or not raced:
            continue
        yield evidence.found_at(
            service,
            Code.KEEP_ALIVE_RACE,
            Gravity.PROBLEM,
            "high" if len(raced) > 1 else "medium",
            raced,
            span_ns=(min(resets_ns[row] for row in raced), max(resets_ns[row] for row in raced)),
            details={"server_idle_close_s": round(least_ns / 1e9, 3)},
            evidence=[f"the server closed {closes:,} connections {least_ns / 1e9:.2f} to {most_ns / 1e9:.2f} s after the last data"],
            explanation=f"The server closes connections that were idle for {least_ns / 1e9:.2f} s; requests cross its FIN and are lost.",
        )
