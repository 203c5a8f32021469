"""Connections to verdicts: each as it ends, textbook ones by the verdict on the first that went the same way."""

from typing import TYPE_CHECKING

from tcptrace_py.facts.timers import gives_up_ns, is_in_flight, may_be_in_flight, waits
from tcptrace_py.findings.vantage import Legs, Vantages, legs, place
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.live import refused
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Verdict, View
from tcptrace_py.states.replay import judge
from tcptrace_py.states.signature import marks_of, signature

if TYPE_CHECKING:
    from tcptrace_py.findings.outline import Outline

RECENT = 1 << 8
MOST_NAMED = 1 << 12  # verdicts on connections that do not go by the book which serve for others


class Template:
    """The verdict on all textbook connections of one signature, and the outline of the first one."""

    __slots__ = ("in_flight", "may_be_in_flight", "outline", "signature", "verdict", "where")

    def __init__(self, verdict: Verdict, signature: int, where: int) -> None:
        self.verdict = verdict
        self.outline: Outline | None = None
        self.signature = signature
        self.where = where
        self.may_be_in_flight = may_be_in_flight(verdict)
        self.in_flight: Template | None = None  # the same of those that were in flight when the capture ended

    def at_end(self, live: Live, known_ns: int) -> "Template":
        """The template of a connection of this signature, in a capture that is known up to `known_ns`."""
        if not self.may_be_in_flight or not is_in_flight(live, self.verdict, known_ns):
            return self
        if self.in_flight is None:
            self.in_flight = Template(self.verdict, self.signature, self.where)
        return self.in_flight


class Replayer:
    """Judges connections as they end.

    The verdict on a textbook connection depends on nothing but the order of its segments and on where its handshake says
    that the capture stood, so it is reasoned out once and kept by both. A connection whose own handshake does not tell
    that, and whose verdict may depend on it, waits until all handshakes between its hosts are known.
    """

    def __init__(self, profiles: Profiles) -> None:
        self.longest_ns = max(profile.time_wait_ns for profile in (profiles.default, *profiles.by_address.values()))
        self.vantages = Vantages()
        self.templates: dict[int, Template] = {}
        self.named: dict[bytes, Verdict] = {}  # by signature, of those that do not go by the book
        self.recent: list[Template | None] = [None] * RECENT  # those that were asked for by signature, each in its place

    def template(self, live: Live, own: Legs | None) -> Template | None:
        """Template of a textbook connection; None for any other."""
        if not live.plain:
            return None
        name = template_name(live.signature, place(own), own is not None and own.client == 1)
        known = self.templates.get(name)
        if known is None:
            known = self.templates[name] = Template(judge(live, self.vantages.view(live, own)), live.signature, place(own))
        return known

    def known(self, signature: int, where: int) -> Template | None:
        """Template, if there is one, of a connection that began with an ordinary SYN of its first side."""
        slot = (signature ^ signature >> 24) + where & RECENT - 1
        recent = self.recent[slot]
        if recent is None or recent.signature != signature or recent.where != where:
            recent = self.recent[slot] = self.templates.get(template_name(signature, where, 0))
        return recent

    def verdict(self, live: Live, resets: bool = True) -> Verdict:
        """The verdict on a connection, as far as it is known while others go on. `resets`: see `judge`."""
        own = legs(live)
        template = self.template(live, own)
        return self._judged(live, self.vantages.view(live, own), resets) if template is None else template.verdict

    def settled_verdict(self, live: Live, own: Legs | None) -> Verdict:
        """The same when all handshakes of its hosts are known; `own`: the legs of its own."""
        template = None if not live.plain or refused(live) else self.template(live, own)
        return self._judged(live, self.vantages.view(live, own, settled=True), True) if template is None else template.verdict

    def _judged(self, live: Live, view: View, resets: bool) -> Verdict:
        name = signature(live, view)
        if not name:
            return judge(live, view, resets)
        verdict = self.named.get(name)
        if verdict is not None:
            return verdict.of_another(view, marks_of(live) if resets and verdict.resets else [])
        verdict = judge(live, view, resets)
        if resets and len(self.named) < MOST_NAMED:
            self.named[name] = verdict
        return verdict

    def states_of(self, live: Live, time_ns: int) -> tuple[State, State]:
        """Both sides' states at a moment, by number."""
        verdict = live.judged
        if not isinstance(verdict, Verdict) or live.judged_at != len(live.log):
            verdict = self.verdict(live, False)
            live.judged, live.judged_at = verdict, len(live.log)
        return (self._at(live, verdict, 0, time_ns), self._at(live, verdict, 1, time_ns))

    def _at(self, live: Live, verdict: Verdict, number: int, time_ns: int) -> State:
        state = verdict.final(number)
        if state != State.TIME_WAIT:
            return State.CLOSED if gives_up_ns(live, verdict, number, time_ns) <= time_ns and waits(live, verdict, number) else state
        stay = next(stay for stay in verdict.stays if stay.side == number)
        if stay.killed >= 0:
            return State.CLOSED
        since = live.log[stay.restarts[-1] if stay.restarts else stay.entered].time_ns
        return State.TIME_WAIT if time_ns - since <= self.longest_ns else State.CLOSED


def template_name(signature: int, where: int, client: int) -> int:
    """What verdicts on textbook connections hang on, as one number."""
    return signature << 4 | where << 1 | client
