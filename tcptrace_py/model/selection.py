"""Which segments are analysed at all: hosts, networks, ports, a span of time.

Parsing raises UsageError with what would have been right. Hosts and networks widen each other, so do ports; what is
left is the segments with a chosen address at either end, a chosen port at either end, inside the span.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from .clock import SECOND_NS
from .errors import UsageError
from .segments import key_parts

PortRange = tuple[int, int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Selection:
    """What to analyse; an empty field leaves that question open.

    `hosts` and `nets` are addresses and prefixes in text form, `ports` pairs (lowest, highest), `from_ns` and `to_ns`
    nanoseconds since 1970-01-01T00:00:00Z: the first is inside the span, the second behind it, so that neighbouring
    spans share nothing. `left_out` are four-tuples (`segments.SegmentBlock.key`, both ways) that are not analysed whatever
    else is chosen, `left_out_openings` four-tuples (the client's way) and initial numbers of connections that are replayed and not
    counted. Raises UsageError for text that is no address or prefix.
    """

    hosts: tuple[str, ...] = ()
    nets: tuple[str, ...] = ()
    ports: tuple[PortRange, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    left_out: frozenset[bytes] = frozenset()
    left_out_openings: frozenset[tuple[bytes, int]] = frozenset()
    _addresses: frozenset[bytes] = field(init=False, repr=False, compare=False)
    _prefixes: tuple[tuple[int, int, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.from_ns is not None and self.to_ns is not None and self.from_ns >= self.to_ns:
            raise UsageError("the span of time is empty: --from must lie before --to")
        object.__setattr__(self, "_addresses", frozenset(parse_host(host) for host in self.hosts))
        object.__setattr__(self, "_prefixes", tuple(parse_net(net) for net in self.nets))

    @property
    def takes_all_keys(self) -> bool:
        """Whether no four-tuple is left out, so that `matches_key` need not be asked."""
        return not (self._addresses or self._prefixes or self.ports or self.left_out)

    @property
    def takes_all(self) -> bool:
        """Whether nothing at all is left out."""
        return self.takes_all_keys and self.from_ns is None and self.to_ns is None

    def matches_key(self, key: bytes) -> bool:
        """Whether a four-tuple (`segments.SegmentBlock.key`) is chosen; both directions of a connection agree."""
        if key in self.left_out:
            return False
        source, destination, source_port, destination_port, _ = key_parts(key)
        if self.ports and not any(low <= source_port <= high or low <= destination_port <= high for low, high in self.ports):
            return False
        if not (self._addresses or self._prefixes):
            return True
        return self._has_address(source) or self._has_address(destination)

    def ends_ns(self, capture_end_ns: int) -> int:
        """When what is analysed ends, of a capture that ends then: nothing is known of later."""
        return capture_end_ns if self.to_ns is None else min(capture_end_ns, self.to_ns)

    def matches_time(self, time_ns: int) -> bool:
        """Whether a moment lies in the span."""
        return (self.from_ns is None or time_ns >= self.from_ns) and (self.to_ns is None or time_ns < self.to_ns)

    def _has_address(self, address: bytes) -> bool:
        if address in self._addresses:
            return True
        number = int.from_bytes(address, "big")
        return any(size == len(address) and number >> shift == prefix for size, prefix, shift in self._prefixes)


def parse_host(text: str) -> bytes:
    """Address in text form -> its 4 or 16 bytes."""
    import ipaddress  # noqa: PLC0415 - ten milliseconds of start-up that most runs do not need

    try:
        return ipaddress.ip_address(text.strip("[]")).packed
    except ValueError:
        hint = f"; a network is chosen by --net {text}" if "/" in text else "; names are not looked up"
        raise UsageError(f"{text!r} is no IP address (such as 192.0.2.7 or 2001:db8::7){hint}") from None


def parse_net(text: str) -> tuple[int, int, int]:
    """Prefix in text form -> an address's size in bytes, the prefix's bits as a number, how far to shift an address."""
    import ipaddress  # noqa: PLC0415

    try:
        net = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(f"{text!r} is no network (such as 192.0.2.0/24 or 2001:db8::/32)") from None
    shift = net.max_prefixlen - net.prefixlen
    return net.max_prefixlen // 8, int(net.network_address) >> shift, shift


def parse_ports(text: str) -> PortRange:
    """Port, or two joined by a hyphen -> (lowest, highest), both from 0 to 65535."""
    low, hyphen, high = text.partition("-")
    try:
        pair = int(low), int(high) if hyphen else int(low)
    except ValueError:
        raise UsageError(f"{text!r} is no port (such as 443) or range of ports (such as 8000-8100)") from None
    if not 0 <= pair[0] <= 65535 or not 0 <= pair[1] <= 65535:
        raise UsageError(f"port {text}: ports go from 0 to 65535")
    if pair[0] > pair[1]:
        raise UsageError(f"range of ports {text}: the lower one first, {pair[1]}-{pair[0]}")
    return pair


def parse_time(text: str) -> int:
    """Moment in text form -> nanoseconds since 1970-01-01T00:00:00Z.

    RFC 3339 (a date and time without an offset is taken as UTC) or seconds since the epoch, up to nine decimals each.
    """
    try:
        return _epoch_ns(text) if text[:1] in "+-" or _is_number(text) else _rfc3339_ns(text)
    except (ValueError, ArithmeticError):  # decimal's own errors are of the latter kind
        raise UsageError(
            f"{text!r} is no time: write 2026-03-01T10:00:00Z (a fraction and an offset such as +01:00 "
            "are understood) or seconds since 1970, such as 1772359200.25"
        ) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _epoch_ns(text: str) -> int:
    from decimal import Decimal  # noqa: PLC0415 - seldom needed, and long to import

    return int(Decimal(text) * SECOND_NS)


def _rfc3339_ns(text: str) -> int:
    """Datetime holds microseconds only, so the fraction is read apart from it."""
    head, dot, tail = text.strip().partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))] if dot else ""
    if dot and not digits:
        raise ValueError(text)
    moment = datetime.fromisoformat(head + tail[len(digits) :])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = moment - _EPOCH
    return (whole.days * 86400 + whole.seconds) * SECOND_NS + int(digits[:9].ljust(9, "0") or 0)
