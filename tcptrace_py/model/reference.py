"""Which connection is meant: its id, Wireshark's stream, or its four-tuple."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import UsageError
from .results import Connection

USAGE = "an id (17), stream:N or 'tcp.stream eq N' (Wireshark's), or ADDRESS:PORT-ADDRESS:PORT, IPv6 addresses in brackets"
_STREAM = re.compile(r"(?:stream:|tcp\.stream\s*(?:==|eq)\s*)([0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """One of the three is set; the ends of a four-tuple may be in either order."""

    id: int | None = None
    stream: int | None = None
    ends: tuple[tuple[str, int], tuple[str, int]] | None = None

    @classmethod
    def of(cls, connection: Connection) -> "Reference":
        """Every incarnation of a connection's four-tuple."""
        client, server = connection.client, connection.server
        return cls(ends=((client.address, client.port), (server.address, server.port)))

    def matches(self, connection: Connection) -> bool:
        """Whether this connection is meant."""
        if self.id is not None:
            return connection.id == self.id
        if self.stream is not None:
            return connection.stream == self.stream
        client = (connection.client.address, connection.client.port)
        server = (connection.server.address, connection.server.port)
        return self.ends in ((client, server), (server, client))

    def among(self, connections: Iterable[Connection]) -> list[Connection]:
        """Those that are meant, in order: several incarnations of a four-tuple, or of a stream."""
        return [connection for connection in connections if self.matches(connection)]


def parse_reference(text: str) -> Reference:
    """Text -> Reference. Raises UsageError where it is none of the three."""
    if text.isascii() and text.isdigit():
        return Reference(id=int(text))
    if stream := _STREAM.fullmatch(text.strip()):
        return Reference(stream=int(stream[1]))
    one, hyphen, other = text.partition("-")
    if hyphen:
        return Reference(ends=(_end(one, text), _end(other, text)))
    raise UsageError(f"{text!r} names no connection: {USAGE}")


def _end(text: str, whole: str) -> tuple[str, int]:
    """One end, brackets optional around IPv4."""
    import ipaddress  # noqa: PLC0415 - ten milliseconds that other commands need not pay

    address, colon, port = text.strip().rpartition(":")
    try:
        number = int(port)
        found = str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        raise UsageError(f"{whole!r} names no connection: {USAGE}") from None
    if not colon or not 0 <= number <= 65535:
        raise UsageError(f"{whole!r} names no connection: {USAGE}")
    return found, number
