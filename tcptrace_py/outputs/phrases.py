"""What the design's words mean, in the words that people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .units import clock, count, human, some

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection, Handshake, Latency, PortBudget, Summary, Teardown

OUTCOMES = {
    "completed": "completed",
    "refused": "refused (SYN met a RST)",
    "unanswered": "unanswered (no answer was captured)",
    "aborted": "aborted (RST during the handshake)",
    "half-open": "half-open (SYN/ACK never acknowledged)",
    "not-captured": "not captured (no handshake in the capture)",
    "refused-by-time-wait": "refused by TIME_WAIT (each SYN met the old connection's, none got through)",
    "in-progress": "in progress when the capture ended",
}

# What each means where the word itself stands beside it.
OUTCOME_MEANINGS = {word: text.partition("(")[2].removesuffix(")") or text for word, text in OUTCOMES.items()}
OUTCOME_MEANINGS["completed"] = "the SYN/ACK was acknowledged, or what came later proves that it was"

PATTERNS = {
    "four-way": "both sides closed, one after the other, and each FIN was acknowledged",
    "simultaneous": "both FINs crossed: both sides pass CLOSING and TIME_WAIT",
    "rst": "a reset ended it",
    "half-closed": "only one side had closed by the end of the capture",
    "unfinished-close": "both FINs were seen, the acknowledgement of one never",
    "none": "no close was seen: open at the end, idle, or never established",
    "unknown": "what was captured cannot tell how it ended: one direction only, it begins too late, or it lacks the end",
}

CAUSES = {
    "refused": "nothing listens there, or a firewall rejects: the SYN was answered by a RST",
    "no-socket": "the side that sent it no longer had, or never had, this connection",
    "aborted-handshake": "given up right after the SYN/ACK",
    "abort": "an open connection was cut off: SO_LINGER 0, a crash or a kill, a limit, or a box on the path",
    "abort-unread-data": "closed while received data lay unread",
    "data-after-close": "data arrived after its receiver had closed",
    "late": "came after the close was complete: harmless",
}

KINDS = {
    "three-way": "SYN, SYN/ACK, ACK",
    "simultaneous": "both sides sent a SYN before they had the other's: four segments, one connection",
    "self-connect": "a socket connected to its own address and port: one side only",
    "fast-open": "the SYN carried data that the SYN/ACK acknowledged (TCP Fast Open, RFC 7413)",
}

BASES = {
    "observed": "a segment that the side itself sent proves it",
    "assumed": "a segment was captured on its way to the side, and is taken to have arrived",
    "inferred": "it follows from a call of the side's program, or from what must have been before the capture",
    "clock": "time passed: 2MSL, or the last repeat was overdue",
}

ROLES = {
    "client": "the side that sent the first SYN; where the capture begins too late, the side that it most likely was",
    "server": "the side that the first SYN was sent to",
    "between": "of a reset: neither side sent it, but something on the way, or a forger",
    "unknown": "of a reset: it cannot be told who sent it",
}

ENDED_BY = {
    "expired": "2MSL passed, by the clock of its host's profile",
    "reused": "a new SYN opened the next connection on the same four-tuple",
    "killed": "a RST ended it early",
    "capture-end": "it was not over when the capture ended",
}

SUBJECTS = {
    "handshake-latency": "how long handshakes took",
    "handshake-outcome": "whether handshakes were completed, refused, or went unanswered",
    "teardown": "how connections ended and who closed first",
    "times": "durations other than those of handshakes: waits, answers, stalls",
    "time-wait": "who entered TIME_WAIT, how many there were at once, and whether that is the most there will be",
    "port-budget": "how near a client's local ports are to running out",
}

# Why something is withheld, besides problems of the capture.
REASONS = {
    "short-capture": "the capture is shorter than a stay in TIME_WAIT: numbers were still rising at its end",
    "unknown-port-range": "no range of local ports was given (--port-range), and the traffic shows none: the system's default is assumed",
}

SEVERITIES = {
    "problem": "something failed",
    "warning": "it costs something or will fail",
    "note": "it is worth knowing, and harmless",
}

CONFIDENCES = {
    "high": "nothing else is likely to look so",
    "medium": "it would be wrong in up to one case of ten",
    "low": "more than one explanation fits, and this is the likeliest",
}

VANTAGES = {
    "client": "at the client",
    "server": "at the server",
    "middle": "between the two",
    "unknown": "at an unknown place",
}

RANGE_FROM = {"option": "given", "profile": "default", "traffic": "seen", "unknown": "all"}

NO_OUTWARD_LEG = "(from the server one sees neither the time a SYN needs to get there nor the SYNs lost on the way)"


def tally(counts: dict[str, int], words: dict[str, str] | None = None) -> str:
    """Put counts in words, the largest first: "3,900 four-way, 150 rst"."""
    rows = sorted(((number, name) for name, number in counts.items() if number), key=lambda row: (-row[0], row[1]))
    return ", ".join(f"{count(number)} {(words or {}).get(name, name)}" for number, name in rows)


def percentiles(latency: Latency) -> str:
    """Latency percentiles in words."""
    if latency.count == 0:
        return "none completed in sight of the capture"
    least, median, p90, p99, most = map(_took, (latency.min_ns, latency.p50_ns, latency.p90_ns, latency.p99_ns, latency.max_ns))
    if latency.count == 1:
        return most
    if least == most:
        return f"{most} each"
    if latency.count < 10:
        return f"{f'{least} to' if latency.min_ns else 'up to'} {most}, median {median}"
    return f"median {median}, p90 {p90}, p99 {p99}, slowest {most}"


def _took(duration_ns: int | None) -> str:
    """A time between segments in words: none is 0."""
    return "too short for the clock" if duration_ns == 0 else human(duration_ns)


def time_wait_words(summary: Summary) -> str:
    """TIME_WAIT over all hosts in words."""
    held, unseen = summary.time_wait, summary.patterns.get("unknown", 0)
    untold = f"for {some(unseen, 'connection')} it is not known" if unseen else ""
    if not held.entered:
        return f"nobody was seen to enter it; {untold}" if untold else "nobody entered it"
    told = (
        f"{count(held.entered)} entered, at most {count(held.peak)} at once ({clock(held.peak_at_ns)}), "
        f"{count(held.at_end)} there at the end"
    )
    return f"{told}; {untold}" if untold else told


def handshake_legs(handshake: Handshake, to_synack: str, to_ack: str) -> str:
    """How long both legs of a three-way handshake took, in words with a place for the time; empty where neither is told."""
    legs = ((to_synack, handshake.syn_to_synack_ns), (to_ack, handshake.synack_to_ack_ns))
    told = [words.format(human(duration_ns)) for words, duration_ns in legs if duration_ns is not None]
    return "" if handshake.kind == "simultaneous" else ", ".join(told)


def opened(connection: Connection, *, timed: bool = True) -> str:
    """How a connection was opened, in a cell: the time it took (where the clock is `timed`), or what happened instead."""
    handshake = connection.handshake
    if handshake.outcome == "completed" and handshake.total_ns is not None and timed:
        return human(handshake.total_ns)
    if handshake.outcome == "not-captured":
        return "before capture" if connection.midstream else "no handshake"
    return handshake.outcome


def closed(connection: Connection) -> str:
    """How a connection ended, in a cell."""
    teardown = connection.teardown
    if teardown.pattern == "rst" and teardown.reset is not None:
        by = "" if teardown.reset.by == "unknown" else f" by {teardown.reset.by}"
        return f"rst from {teardown.reset.by}" if teardown.reset.cause is None else teardown.reset.cause + by
    if teardown.pattern == "unknown":
        return "not seen"
    if teardown.pattern == "none":
        return "open" if connection.handshake.outcome in ("completed", "not-captured") else "-"
    in_flight = ", in flight" if teardown.censored else ""
    return f"{teardown.pattern}{_first(teardown)}{in_flight}"


def _first(teardown: Teardown) -> str:
    return f" by {teardown.first_fin}" if teardown.first_fin and teardown.pattern != "simultaneous" else ""


def display_filter(stream: int | None) -> str:
    """Wireshark's display filter for a connection; a dash where Wireshark gives it no stream."""
    return "-" if stream is None else f"tcp.stream eq {stream}"


def filter_title(stream: int | None) -> str:
    """The same where it stands by itself."""
    return "no stream of Wireshark's" if stream is None else display_filter(stream)


def retries(syns: int, synacks: int) -> str:
    """Handshake segments that were sent again, in words; empty for none."""
    return ", ".join(some(number, noun) for number, noun in ((syns, "SYN"), (synacks, "SYN/ACK")) if number)


def port_range(ports: PortBudget) -> str:
    """The range of local ports in a cell, and how it is known."""
    low, high = ports.port_range
    return f"{low}-{high} ({RANGE_FROM[ports.range_from]})"


def full_in(ports: PortBudget) -> str:
    """When the local ports run out, in a cell: a dash where they do not."""
    if ports.exhaustion is not None:
        return "RAN OUT"
    return "-" if ports.exhausted_in_s is None else human(round(ports.exhausted_in_s * 1e9))
