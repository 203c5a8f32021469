"""Accounts of one attempt are packed, and nobody can tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.accounts import Accounts
from tcptrace_py.findings.hosts import hosts
from tcptrace_py.findings.ports import budgets
from tcptrace_py.findings.vantage import Vantages
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.profiles import Profiles

END_NS = 400 * SECOND_NS
Attempt = tuple[int, int, int, int, int, int, int]
ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from((4, 16)),
        st.integers(1, 4),
        st.integers(3, 6),
        st.sampled_from((80, 443)),
        st.integers(40000, 40003),
        st.integers(0, 300),
        st.sampled_from((-1, -2, 0, 30)),
    ),
    max_size=30,
)


def key_of(attempt: Attempt) -> bytes:
    size, client, server, service, port, _, _ = attempt
    return client.to_bytes(size) + server.to_bytes(size) + port.to_bytes(2) + service.to_bytes(2)


WINDOWS = Profiles.named("linux", {"0.0.0.1": "windows"})


def told(attempts: list[Attempt], settled_s: int, *, packed: bool, profiles: Profiles | None = None) -> tuple[object, ...]:
    """What is said of them; of `attempts` the last number says how long they lasted: -1 for ever, -2 a second, and held before."""
    accounts = Accounts(profiles or Profiles(), Vantages())
    if not packed:
        for attempt in attempts:
            accounts.of(key_of(attempt))
    for attempt in attempts:
        if attempt[-1] == -2:
            accounts.hold(key_of(attempt), attempt[-2] * SECOND_NS, (attempt[-2] + 1) * SECOND_NS)
    accounts.occupancy.settle(settled_s * SECOND_NS)
    for attempt in attempts:
        start_ns = attempt[-2] * SECOND_NS
        released_ns = NEVER_NS if attempt[-1] == -1 else start_ns + (1 if attempt[-1] == -2 else attempt[-1]) * SECOND_NS
        accounts.add_attempt(key_of(attempt), start_ns, released_ns, attempt[-1] == -2)
    assert not packed or accounts.singles.alive == len(accounts.singles.names())
    accounts.close(END_NS)
    listed = hosts(accounts)
    assert list(listed) == hosts(accounts).every()
    late = hosts(accounts)
    assert list(budgets(accounts)) == budgets(accounts).every()  # which makes objects of what was packed
    assert (late.busiest(3), list(late)) == (listed.busiest(3), list(listed))
    return (listed.busiest(3), len(listed), list(listed), len(budgets(accounts)), list(budgets(accounts)), budgets(accounts).near(0.00001))


@given(ATTEMPTS)
def test_nobody_can_tell(attempts: list[Attempt]) -> None:
    assert told(attempts, 0, packed=True) == told(attempts, 0, packed=False)
    assert told(attempts, 0, packed=True, profiles=WINDOWS) == told(attempts, 0, packed=False, profiles=WINDOWS)


@given(ATTEMPTS, ATTEMPTS, st.integers(1, 9))
def test_another_process_has_some(attempts: list[Attempt], others: list[Attempt], together_rows: int) -> None:
    attempts, others = ([a for a in some if a[-1] != -2] for some in (attempts, others))
    together, apart, other = (Accounts(Profiles(), Vantages()) for _ in range(3))
    for into, some in ((together, attempts + others), (apart, attempts), (other, others)):
        for attempt in some:
            start_ns = attempt[-2] * SECOND_NS
            into.add_attempt(key_of(attempt), start_ns, NEVER_NS, was_held=False)
    for parcel in other.singles.parcels(together_rows):
        apart.take_singles(parcel)
    assert other.singles.alive == 0
    if not other.rows:
        for accounts in (together, apart):
            accounts.close(END_NS)
        assert list(budgets(together)) == list(budgets(apart))
        assert list(hosts(together)) == list(hosts(apart))


def test_late_for_what_is_settled() -> None:
    """The first of an account counts from its begin, whenever it is told; its port is free again when it was released."""
    early: Attempt = (4, 1, 2, 80, 40000, 10, 30)
    accounts = Accounts(Profiles(), Vantages())
    accounts.add_attempt(key_of(early), 10 * SECOND_NS, 40 * SECOND_NS, was_held=False)
    accounts.occupancy.settle(100 * SECOND_NS)
    account = accounts.of(key_of(early))
    assert accounts.occupancy.peak_of(account.held_row) == (1, 10 * SECOND_NS)
    assert accounts.occupancy.level_of(account.held_row) == 0
    assert (account.connections, accounts.singles.alive) == (1, 0)
