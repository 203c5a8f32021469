"""Where a capture was taken, told from the two legs of a handshake (DESIGN 3, Handshake)."""

from ..model.live import COPY, Connection
from ..model.segments import ACK, RST, SYN
from ..model.seq import ahead

CLEAR_RATIO = 4  # one leg this many times the other: the capture stood at the quick answerer
LOCAL_NS = 300_000  # below this both sides are as good as at the capture point


class Legs:
    """SYN to SYN/ACK (outward from the capture point to the server and back) and SYN/ACK to ACK, in ns."""

    __slots__ = ("client", "to_client_ns", "to_server_ns")

    def __init__(self, client: int, to_server_ns: int, to_client_ns: int) -> None:
        self.client = client
        self.to_server_ns = to_server_ns
        self.to_client_ns = to_client_ns


def legs(connection: Connection) -> Legs | None:
    """Both legs of an ordinary handshake without any repetition (Karn's rule); None of any other."""
    if connection.self_connect:
        return None
    log = [segment for segment in connection.log[:12] if not segment.marks & COPY]
    if len(log) < 3:
        return None
    syn, synack = log[0], log[1]
    if syn.flags & (SYN | ACK | RST) != SYN or synack.flags & (SYN | ACK | RST) != SYN | ACK or syn.side == synack.side:
        return None
    if any(segment.flags & SYN for segment in log[2:]) or ahead(synack.ack, syn.seq) < 1:
        return None
    for segment in log[2:]:
        if segment.side == syn.side:
            if segment.flags & RST or not segment.flags & ACK:
                return None
            return Legs(syn.side, max(synack.time_ns - syn.time_ns, 0), max(segment.time_ns - synack.time_ns, 0))
    return None


def vantage(to_server_ns: int, to_client_ns: int) -> str | None:
    """client, server or middle where the legs say so clearly; None where they don't."""
    if max(to_server_ns, to_client_ns) < LOCAL_NS:
        return None
    if to_client_ns * CLEAR_RATIO < to_server_ns:
        return "client"
    if to_server_ns * CLEAR_RATIO < to_client_ns:
        return "server"
    return "middle" if min(to_server_ns, to_client_ns) >= LOCAL_NS else None
