"""One connection was captured twice, before and behind a box that translates addresses or rewrites sequence numbers.

Shows: two SYNs within a tenth of a second bear the same initial number and different addresses, and both are answered by a SYN/ACK of
the same number (a SYN that nobody answered: its addresses are translated as those of the others are). Where a firewall makes up numbers
of its own, SYN and SYN/ACK bear the same timestamps, and addresses and ports are the same, or the SYN bears the same IP ID (IPv6 has
none: the same port). Without timestamps, addresses and ports are the same, and the TTLs tell of a router between (or at least three
connections have two sets of numbers at one moment); or, under other addresses, SYN and SYN/ACK bear the same IP IDs in at least three
connections, and in most of those between the two addresses in front. The SYN that was captured first is the one in front.

Look-alikes: two connections of one client at the same moment have numbers of their own. A proxy opens a connection of its own, with
other numbers. A scanner sends one number to many ports or addresses, which answer with different ones. Copies with the same addresses
(a mirror port, `-i any`, a router's both sides) are `duplicate-frames`. An answer that comes from another address and never in front
is `half-translated`. Under other addresses and other numbers, nothing in one connection proves that it is the same where there are no
timestamps: three or more are needed, and IP IDs. With neither (IPv6, a box that gives out IP IDs of its own, timestamps taken out) they
count as two. What began before the capture is not known again.

Do: nothing. What was captured behind is left out of every count, where the captures can be read again; from a pipe it is counted as
well. To look at the other side alone, choose its addresses with `--host`, where they are others.
"""

from collections.abc import Iterator
from dataclasses import replace

from tcptrace_py.findings.evidence import MOST_FRAMES, Evidence, display_filter
from tcptrace_py.findings.twins import Twin
from tcptrace_py.model.addresses import text
from tcptrace_py.model.endpoints import service
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.segments import key_parts

OF_A_SAMPLE = "a sample of all connections was looked at: there may be more"
Between = tuple[bytes, bytes, bytes, bytes, bytes]  # client and server in front, client and server behind, scope


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each pair of hosts in front and the one behind."""
    groups: dict[Between, list[Twin]] = {}
    for twin in evidence.twins.twins:
        client, server, _, _, scope = key_parts(twin.front.syn.key)
        other_client, other_server, *_ = key_parts(twin.behind.syn.key)
        groups.setdefault((client, server, other_client, other_server, scope), []).append(twin)
    for between, twins in sorted(groups.items()):
        yield _found(evidence, between, twins)


def _found(evidence: Evidence, between: Between, twins: list[Twin]) -> Finding:
    client, server, other_client, other_server = map(text, between[:4])
    ports, others = (_ports(twins, behind=behind) for behind in (False, True))
    twice = sum(not evidence.twins.is_left_out(twin) for twin in twins)
    frames = sorted(
        {twin.front.syn.frame for twin in twins} | {twin.behind.syn.frame for twin in twins if not evidence.twins.is_left_out(twin)}
    )
    times_ns = [twin.front.syn.time_ns for twin in twins]
    of = sum(account.connections for account in evidence.accounts_between((client, server, between[4])))
    is_translated = (client, server, ports) != (other_client, other_server, others)
    found = evidence.found(
        Code.SEEN_TWICE, Gravity.NOTE, "high", [], of=max(of, len(twins)), connections=len(twins), client=client, server=server,
        server_port=ports.pop() if len(ports) == 1 else None, span_ns=(min(times_ns), max(times_ns)),
        details={"pairs": len(twins), "counted_twice": twice, "other_client": other_client, "other_server": other_server},
        evidence=[_evidence(twins[0]), *([OF_A_SAMPLE] if evidence.twins.is_sample else [])],
        explanation=_explanation(between, twins, others, twice, is_translated=is_translated))  # fmt: skip
    both = [
        display_filter([], *ends, port)
        for ends, port in (
            ((client, server), found.server_port),
            ((other_client, other_server), next(iter(others)) if len(others) == 1 else None),
        )
    ]
    looks = both[0] if both[0] == both[1] else f"({both[0]}) || ({both[1]})"
    return replace(found, first_frame=frames[0], first_frames=tuple(frames[:MOST_FRAMES]), display_filter=looks)


def _ports(twins: list[Twin], *, behind: bool) -> set[int]:
    return {key_parts((twin.behind if behind else twin.front).syn.key)[3] for twin in twins}


def _explanation(between: Between, twins: list[Twin], others: set[int], twice: int, *, is_translated: bool) -> str:
    client, server, other_client, other_server = map(text, between[:4])
    translates = "addresses" if between[:2] != between[2:4] else "ports"
    what = "a box that rewrites sequence numbers" if any(twin.is_renumbered for twin in twins) else f"a box that translates {translates}"
    there = service(other_server, next(iter(others))) if len(others) == 1 else other_server
    seen_as = f", where they are {other_client} to {there}" if is_translated else ""
    counted = {0: "each is counted once", len(twins): "all counts hold both sides"}.get(twice, f"{twice:,} of them are counted twice")
    return f"Connections of {client} to {server} were captured before and behind {what}{seen_as}: {counted}."


def _evidence(twin: Twin) -> str:
    """What shows the first of them."""
    front, behind = twin.front.syn, twin.behind.syn
    if not twin.is_renumbered:
        same = "initial number"
    elif twin.has_same_stamps:
        same = f"timestamp and {'IP ID' if front.ip_id == behind.ip_id > 0 else 'port'}"
    elif not twin.is_one_tuple:
        same = "IP ID, as others of these addresses"
    else:
        same = "addresses and ports, other numbers"
    return (
        f"frames {front.frame} and {behind.frame} are one SYN: the same {same}, {(behind.time_ns - front.time_ns) / 1e6:.6g} ms apart, "
        f"TTL {front.ttl} and {behind.ttl}"
    )
