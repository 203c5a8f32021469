"""Tracepoints -> the life of every socket, of every request (SYN_RECV) and of every minisock (TIME_WAIT, FIN_WAIT2).

Sockets have a tracepoint for every state (net/ipv4/tcp.c, tcp_set_state). Requests and minisocks have none, but their
timers have; what a timer belongs to follows from what happens next to it in the same execution context:

* tcp_time_wait() starts the minisock's timer, then sets its socket to CLOSE (net/ipv4/tcp_minisocks.c).
* A passive socket is born (LISTEN -> SYN_RECV on the clone), then its request's timer is stopped.
* A request's timer that resends the SYN+ACK does so, with the four-tuple in the tracepoint, while it runs.
* __mod_timer() traces a cancel and a start with interrupts off: next to each other on that CPU.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.recorder.lives import REASONS, STATES, Mini, Reset, Sock, endpoints, sockaddr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.recorder.ring import Event
    from tests.recorder.wire import Endpoint

ETIMEDOUT = 110
CONTEXT_NS = 2_000_000  # how long what a context did last still counts as "right before"
TASK_NS = 500_000_000  # the same for a task, which does one thing after another
DUE_FOR_TIME_WAIT = ("FIN_WAIT2", "CLOSING")
MOVE_NS = 20_000  # between the two halves of __mod_timer()
BIRTH_NS = 500_000  # the same, where another connection's packet may follow in the same softirq


Moved = tuple[Mini, int | None, str | None]


@dataclass
class Context:
    """What an execution context did last."""

    mini: tuple[Mini, int] | None = None
    moved: tuple[Mini, int | None, str | None] | None = None  # a timer that seemed to be moved just now, and its end before that
    child: tuple[Sock, int] | None = None
    closed: tuple[Sock, int] | None = None
    reset_sent: Reset | None = None
    error: tuple[Endpoint, Endpoint, int, int] | None = None
    synack: tuple[int, Endpoint, Endpoint] | None = None  # sent again
    timer: tuple[int, str] | None = None  # which timer's function is running


class Account:
    """The books of one recording. Feed it events in order; then read socks, minis, resets."""

    def __init__(self, functions: dict[int, str], hz: int, known: set[str]) -> None:
        self.functions, self.hz, self.known = functions, hz, known
        self.socks: list[Sock] = []
        self.minis: list[Mini] = []
        self.resets: list[Reset] = []
        self.synacks_resent: list[tuple[int, Endpoint, Endpoint]] = []
        self.problems: Counter[str] = Counter()
        self._alive: dict[int, Sock] = {}
        self._timers: dict[int, Mini] = {}
        self._contexts: dict[tuple[str, int], Context] = defaultdict(Context)
        self._last_on_cpu: dict[int, tuple[str, int]] = {}

    def feed(self, events: Iterable[Event]) -> Account:
        """Take events in order of time; returns itself."""
        handlers: dict[str, Callable[[Event, Context], None]] = {
            "inet_sock_set_state": self._state,
            "timer_start": self._timer_start,
            "timer_cancel": self._timer_cancel,
            "timer_expire_entry": self._expire_entry,
            "timer_expire_exit": self._expire_exit,
            "tcp_send_reset": self._send_reset,
            "tcp_receive_reset": self._receive_reset,
            "tcp_retransmit_skb": self._retransmit,
            "tcp_retransmit_synack": self._retransmit_synack,
            "inet_sk_error_report": self._error,
        }
        for event in events:
            context = self._contexts[event.context]
            moved, context.moved = context.moved, None  # lives for one event only
            if event.name == "inet_sock_set_state" and moved:
                self._perhaps_split(event, context, moved)
            if handler := handlers.get(event.name):
                handler(event, context)
            self._last_on_cpu[event.cpu] = (event.name, int(event.fields.get("timer", 0)))
        return self

    # Sockets

    def _state(self, event: Event, context: Context) -> None:
        old, new = STATES[event.number("oldstate")], STATES[event.number("newstate")]
        address, t = event.number("skaddr"), event.t_ns
        local, remote = endpoints(event)
        if local[0] not in self.known:
            context.mini = None  # a timer started right before was this other program's socket's
            return
        if new == "LISTEN" or (old == "LISTEN" and new == "CLOSED"):
            return
        if (old, new) in (("CLOSED", "SYN_SENT"), ("LISTEN", "SYN_RECV")):
            sock = Sock(address, old == "LISTEN", t, local, remote, [(new, t)], born_in=event.context)
            self._alive[address] = sock
            self.socks.append(sock)
            if sock.passive:
                context.child = (sock, t)
            return
        known = self._alive.get(address)
        if known is None:
            self.problems["state of an unknown socket"] += 1
            return
        if local[1] and remote[1]:
            known.local, known.remote = local, remote
        if new != "CLOSED":
            if new != known.states[-1][0]:  # a repeated FIN sets CLOSING again
                known.states.append((new, t))
            if new == "ESTABLISHED":
                known.established_in = event.context
            return
        known.closed_ns = t
        del self._alive[address]
        known.end = self._cause(known, old, event, context)
        if known.end != "minisock":
            known.states.append(("CLOSED", t))
        context.closed = (known, t)

    def _cause(self, sock: Sock, old: str, event: Event, context: Context) -> str:
        """Why a socket went to CLOSE, by what its context did right before. A RST sent right after corrects it."""
        t = event.t_ns
        if old in DUE_FOR_TIME_WAIT and context.mini and t - context.mini[1] < CONTEXT_NS and context.mini[0].sock is None:
            sock.mini, context.mini[0].sock = context.mini[0], sock
            context.mini[0].local, context.mini[0].remote = sock.local, sock.remote
            context.mini = None
            return "minisock"
        if context.timer and context.timer[1] in ("tcp_write_timer", "tcp_keepalive_timer"):
            return "timeout"
        error = context.error
        if error and error[:3] == (sock.local, sock.remote, ETIMEDOUT) and t - error[3] < CONTEXT_NS:
            return "timeout"
        sent = context.reset_sent
        if sent and sent.sock == sock.address and t - sent.t_ns < CONTEXT_NS:
            return "rst_sent"
        if sock.reset_received_ns and t - sock.reset_received_ns < CONTEXT_NS:
            return "rst_received"
        return {"LAST_ACK": "last_ack", "CLOSING": "overflow", "FIN_WAIT2": "overflow"}.get(old, "closed")

    def _perhaps_split(self, event: Event, context: Context, moved: Moved) -> None:
        """Undo a move: the minisock had ended, and its memory was given to the one of the socket that closes now."""
        mini, end_ns, end_by = moved
        closes = STATES[event.number("newstate")] == "CLOSED" and STATES[event.number("oldstate")] in DUE_FOR_TIME_WAIT
        sock = self._alive.get(event.number("skaddr"))
        reset = sock is not None and sock.reset_received_ns and event.t_ns - sock.reset_received_ns < CONTEXT_NS
        if not closes or reset or event.t_ns - mini.starts[-1][0] > BIRTH_NS:
            return
        mini.end_ns, mini.end_by = end_ns, end_by
        start = mini.starts.pop()
        new = Mini(mini.timer, "time_wait", [start])
        self._timers[mini.timer] = new
        self.minis.append(new)
        context.mini = (new, start[0])

    def _send_reset(self, event: Event, context: Context) -> None:
        number = event.number("reason")
        reason = REASONS[number] if number < len(REASONS) else str(number)
        source, target = sockaddr(event.raw("saddr")), sockaddr(event.raw("daddr"))
        address, t = event.number("skaddr"), event.t_ns
        context.reset_sent = Reset(t, source, target, reason, address)
        self.resets.append(context.reset_sent)
        # An active reset is traced after it was transmitted (tcp_send_active_reset), and a task may be held up in that.
        patience = CONTEXT_NS if event.softirq else TASK_NS
        if context.closed and t - context.closed[1] < patience:
            sock = context.closed[0]
            if sock.address == address and sock.end in ("closed", "rst_received", "overflow", "last_ack"):
                sock.end = "rst_sent"

    def _receive_reset(self, event: Event, _: Context) -> None:
        if sock := self._alive.get(event.number("skaddr")):
            sock.reset_received_ns = event.t_ns

    def _retransmit(self, event: Event, _: Context) -> None:
        sock, ends = self._alive.get(event.number("skaddr")), endpoints(event)
        if ends[0][0] not in self.known:
            return
        if sock is None:
            self.problems["retransmission of an unknown socket"] += 1
            return
        sock.local, sock.remote = ends
        sock.retrans[STATES[event.number("state")]] += 1

    def _error(self, event: Event, context: Context) -> None:
        context.error = (*endpoints(event), event.number("error"), event.t_ns)

    # Timers

    def _timer_start(self, event: Event, context: Context) -> None:
        timer, t = event.number("timer"), event.t_ns
        timeout = (event.number("expires") - event.number("now")) / self.hz
        kind = "time_wait" if self.functions.get(event.number("function")) == "tw_timer_handler" else "request"
        mini = self._timers.get(timer)
        moved = self._last_on_cpu.get(event.cpu) == ("timer_cancel", timer) and mini is not None and self._moved(mini, t, context)
        if mini and mini.kind == kind and (moved or mini.end_ns is None):
            context.moved = (mini, mini.end_ns, mini.end_by) if mini.end_ns is not None else None
            mini.end_ns, mini.end_by = None, None
            mini.starts.append((t, timeout))
            return
        mini = Mini(timer, kind, [(t, timeout)])
        self._timers[timer] = mini
        self.minis.append(mini)
        if kind == "time_wait":
            context.mini = (mini, t)

    @staticmethod
    def _moved(mini: Mini, t: int, context: Context) -> bool:
        """Tell a moved timer (a cancel and a start next to each other) from the memory's next owner.

        A request's timer is moved when a repeated SYN has just made it send its SYN+ACK again (tcp_check_req).
        """
        gap = t - (mini.end_ns or t)
        if mini.kind == "time_wait":
            return gap < MOVE_NS
        if context.synack is None or t - context.synack[0] > BIRTH_NS:
            return False
        if mini.local is None:
            _, mini.local, mini.remote = context.synack
            mini.tied_by = "retransmission"
        return context.synack[1:] == (mini.local, mini.remote)

    def _timer_cancel(self, event: Event, context: Context) -> None:
        mini, t = self._timers.get(event.number("timer")), event.t_ns
        if mini is None or mini.end_ns is not None:
            return
        mini.end_ns, mini.end_by = t, "cancelled"
        sent, born = context.reset_sent, context.child
        mini.reset_before = sent if sent and t - sent.t_ns < BIRTH_NS else None
        if mini.kind == "request" and born and born[0].request is None and t - born[1] < BIRTH_NS:
            child = born[0]
            child.request, mini.child = mini, child
            mini.local, mini.remote, mini.tied_by = child.local, child.remote, "child"

    def _expire_entry(self, event: Event, context: Context) -> None:
        timer = event.number("timer")
        function = self.functions.get(event.number("function"), "")
        context.timer = (timer, function)
        if (mini := self._timers.get(timer)) and function in ("tw_timer_handler", "reqsk_timer_handler"):
            mini.end_ns, mini.end_by = event.t_ns, "expired"
            if function == "reqsk_timer_handler":  # it may start itself again before it returns
                mini.end_ns, mini.end_by = None, None
                if mini.child:  # firing traces a cancel too: that was no birth
                    mini.child.request, mini.child = None, None
                    mini.local, mini.remote, mini.tied_by = None, None, ""

    def _expire_exit(self, event: Event, context: Context) -> None:
        timer, running = event.number("timer"), context.timer
        if running is None or running[0] != timer:
            return
        context.timer = None
        mini = self._timers.get(timer)
        started_again = self._last_starts_of(mini, event.t_ns)
        if mini and running[1] == "reqsk_timer_handler" and mini.end_ns is None and not started_again:
            mini.end_ns, mini.end_by = event.t_ns, "expired"

    @staticmethod
    def _last_starts_of(mini: Mini | None, t_ns: int) -> bool:
        """Say whether a request's timer started within the handler that ends now."""
        return mini is not None and t_ns - mini.starts[-1][0] < CONTEXT_NS

    def _retransmit_synack(self, event: Event, context: Context) -> None:
        local, remote = endpoints(event)
        context.synack = (event.t_ns, local, remote)
        self.synacks_resent.append(context.synack)
        if context.timer and context.timer[1] == "reqsk_timer_handler" and (mini := self._timers.get(context.timer[0])):
            mini.resent_ns.append(event.t_ns)
            if mini.local is None:
                mini.local, mini.remote, mini.tied_by = local, remote, "retransmission"
