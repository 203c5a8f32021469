"""Do the witnesses of a recording agree? Counted for index.json; what must not be is named."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.recorder.wire import ACK, FIN, SYN

if TYPE_CHECKING:
    from tests.recorder.pairing import Book

SHORT_S = 0.1  # sock_diag may miss what lived no longer


def agreement(book: Book, end_ns: int) -> dict[str, Any]:
    """Counts of what two independent witnesses saw, and their worst difference."""
    account = book.evidence.account
    known = book.evidence.host_of
    stays = [m for m in account.minis if m.kind == "time_wait" and m.time_wait_starts and m.local and m.local[0] in known]
    sampled: dict[Any, list[float]] = {}
    for e in book.evidence.samples:
        if e["state"] == "TIME_WAIT":
            sampled.setdefault((tuple(e["local"]), tuple(e["remote"])), []).append(e["ends"] - 60.0)
    worst, missed = 0.0, 0
    for stay in stays:
        starts = sampled.get((stay.local, stay.remote), [])
        differences = [abs(start - t / 1e9) for start in starts for t in stay.time_wait_starts]
        lived = ((stay.end_ns or end_ns) - stay.time_wait_starts[0]) / 1e9
        if differences:
            worst = max(worst, min(differences))
        elif lived > SHORT_S:
            missed += 1
    requests = [m for m in account.minis if m.kind == "request"]
    tied = Counter(m.tied_by for m in requests)
    return {
        "requests": len(requests),
        "requests_unexplained": tied["nothing"],
        "syn_recv_matched_by_synack": tied["synack"],
        "time_wait_by_timer": len(stays),
        "time_wait_in_samples": len(stays) - missed,
        "time_wait_sampled_only": len(set(sampled) - {(s.local, s.remote) for s in stays}),
        "time_wait_worst_difference_ms": round(worst * 1000, 1),
        **{k: v for k, v in book.witness.items() if v},
    }


def problems(book: Book, records: list[dict[str, Any]]) -> list[str]:
    """What cannot be true if the truth is: each a sentence. A sound recording has none."""
    found = [f"{n} times: {what}" for what, n in book.evidence.account.problems.items()]
    seen = {s.source[0] for wire in book.evidence.wires.values() for s in wire}
    for r in records:
        told = [*_of_record(r), *_against_wire(book, r)]
        found += [f"#{r['id']} {r['label']}: {p}" for p in told]
    tuples = {frozenset((tuple(r["a"]), tuple(r["b"]))) for r in records}
    stray = {frozenset((s.source, s.target)) for wire in book.evidence.wires.values() for s in wire} - tuples
    if stray:
        found.append(f"{len(stray)} four-tuples on the wire are in no record, e.g. {min(map(sorted, stray))}")
    if not seen:
        found.append("nothing was captured")
    return found


def _of_record(r: dict[str, Any]) -> list[str]:
    a, b = r["a_side"], r["b_side"]
    found = []
    if r["label"] is None:
        found.append("no program opened it")
    if a["role"] != "active" or not r["wire"]["a"].get("SYN"):
        found.append("no SYN was sent")
    elif r["wire"]["a"]["SYN"] - 1 != r["syn_retrans"]["a"]:
        found.append(f"SYNs on the wire {r['wire']['a']['SYN']}, retransmissions traced {r['syn_retrans']['a']}")
    for x, side in (("a", a), ("b", b)):
        if not side:
            continue
        times = [t for _, t in side["states"]]
        if times != sorted(times):
            found.append(f"{x}: states go back in time")
        states = [s for s, _ in side["states"]]
        fins = r["wire"][x].get("FIN", 0)
        if fins and not {"FIN_WAIT1", "LAST_ACK"} & set(states):
            found.append(f"{x}: {fins} FIN on the wire, states {states}")
        if side["end"] == "last_ack" and not fins:
            found.append(f"{x}: LAST_ACK ended without a FIN on the wire")
        if side["end"] in ("closed", "overflow") and "ESTABLISHED" in states and r["scenario"] != "tw_buckets":
            found.append(f"{x}: ended without a cause ({side['end']}, {states})")
        if side["end"] == "rst_sent" and not r["wire"][x].get("RST"):
            found.append(f"{x}: sent a RST that is not on the wire")
    if b and b["role"] == "passive" and r["open"] == "normal" and b["states"][0][1] < a["states"][0][1]:
        found.append("b was there before a")
    return found


# What must have come in at a host's own interface before its kernel could enter a state.
RECEIVED = {"CLOSE_WAIT": FIN, "CLOSING": FIN, "TIME_WAIT": FIN}
CAPTURE_S = 0.00002  # a frame is captured before it is processed; rounding aside


def _against_wire(book: Book, r: dict[str, Any]) -> list[str]:
    """Each side's states against the frames that its own host captured."""
    found = []
    a, b = (r["a"][0], r["a"][1]), (r["b"][0], r["b"][1])
    for x, own, peer in (("a", a, b), ("b", b, a)):
        side, host = r[f"{x}_side"], book.host(own)
        if not side or a == b or host not in book.evidence.wires or book.evidence.nat:
            continue
        came = book.sent(host, peer, own)
        begin = side["states"][0][1] - 0.001
        for state, t in side["states"]:
            wanted = RECEIVED.get(state, 0)
            if state == "ESTABLISHED" and side["role"] == "active" and r["open"] != "simultaneous":
                wanted = SYN | ACK
            arrivals = [s for s in came if s.flags & wanted == wanted and begin <= s.t_ns / 1e9 <= t + CAPTURE_S]
            if wanted and not arrivals:
                found.append(f"{x}: {state} at {t:.6f} before the segment that leads there was captured")
    return found
