"""Two captures of the same traffic: the parts of the page that are no verdict, and their rows in the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcptrace_py.outputs.blocks import Block, Column, Facts, Grid, Heading
from tcptrace_py.outputs.document import endpoint_row, latency_row
from tcptrace_py.outputs.units import count, end, human, ms, printable, rfc3339, share, some

from . import _phrases as phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.path import Clock, Forged, Paired, PathFacts, Unpaired, Way
    from tcptrace_py.model.results import Connection, Latency

    Row = dict[str, Any]

WAYS = ("A to B", "B to A")
RARE = (
    ("uncaptured", "not captured", "arrived, as answers prove, though the far capture lacks {them}"),
    ("unsent", "never sent", "in the far capture alone: missed at the near point, or made on the way"),
    ("readdressed", "other address", "at one point under other addresses than the rest of their connection: neither lost nor made up"),
    ("copied", "copies", "captured again: made on the way or by a mirror port, neither lost nor sent again"),
)
MOST = 10  # rows of a list on the page; the document has all
PARTS = (
    ("out", "SYN, near point to far"),
    ("far", "SYN to SYN/ACK at the far point: the server"),
    ("back", "SYN/ACK, far point to near"),
    ("near", "SYN/ACK to ACK at the near point: the client"),
    ("again", "waiting for a SYN or SYN/ACK to come again"),
    ("total", "whole handshake, at the near point"),
    ("answer_far", "request to answer, at the far point: the server"),
    ("answer_near", "request to answer, at the near point"),
)


def blocks(facts: PathFacts) -> Iterator[Block]:
    """What was found, before it is judged."""
    both = f"{printable(facts.names[1])}: {some(facts.connections[1], 'connection')}"
    yield Facts((
        ("A", f"{printable(facts.names[0])}: {some(facts.connections[0], 'connection')}"),
        ("B", f"{both}, {count(len(facts.pairs))} of them in both"),
        ("clocks", clock_words(facts.clock, facts.coarse)),
        ("clients", _clients(facts)),
    ))  # fmt: skip
    if facts.pairs:
        yield Heading("Way")
        yield _ways(facts)
        yield from _rare(facts)
        yield from _parts(facts)
    yield from _worst(facts)
    yield from _forged(facts)
    yield from _unpaired(facts)
    yield from _translations(facts)
    if facts.alterations:
        yield Heading("Changed on the way")
        yield Grid((Column("what", least=20), Column("connections", right=True), Column("first in A"),
                    Column("in B")),
                   [(row.text, count(row.connections), phrases.look(row.first[0]), phrases.look(row.first[1]))
                    for row in facts.alterations])  # fmt: skip


def clock_words(clock: Clock, coarse: str = "") -> str:
    """How the clocks stand to each other, and how sure that is. `coarse`: the points whose clock tells no times."""
    if coarse:
        whose = "both are" if coarse == "AB" else f"{coarse}'s is"
        return f"{whose} too coarse for what is measured: no time between the points is known"
    if not clock.is_known:
        return "nothing tells how they stand to each other"
    ahead = (
        "level with A's"
        if not clock.offset_ns
        else f"{human(abs(clock.offset_ns))} " + ("ahead of A's" if clock.offset_ns > 0 else "behind A's")
    )
    text = f"B's is {ahead}"
    if clock.drift:
        gains = "gains" if clock.drift > 0 else "loses"
        text += f" in the middle of the capture and {gains} {abs(clock.drift) * 1e6:.3g} µs a second"
    if clock.bound_ns is None:
        return text + ", if the quickest segment took no time: one direction alone was captured at both"
    if not clock.steady:
        return text + " as far as can be told: no steady offset fits, a clock was set"
    return text + f", exactly if the way takes equally long both ways, in any case within {human(clock.bound_ns)}"


def _clients(facts: PathFacts) -> str:
    at_a, at_b = facts.clients_at
    if not at_b or not at_a:
        return f"all on {'A' if at_a else 'B'}'s side" if at_a or at_b else "-"
    return f"of {some(at_a, 'connection')} on A's side, of {count(at_b)} on B's"


def _ways(facts: PathFacts) -> Grid:
    columns = (
        Column("direction"),
        Column("sent", right=True),
        Column("lost", right=True),
        Column("share", right=True),
        Column("RSTs lost", right=True, drop=3),
        Column("quickest", right=True, drop=2),
        Column("median", right=True),
        Column("p99", right=True),
        Column("slowest", right=True, drop=2),
    )
    return Grid(columns, [_way(name, way) for name, way in zip(WAYS, facts.ways, strict=True)])


def _rare(facts: PathFacts) -> Iterator[Block]:
    """What else became of packets, where anything did."""
    rows = []
    for name, label, meaning in RARE:
        counts = [getattr(way, name) for way in facts.ways]
        if any(counts):
            listed = ", ".join(f"{count(number)} {way}" for number, way in zip(counts, WAYS, strict=True) if number)
            rows.append((label, f"{listed}: {meaning.format(them='it' if sum(counts) == 1 else 'them')}"))
    lost = [f"{count(way.lost)} {name}{way.kinds_lost}" for name, way in zip(WAYS, facts.ways, strict=True) if way.lost]
    if lost:
        rows.insert(0, ("lost", "; ".join(lost)))
    if rows:
        yield Facts(tuple(rows))


def _way(name: str, way: Way) -> tuple[str, ...]:
    transit = way.transit
    times = (transit.min_ns, transit.p50_ns, transit.p99_ns, transit.max_ns) if transit else (None,) * 4
    return (name, count(way.sent), count(way.lost), share(way.lost, way.sent), count(way.resets_lost),
            *(human(time_ns or None) for time_ns in times))  # fmt: skip


def _parts(facts: PathFacts) -> Iterator[Block]:
    rows = [(name, text, latency) for name, text in PARTS if (latency := getattr(facts.latencies, name)).count]
    if rows:
        yield Heading("Where time goes", "near point: the one near the client")
        columns = (
            Column("part", least=30),
            Column("of", right=True),
            Column("median", right=True),
            Column("p90", right=True, drop=2),
            Column("p99", right=True),
            Column("slowest", right=True),
        )
        lines = []
        for name, text, one in rows:
            none_ns = 0 if name == "again" else None  # who sends nothing again waits for nothing; between two segments no time is 0
            times_ns = (one.p50_ns, one.p90_ns, one.p99_ns, one.max_ns)
            lines.append((text, count(one.count), *(human(time_ns or none_ns) for time_ns in times_ns)))
        yield Grid(columns, lines)


def worst(facts: PathFacts) -> list[Paired]:
    """The connections that lost most."""
    return sorted((row for row in facts.pairs if row.all_lost), key=lambda row: (-row.all_lost, row.a.id))


def _worst(facts: PathFacts) -> Iterator[Block]:
    rows = worst(facts)
    if not rows:
        return
    yield Heading("Most lost", f"{some(len(rows), 'connection')} lost packets")
    columns = (
        Column("in A"),
        Column("in B"),
        Column("client", least=12),
        Column("server", least=12),
        Column("A to B", right=True),
        Column("B to A", right=True),
        Column("lost frames", least=16, drop=2),
    )
    yield Grid(columns, [(phrases.look(row.a), phrases.look(row.b), end(row.a.client), end(row.a.server),
                          f"{row.lost[0]} of {row.sent[0]}", f"{row.lost[1]} of {row.sent[1]}", _frames(row))
                         for row in rows[:MOST]])  # fmt: skip


def _frames(row: Paired) -> str:
    parts = [f"{name} {' '.join(map(str, frames))}{' …' if lost > len(frames) else ''}"
             for name, frames, lost in zip("AB", row.lost_frames, row.lost, strict=True) if frames]  # fmt: skip
    return ", ".join(parts)


def _forged(facts: PathFacts) -> Iterator[Block]:
    if not facts.forged:
        return
    yield Heading("Made up on the way", f"{some(len(facts.forged), 'segment')} that nobody sent")
    columns = (Column("what"), Column("frame"), Column("in its capture"), Column("named as sender", least=16), Column("sure", drop=3),
               Column("evidence", least=24))  # fmt: skip
    yield Grid(columns, [(each.kind, f"{each.seen_at} {each.frame}", _at(each), _named(each), each.confidence,
                          "; ".join(each.evidence)) for each in facts.forged[:MOST]],
               _more(len(facts.forged)))  # fmt: skip


def _at(each: Forged) -> str:
    return phrases.look(each.connections[each.seen_at == "B"])


def _named(each: Forged) -> str:
    connection = each.connections[each.seen_at == "B"]
    return f"{each.said_by} {end(connection.client if each.said_by == 'client' else connection.server)}"


def _unpaired(facts: PathFacts) -> Iterator[Block]:
    if not facts.unpaired:
        return
    yield Heading("In one capture only", some(len(facts.unpaired), "connection"))
    columns = (Column("only in"), Column("display filter"), Column("client", least=12), Column("server", least=12), Column("why", least=30))
    yield Grid(columns, [(row.at, phrases.look(row.connection), end(row.connection.client), end(row.connection.server),
                          row.why) for row in facts.unpaired[:MOST]], _more(len(facts.unpaired)))  # fmt: skip


def _translations(facts: PathFacts) -> Iterator[Block]:
    if not facts.translations:
        return
    yield Heading("Addresses rewritten on the way")
    columns = (
        Column("who"),
        Column("A saw"),
        Column("B saw"),
        Column("connections", right=True),
        Column("ports changed", right=True),
        Column("such as", least=20, drop=2),
    )
    yield Grid(columns, [(row.role, row.a, row.b, count(row.connections), count(row.ports_changed),
                          ", ".join(f"{one} as {other}" for one, other in row.ports[:4]))
                         for row in facts.translations[:MOST]], _more(len(facts.translations)))  # fmt: skip


def _more(total: int) -> str:
    return f"and {total - MOST:,} more: --format json lists all" if total > MOST else ""


# -- the document ------------------------------------------------------------------------------------------------------


def path_row(facts: PathFacts) -> Row:
    """`path` of the verdict document."""
    clock = facts.clock
    return {
        "a": {"name": facts.names[0], "connections": facts.connections[0]},
        "b": {"name": facts.names[1], "connections": facts.connections[1]},
        "paired": len(facts.pairs),
        "clients_on_side": {"a": facts.clients_at[0], "b": facts.clients_at[1]},
        "clock": {
            "offset_ms": ms(clock.offset_ns) if clock.is_known else None, "bound_ms": ms(clock.bound_ns),
            "drift_ppm": round(clock.drift * 1e6, 6) if clock.is_known else None, "steady": clock.steady if clock.is_known else None,
            "coarse": list(facts.coarse), "segments_a_to_b": clock.samples[0], "segments_b_to_a": clock.samples[1],
        },
        "a_to_b": _way_row(facts.ways[0]),
        "b_to_a": _way_row(facts.ways[1]),
        "latency_ms": {name: latency_row(getattr(facts.latencies, name)) for name, _ in PARTS},
        "made_up": [_forged_row(each) for each in facts.forged],
        "translations": [
            {"role": row.role, "a": row.a, "b": row.b, "connections": row.connections,
             "ports_changed": row.ports_changed, "ports": [list(pair) for pair in row.ports]}
            for row in facts.translations
        ],
        "changed": [
            {"code": row.code, "text": row.text, "connections": row.connections,
             "first": {"a": _at_point(row.first[0]), "b": _at_point(row.first[1])}}
            for row in facts.alterations
        ],
        "only_in_one": [_unpaired_row(row) for row in facts.unpaired],
        "connections": [_paired_row(row) for row in facts.pairs],
    }  # fmt: skip


def _way_row(way: Way) -> Row:
    return {
        "sent": way.sent, "lost": way.lost, "resets_lost": way.resets_lost, "not_captured": way.uncaptured,
        "never_sent": way.unsent, "copies": way.copied, "other_address": way.readdressed, "resegmented": way.resegmented,
        "lost_kinds": dict(sorted(way.lost_kinds.items())),
        "transit_ms": _latency(way.transit),
    }  # fmt: skip


def _latency(latency: Latency | None) -> Row | None:
    return None if latency is None else latency_row(latency)


def _at_point(connection: Connection) -> Row:
    return {"id": connection.id, "stream": connection.stream, "client": endpoint_row(connection.client),
            "server": endpoint_row(connection.server), "display_filter": phrases.look(connection)}  # fmt: skip


def _forged_row(each: Forged) -> Row:
    a, b = each.connections
    return {"kind": each.kind, "seen_at": each.seen_at, "said_by": each.said_by, "frame": each.frame,
            "at": rfc3339(each.at_ns), "confidence": each.confidence, "evidence": list(each.evidence),
            "a": _at_point(a), "b": _at_point(b)}  # fmt: skip


def _unpaired_row(row: Unpaired) -> Row:
    return {"at": row.at, "code": row.code, "why": row.why, **_at_point(row.connection)}


def _paired_row(row: Paired) -> Row:
    ways = {
        name: {"sent": row.sent[way], "lost": row.lost[way], "not_captured": row.uncaptured[way],
               "never_sent": row.unsent[way], "resets_lost": row.resets_lost[way],
               "lost_frames": list(row.lost_frames[way])}
        for way, name in enumerate(("a_to_b", "b_to_a"))
    }  # fmt: skip
    return {"a": _at_point(row.a), "b": _at_point(row.b), "paired_by": row.by,
            "round_trip_ms": ms(row.round_trip_ns), **ways}  # fmt: skip
