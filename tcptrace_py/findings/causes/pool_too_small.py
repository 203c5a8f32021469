"""A client keeps fewer connections than it uses at once, and opens new ones all the time.

Shows: some connections of a client carry many exchanges, so keep-alive is on; many carry one, and the client itself closes them at
once. There are many times more connections than were ever open together.

Look-alikes: a server that ends connections after some requests closes first; a client that gives up idle connections closes them a
second and more after the last data; one that opens a connection for each request never uses one again (`no-keep-alive`); few
connections tell nothing.

Do: let the client keep as many idle connections as it uses at once (`connections_at_once`): Go's MaxIdleConnsPerHost (2 unless set),
Apache HttpClient's maxPerRoute, urllib3's maxsize, the pool size of a database driver.
"""

from collections.abc import Iterator

from tcptrace_py.findings.accounts import Account
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity

OFTEN = 5  # exchanges of one connection, and connections with more than one: that is reuse
ROUNDS = 10  # so many times more connections than there were at once
BY_CLIENT = 0.8  # of all that were closed, the client closed so many first, and at once
SINGLE = 3  # one in so many carries one exchange, and more do


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each client and service, whether connections are used again and yet thrown away."""
    wasted = [account for account in evidence.busy if _is_wasted(account)]
    at_once = evidence.at_once(wasted)
    for account in wasted:
        most = at_once.get(account.number, 0)
        if most < 2 or account.answered < ROUNDS * most:
            continue
        yield evidence.found(
            Code.POOL_TOO_SMALL,
            Gravity.WARNING,
            "medium",
            (),
            connections=account.answered - account.reused,
            of=account.connections,
            client=account.client.name,
            server=account.server.name,
            server_port=account.port,
            span_ns=(account.first_ns, account.last_ns),
            details={"exchanges_per_connection_max": account.most_exchanges, "connections_at_once": most},
            evidence=[
                f"{account.reused:,} of {account.answered:,} connections carry more than one exchange",
                f"one of them carries {account.most_exchanges:,}",
                f"at most {most:,} were open at once",
                f"the client closed {account.client_first - account.idle_closes_client:,} first, without a pause of a second before it",
            ],
            explanation="Connections are used again, but the client keeps fewer of them than it uses at once and closes the others.",
        )


def _is_wasted(account: Account) -> bool:
    """Whether some connections are used often, many once only, and the client closes them at once."""
    at_once = account.client_first - account.idle_closes_client
    return (
        account.most_exchanges >= OFTEN
        and account.reused >= OFTEN
        and SINGLE * (account.answered - account.reused) >= account.answered
        and at_once > 0
        and at_once >= BY_CLIENT * (account.client_first + account.server_first + account.resets)
    )
