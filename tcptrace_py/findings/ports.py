"""The port budget: local ports of one client address that are taken towards one service, against its ephemeral range.

A port is taken while the client's side is open or in TIME_WAIT; a server's TIME_WAIT takes none. The limit holds for each
(client address, server address, server port), not for the host (net/ipv4/inet_hashtables.c, __inet_hash_connect).
"""

from tcptrace_py.model.addresses import scope_of
from tcptrace_py.model.results import PortBudget

from .accounts import Account, Accounts


def budgets(accounts: Accounts) -> list[PortBudget]:
    """All budgets, the most used first. The levels have been settled up to the capture's end."""
    found = [_budget(account, accounts) for account in accounts.rows.values()]
    return sorted(found, key=lambda b: (-b.used_ratio, -b.connections, b.client, b.server, b.server_port, str(b.scope)))


def _budget(account: Account, accounts: Accounts) -> PortBudget:
    profile, levels = accounts.profiles.of(account.client.name), accounts.levels
    peak, peak_at = levels.peak_of(account.held_row)
    waiting = levels.peak_of(account.waits_row)[0]
    connections, ports, span_s = account.connections, profile.port_count, (account.last_ns - account.first_ns) / 1e9
    rate = (connections - 1) / span_s if connections > 1 and span_s > 0 else 0.0  # 0: there is none
    ceiling = ports / profile.time_wait_s if profile.time_wait_s else 0.0
    exhausted = None
    if rate and ceiling and waiting and rate * account.stays_client / connections > ceiling:
        exhausted = max(ports - levels.level[account.held_row], 0) / rate
    scope = account.client.scope
    return PortBudget(account.client.name, account.server.name, account.port, scope_of(scope) if scope else None, connections, peak,
                      waiting, peak_at, profile.ephemeral_ports, peak / ports, rate or None, ceiling or None, exhausted)
