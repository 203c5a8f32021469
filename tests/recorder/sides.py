"""One side's life, as the truth tells it: states with times, how it ended, its TIME_WAIT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.recorder.pairing import MILLISECOND, Book, Pair
from tests.recorder.wire import RST

if TYPE_CHECKING:
    from tests.recorder.lives import Mini, Sock

RESTART_NS = 50 * MILLISECOND  # two witnesses of one restart of TIME_WAIT differ by less
Side = dict[str, Any]


def seconds(t_ns: int | None) -> float | None:
    """Seconds since the epoch, to the microsecond."""
    return None if t_ns is None else round(t_ns / 1e9, 6)


def side_of(book: Book, pair: Pair, sock: Sock | None, host: str | None) -> Side | None:
    """Tell the life of one of a pair's sockets; of `b`, its request stands in where there was no socket."""
    request = pair.request if sock is not pair.a else None
    if sock is None:
        return _request_side(book, request, host) if request else None
    states = list(sock.states)
    if request and states[0][0] == "SYN_RECV":
        states[0] = ("SYN_RECV", request.starts[0][0])
    elif sock.passive and born_by_cookie(sock):
        states = states[1:]
    end, stay = sock.end, None
    if sock.mini:
        end, stay = _minisock(book, sock, sock.mini, states)
    return {
        "role": "passive" if sock.passive else "active",
        "end": end,
        "states": [[s, seconds(t)] for s, t in states],
        "retrans": dict(sock.retrans),
        "time_wait": stay,
        "info": _info(book, sock),
    }


def born_by_cookie(sock: Sock) -> bool:
    """No request, and ESTABLISHED in the softirq of its birth. Fast Open waits for the handshake's last ACK."""
    established = sock.entered("ESTABLISHED")
    at_once = established is not None and established - sock.born_ns < MILLISECOND and sock.established_in == sock.born_in
    return sock.request is None and at_once


def _minisock(book: Book, sock: Sock, mini: Mini, states: list[tuple[str, int]]) -> tuple[str, Any]:
    """Tell the rest of a side's life after its socket was replaced by a minisock; adds to `states`."""
    starts = mini.time_wait_starts
    if not starts:  # FIN_WAIT2 to its end
        if mini.end_ns is None:
            return "open", None
        states.append(("CLOSED", mini.end_ns))
        if mini.end_by == "expired":
            return "timeout", None
        sent = mini.reset_before
        return ("rst_sent" if sent and (sent.source, sent.target) == (sock.local, sock.remote) else "rst_received"), None
    states.append(("TIME_WAIT", starts[0]))
    end_by = None
    if mini.end_ns is not None:
        states.append(("CLOSED", mini.end_ns))
        end_by = "expired" if mini.end_by == "expired" else "reuse" if _reused(book, mini) else "rst_received"
    only_sampled = [t for t in _sampled_restarts(book, sock, starts[0], mini.end_ns) if all(abs(t - u) > RESTART_NS for u in starts)]
    return "time_wait", {
        "start": seconds(starts[0]),
        "restarts": [seconds(t) for t in sorted(starts[1:] + only_sampled)],
        "end": seconds(mini.end_ns),
        "end_by": end_by,
    }


def _reused(book: Book, mini: Mini) -> bool:
    """Say whether another incarnation began at this host as the minisock was taken away."""
    end, ends = mini.end_ns or 0, (mini.local, mini.remote)
    moments = [s.born_ns for s in book.evidence.account.socks if (s.local, s.remote) == ends]
    moments += [m.starts[0][0] for m in book.requests if (m.local, m.remote) == ends]
    return any(abs(t - end) < MILLISECOND for t in moments)


def _sampled_restarts(book: Book, sock: Sock, start_ns: int, end_ns: int | None) -> list[int]:
    """Restarts that sock_diag saw: the minisock's date of expiry had moved."""
    inside = (start_ns / 1e9, (end_ns or 1 << 62) / 1e9)
    stays = [e for e in book.samples.get((sock.local, sock.remote), []) if e["state"] == "TIME_WAIT" and inside[0] <= e["t"] <= inside[1]]
    found: list[int] = []
    for t in sorted(round((e["ends"] - 60.0) * 1e9) for e in stays):
        if t - start_ns > RESTART_NS and (not found or t - found[-1] > RESTART_NS):
            found.append(t)
    return found


def _request_side(book: Book, request: Mini, host: str | None) -> Side:
    states = [("SYN_RECV", request.starts[0][0])]
    end = "open"
    if request.end_ns is not None:
        states.append(("CLOSED", request.end_ns))
        end = "timeout" if request.end_by == "expired" else _request_end(book, request, host)
    return {
        "role": "request",
        "end": end,
        "states": [[s, seconds(t)] for s, t in states],
        "retrans": {},
        "time_wait": None,
        "info": None,
    }


def _request_end(book: Book, request: Mini, host: str | None) -> str:
    """What took a request away before its time: a RST that came, one that was sent, or its listener's close."""
    assert request.local
    assert request.remote
    end = request.end_ns or 0
    if any(s.flags & RST and abs(end - s.t_ns) < MILLISECOND for s in book.sent(host, request.local, request.remote)):
        return "rst_sent"
    came = book.sent(host, request.remote, request.local)
    if any(s.flags & RST and 0 <= end - s.t_ns < MILLISECOND for s in came):
        return "rst_received"
    return "closed"


def _info(book: Book, sock: Sock) -> dict[str, int] | None:
    """tcp_info at the socket's destruction, where a notice of it came."""
    if sock.closed_ns is None:
        return None
    closed = sock.closed_ns / 1e9
    notices = [e for e in book.samples.get((sock.local, sock.remote), []) if e["state"] == "destroyed" and -0.001 < e["t"] - closed < 0.5]
    first = min(notices, key=lambda e: e["t"], default=None)
    return first["info"] if first else None
