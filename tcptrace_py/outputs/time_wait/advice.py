"""Advice in words: what to do, with this capture's numbers, its price, and where its reason stands."""

from collections.abc import Callable
from typing import NamedTuple

from tcptrace_py.model.diagnosis import Advice
from tcptrace_py.outputs.units import count, human, service, share, some

from .verdict import number_text

PAGE = "docs/time-wait.md"


class Words(NamedTuple):
    """What to do, what it costs, the anchor of its reason in PAGE, and the same once more for another service."""

    text: str
    price: str
    anchor: str
    again: str = ""

    @property
    def link(self) -> str:
        """Where the reason stands."""
        return f"{PAGE}#{self.anchor}"


def words(advice: Advice) -> Words:
    """One piece of advice in words."""
    return _WORDS[advice.code](advice)


def _towards(advice: Advice) -> str:
    return service(advice.server or "", advice.server_port or 0)


def _whole(advice: Advice, name: str) -> int:
    return int(advice.numbers[name])


def _reuse(advice: Advice) -> Words:
    connections, pool = some(_whole(advice, "connections"), "connection"), count(_whole(advice, "pool"))
    price = "idle connections at both ends; the client must give them up before the server or a middlebox does"
    if advice.client is None:
        addresses = some(_whole(advice, "addresses"), "address", "addresses")
        what = f"{connections} from {addresses} to {_towards(advice)}"
        text = f"Reuse connections: keep-alive would turn {what} into about {pool}, one for each address."
        return Words(text, price, "reuse-connections", what)
    what = f"{connections} from {advice.client} to {_towards(advice)} by about {pool}"
    text = f"Reuse connections: keep-alive or a pool would replace {what}, the most that were open at once."
    return Words(text, price, "reuse-connections", what)


def _check_less(advice: Advice) -> Words:
    checks = _whole(advice, "checks")
    period = human(round(advice.numbers["period_s"] * 1e9))
    what = f"{advice.client} opens {some(checks, 'connection')} to {_towards(advice)} every {period}"
    held = count(_whole(advice, "held"))
    text = (
        f"If these are checks, do them less often, or over a connection that stays open: {what}, which leads to about {held} "
        "in TIME_WAIT at once."
    )
    return Words(text, "a failure is noticed later", "reuse-connections", what)


def _close_first(advice: Advice) -> Words:
    first, whole = count(_whole(advice, "client_first")), count(_whole(advice, "connections"))
    text = (
        f"Let {_towards(advice)} close first: TIME_WAIT then lies there, where it holds no local port. "
        f"Now {advice.client} closes {first} of {whole} first."
    )
    again = f"{_towards(advice)}, towards {advice.client}"
    price = "the server's memory; the client's timeouts must be the longer ones, and never may both close at once"
    return Words(text, price, "who-closes-first", again)


def _spread(advice: Advice) -> Words:
    ports, addresses = count(_whole(advice, "ports")), count(_whole(advice, "addresses"))
    again = f"{advice.client} and {_towards(advice)}, {addresses} addresses"
    text = (
        f"Spread over more addresses: {advice.client} and {_towards(advice)} have {ports} ports between them, and so "
        f"has every other pair. {addresses} addresses at either end would carry this rate with half their ports free."
    )
    return Words(text, "more addresses to manage", "spread-over-addresses", again)


def _widen(advice: Advice) -> Words:
    numbers, ports, usual = advice.numbers, _whole(advice, "ports"), _whole(advice, "usual")
    narrow = f" (usual are {count(usual)})" if ports < usual else ""
    enough = "" if numbers["per_s"] >= numbers["needed_per_s"] else "; it opens more than that"
    text = (
        f"Widen the port range of {advice.client}: {count(ports)} ports now{narrow}. 1024-65535 are "
        f"{count(_whole(advice, 'most'))} and carry {number_text(numbers['per_s'])} a second{enough}."
        f"{f' {_RANGE[advice.system]}.' if advice.system in _RANGE else ''}"
    )
    linux = "services that listen in it need ip_local_reserved_ports"
    price = linux if advice.system == "linux" else "services that listen in it may find their port taken"
    return Words(text, f"{price}; it moves the ceiling, no more", "widen-the-port-range", str(advice.client))


_RANGE = {
    "linux": "The knob: net.ipv4.ip_local_port_range",
    "macos": "The knobs: net.inet.ip.portrange.first and .last",
    "freebsd": "The knobs: net.inet.ip.portrange.first and .last",
    "windows": "The knob: netsh int ipv4 set dynamicport tcp",
}


def _tw_reuse(advice: Advice) -> Words:
    stamped, without = _whole(advice, "with_timestamps"), _whole(advice, "without")
    if not stamped:
        seen = "if both ends use TCP timestamps (this capture does not show it)"
    elif without:
        seen = f"as both ends use TCP timestamps ({share(stamped, stamped + without)} of the connections do)"
    else:
        seen = "as both ends use TCP timestamps"
    text = (
        f"Set net.ipv4.tcp_tw_reuse=1 on {advice.client}, which connects, {seen}: connect() may then take a port whose "
        "TIME_WAIT is about a second old. The default, 2, does so on loopback only."
    )
    price = "old duplicates are told apart by timestamps alone; it does nothing for a server"
    return Words(text, price, "tcp_tw_reuse", str(advice.client))


def _limit(advice: Advice) -> Words:
    addresses = _whole(advice, "addresses")
    others = "" if addresses == 1 else f" and {some(addresses - 1, 'other address', 'other addresses')}"
    part = share(round(advice.numbers["share"] * 1000), 1000)
    rate = f", {number_text(advice.numbers['per_s'])} connections a second" if advice.numbers["per_s"] else ""
    text = (
        f"If that load is unwanted, limit requests for each address at {_towards(advice)}: {part} of its TIME_WAIT "
        f"comes from {advice.client}{others}{rate}."
    )
    return Words(text, "people behind one NAT share an address, and the limit", "limit-requests")


def _shorten(advice: Advice) -> Words:
    knob = "TcpTimedWaitDelay" if advice.numbers["windows"] else "net.inet.tcp.msl"
    length = number_text(advice.numbers["time_wait_s"])
    text = f"As the last resort, shorten TIME_WAIT on {advice.client} (taken here as {length} s): {knob}."
    return Words(text, "old duplicates may reach a new connection", "shorten-time-wait")


def _dont(text: str) -> Callable[[Advice], Words]:
    return lambda _: Words(text, "", "what-not-to-do")


_WORDS: dict[str, Callable[[Advice], Words]] = {
    "reuse-connections": _reuse,
    "check-less-often": _check_less,
    "who-closes-first": _close_first,
    "spread-over-addresses": _spread,
    "widen-the-port-range": _widen,
    "tcp_tw_reuse": _tw_reuse,
    "limit-requests": _limit,
    "shorten-time-wait": _shorten,
    "tcp_tw_recycle": _dont("tcp_tw_recycle: removed in Linux 4.12; before, it broke clients behind NAT."),
    "tcp_fin_timeout": _dont("tcp_fin_timeout: it governs orphaned FIN_WAIT_2 only; TIME_WAIT is 60 s, compiled in."),
    "tcp_max_tw_buckets": _dont("a lower tcp_max_tw_buckets: what exceeds it is destroyed at once, and a late FIN then meets a RST."),
    "so_linger": _dont("SO_LINGER 0: it closes by RST; data under way is lost and the peer sees an error."),
    "tcp_tw_reuse_without_timestamps": _dont(
        "tcp_tw_reuse as it is: it needs TCP timestamps at both ends, and these connections go without."
    ),
}
CODES = frozenset(_WORDS)
