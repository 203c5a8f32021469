"""What two programs may do with one connection, by name (the record's label): functions of chance that give a Spec.

Sizes and pauses vary with the seed; what makes the behaviour does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.recorder.plan import Spec, Step

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Behaviour = Callable[[random.Random], Spec]


def exchange(chance: random.Random) -> tuple[list[Step], list[Step]]:
    """A request and its answer."""
    ask, answer = chance.choice((64, 200, 700)), chance.choice((100, 500, 800, 2600, 6000))
    return [["send", ask], ["recv", answer]], [["recv", ask], ["send", answer]]


def pause(chance: random.Random, most_s: float = 0.05) -> list[Step]:
    """Often none, sometimes a short one."""
    return [["sleep", round(chance.uniform(0.001, most_s), 4)]] if chance.random() < 0.5 else []


def client_first(chance: random.Random) -> Spec:
    client, server = exchange(chance)
    return Spec(0, "client_first", [*client, *pause(chance), ["close"]], [*server, ["eof"], *pause(chance), ["close"]])


def server_first(chance: random.Random) -> Spec:
    client, server = exchange(chance)
    return Spec(0, "server_first", [*client, ["eof"], *pause(chance), ["close"]], [*server, *pause(chance), ["close"]])


def silent(chance: random.Random) -> Spec:
    """No data at all."""
    if chance.random() < 0.5:
        return Spec(0, "silent", [*pause(chance), ["close"]], [["eof"], ["close"]])
    return Spec(0, "silent", [["eof"], ["close"]], [*pause(chance), ["close"]])


def chatty(chance: random.Random) -> Spec:
    client: list[Step] = []
    server: list[Step] = []
    for _ in range(chance.randint(3, 8)):
        more_client, more_server = exchange(chance)
        client += [*more_client, *pause(chance, 0.02)]
        server += more_server
    if chance.random() < 0.5:
        return Spec(0, "chatty", [*client, ["close"]], [*server, ["eof"], ["close"]])
    return Spec(0, "chatty", [*client, ["eof"], ["close"]], [*server, ["close"]])


def half_close(chance: random.Random) -> Spec:
    """One side says that it is done, the other goes on sending for long."""
    drip: Step = ["drip", chance.choice((300, 1400, 4000)), chance.randint(3, 10), round(chance.uniform(0.01, 0.06), 3)]
    if chance.random() < 0.5:
        return Spec(0, "half_close", [["send", 200], ["shut"], ["eof"], ["close"]], [["recv", 200], ["eof"], drip, ["close"]])
    return Spec(
        0,
        "half_close",
        [["send", 200], ["recv", 500], ["eof"], drip, ["close"]],
        [["recv", 200], ["send", 500], ["shut"], ["eof"], ["close"]],
    )


def simultaneous_close(chance: random.Random) -> Spec:
    """Both close at one agreed moment, a little apart; far less than the road takes."""
    client, server = exchange(chance)
    skew = round(chance.uniform(-0.003, 0.003), 5)
    ending: list[Step] = [["close"]] if chance.random() < 0.6 else [["shut"], ["eof"], ["close"]]
    return Spec(0, "simultaneous_close", [*client, ["meet", 0.0], *ending], [*server, ["meet", skew], *ending], meet_s=0.25)


def linger_client(chance: random.Random) -> Spec:
    client, server = exchange(chance)
    return Spec(0, "linger_client", [*client, *pause(chance), ["abort"]], [*server, ["eof"], ["close"]])


def linger_server(chance: random.Random) -> Spec:
    client, server = exchange(chance)
    return Spec(0, "linger_server", [*client, ["eof"], ["close"]], [*server, *pause(chance), ["abort"]])


def unread_client(chance: random.Random) -> Spec:
    """The client closes with the answer unread."""
    return Spec(
        0,
        "unread_client",
        [["send", 100], ["sleep", 0.12], ["close"]],
        [["recv", 100], ["send", chance.choice((500, 3000))], ["eof"], ["close"]],
    )


def unread_server(chance: random.Random) -> Spec:
    return Spec(0, "unread_server", [["send", chance.choice((400, 2500))], ["eof"], ["close"]], [["sleep", 0.12], ["close"]])


def late_reset(chance: random.Random) -> Spec:
    """Data after close: the client is gone when the server answers."""
    return Spec(
        0,
        "late_reset",
        [["send", 100], ["close"]],
        [
            ["recv", 100],
            ["eof"],
            ["sleep", round(chance.uniform(0.05, 0.1), 3)],
            ["send", 900],
            ["sleep", 0.1],
            ["close"],
        ],
    )


def fin_then_abort(chance: random.Random) -> Spec:
    return Spec(
        0,
        "fin_then_abort",
        [["send", 100], ["recv", 300], ["shut"], ["sleep", round(chance.uniform(0.06, 0.1), 3)], ["abort"]],
        [["recv", 100], ["send", 300], ["eof"], ["sleep", 0.4], ["close"]],
    )


def close_wait_abort(chance: random.Random) -> Spec:
    return Spec(
        0,
        "close_wait_abort",
        [["send", 100], ["recv", 300], ["shut"], ["eof"], ["close"]],
        [["recv", 100], ["send", 300], ["eof"], ["sleep", round(chance.uniform(0.02, 0.06), 3)], ["abort"]],
    )


def refused(chance: random.Random) -> Spec:
    return Spec(0, "refused", [], [], dport=chance.choice((9, 99, 999)))


def abort_connect(chance: random.Random) -> Spec:
    """Closed while its SYN is on the way."""
    return Spec(0, "abort_connect", [], [], kind="abandon", abandon_s=round(chance.uniform(0.0005, 0.004), 4))


def unaccepted(_: random.Random) -> Spec:
    """To a listener that never accepts and is closed after a while (port 82)."""
    return Spec(0, "unaccepted", [["eof"], ["close"]], [], dport=82)


def close_wait_leak(chance: random.Random) -> Spec:
    client, server = exchange(chance)
    if chance.random() < 0.5:
        return Spec(0, "close_wait_leak", [*client, ["shut"], ["hold"]], [*server, ["eof"], ["hold"]])
    return Spec(0, "close_wait_leak", [*client, ["eof"], ["hold"]], [*server, ["shut"], ["hold"]])


def never_closed(chance: random.Random) -> Spec:
    client, server = exchange(chance)
    return Spec(0, "never_closed", [*client, ["hold"]], [*server, ["hold"]])


def bulk(chance: random.Random, size: int = 300_000) -> Spec:
    if chance.random() < 0.5:
        return Spec(0, "bulk", [["send", size], ["recv", 100], ["close"]], [["recv", size], ["send", 100], ["eof"], ["close"]])
    return Spec(0, "bulk", [["send", 100], ["recv", size], ["eof"], ["close"]], [["recv", 100], ["send", size], ["close"]])


ORDERLY: tuple[Behaviour, ...] = (client_first, server_first, chatty, silent, half_close, simultaneous_close)
ABORTS: tuple[Behaviour, ...] = (
    linger_client,
    linger_server,
    unread_client,
    unread_server,
    late_reset,
    fin_then_abort,
    close_wait_abort,
)
