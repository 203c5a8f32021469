"""Every exchange has a connection of its own.

Shows: of many connections of a client to a service none carries more than one exchange.

Look-alikes: connections that are used again now and then (`pool-too-small`); health checks and jobs that ask once, and are reset or few;
a protocol whose exchanges all go through one connection.

Do: switch keep-alive on where it is off: the client's pool or agent, the server's keep-alive, HTTP/1.0 or `Connection: close` from
either. `closes-first` in `check` tells who ends the connections.
"""

from collections.abc import Iterator

from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each client and service, whether all connections carry one exchange."""
    single = [account for account in evidence.busy if account.most_exchanges == 1 and 2 * account.resets <= account.connections]
    at_once = evidence.at_once(single)
    for account in single:
        yield evidence.found(
            Code.NO_KEEP_ALIVE,
            Gravity.WARNING,
            "high",
            (),
            connections=account.answered,
            of=account.connections,
            client=account.client.name,
            server=account.server.name,
            server_port=account.port,
            span_ns=(account.first_ns, account.last_ns),
            details={"exchanges_per_connection_max": 1, "connections_at_once": at_once.get(account.number)},
            evidence=[f"{account.answered:,} connections carry one exchange each"],
            explanation="Each exchange has a connection of its own: none was used again.",
        )
