"""Which traffic a check looks at: hosts, networks, ports, the role they play, a span of time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.selection import parse_host, parse_net, parse_ports, parse_time

from .params import Duration, Word

KEYS = ("hosts", "nets", "ports", "role", "from", "to")
ROLES = ("client", "server")
_OFFSET = re.compile(r"\+\s*(.+)")


@dataclass(frozen=True)
class Moment:
    """A time of a scope: of the clock, or so long after the capture's first frame."""

    text: str
    time_ns: int
    relative: bool

    def of(self, start_ns: int | None) -> int:
        """Nanoseconds since 1970."""
        return self.time_ns + (start_ns or 0) if self.relative else self.time_ns


@dataclass(frozen=True)
class Scope:
    """A choice of connections; what is empty leaves its question open.

    A connection is chosen if it begins in the span and has a chosen address and a chosen port: at the end that plays
    `role`, or without one at either end, not necessarily the same. `role` also says whose TIME_WAIT and whose states are looked at.
    """

    hosts: tuple[str, ...] = ()
    nets: tuple[str, ...] = ()
    ports: tuple[tuple[int, int], ...] = ()
    role: str | None = None
    begin: Moment | None = None
    end: Moment | None = None
    _networks: tuple[IPv4Network | IPv6Network, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_networks", tuple(ip_network(net, strict=False) for net in self.nets))

    @property
    def takes_all(self) -> bool:
        """Whether no connection is left out."""
        return not (self.is_choosy or self.ports or self.begin or self.end)

    def has_address(self, address: str) -> bool:
        """Whether an address is among the chosen hosts and networks."""
        return address in self.hosts or any(ip_address(address) in net for net in self._networks)

    def has_port(self, port: int) -> bool:
        """Whether a port is among the chosen ones."""
        return any(low <= port <= high for low, high in self.ports)

    @property
    def is_choosy(self) -> bool:
        """Whether hosts or networks are chosen."""
        return bool(self.hosts or self._networks)

    def __str__(self) -> str:
        """What was chosen, in words."""
        parts = [", ".join((*self.hosts, *self.nets))] if self.is_choosy else []
        parts += ["port " + ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ports)] if self.ports else []
        parts += [f"as {self.role}"] if self.role else []
        parts += [f"from {self.begin.text}"] if self.begin else []
        parts += [f"to {self.end.text}"] if self.end else []
        return ", ".join(parts) or "all connections"


def read(table: dict[str, Any]) -> Scope:
    """Make a scope of the keys of a table that are in KEYS. Raises UsageError, with `key` set to what is wrong."""
    values: dict[str, Any] = {}
    for key, take in (("hosts", _host), ("nets", _net), ("ports", _ports)):
        if key in table:
            values[key] = _each(key, table[key], take)
    if "role" in table:
        values["role"] = _of("role", lambda: Word(ROLES).read(table["role"]))
    for key, name in (("from", "begin"), ("to", "end")):
        if key in table:
            values[name] = _moment(key, table[key])
    scope = Scope(**values)
    if scope.begin and scope.end and scope.begin.relative == scope.end.relative and scope.begin.time_ns >= scope.end.time_ns:
        raise KeyedError("to", "the span of time is empty: `from` must lie before `to`")
    return scope


class KeyedError(UsageError):
    """A value that makes no sense, and the key that it stands at."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


def _of(key: str, read_it: Any) -> Any:
    try:
        return read_it()
    except UsageError as error:
        raise KeyedError(key, str(error)) from None


def _each(key: str, value: Any, take: Any) -> tuple[Any, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise KeyedError(key, f"{key} is an empty list: leave it out to take everything")
    return tuple(_of(key, lambda item=item: take(item)) for item in listed)


def _host(value: Any) -> str:
    return str(ip_address(parse_host(_text(value))))


def _net(value: Any) -> str:
    parse_net(_text(value))
    return str(ip_network(value, strict=False))


def _ports(value: Any) -> tuple[int, int]:
    return parse_ports(str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value))


def _moment(key: str, value: Any) -> Moment:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    match = _OFFSET.fullmatch(text)
    if match:
        return Moment(text, _of(key, lambda: Duration().read(match[1])), relative=True)
    try:
        return Moment(text, parse_time(text), relative=False)
    except UsageError as error:
        raise KeyedError(key, f'{error}; or "+5s" for five seconds after the first frame') from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value} must be text, in quotes")
    return value
