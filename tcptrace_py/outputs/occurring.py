"""Where nothing is what was asked for: what was asked, and what there is instead."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tcptrace_py.model.finding import Code

from .units import clock, count, printable, service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcptrace_py.model.results import Analysis, Connection
    from tcptrace_py.model.selection import Selection

    from .view import View

MOST = 8  # of each kind are named


def none_picked(analysis: Analysis, view: View) -> str:
    """Say that no connection passes the filters of a view, and what occurs of that which they ask for. Its connections are kept."""
    asked = [
        f"{option} {word}"
        for option, words in (
            ("--outcome", view.outcomes),
            ("--teardown", view.patterns),
            ("--state", view.states),
            ("--final-state", view.final_states),
            ("--reset-by", view.reset_by),
            ("--cause", view.causes),
            ("--stream", view.streams),
        )
        for word in sorted(words, key=str)
    ]
    there = []
    if view.outcomes:
        there.append(("handshakes", _counts(analysis.summary.outcomes)))
    if view.patterns:
        there.append(("teardowns", _counts(analysis.summary.patterns)))
    if view.states:
        there.append(("states", _counts(_states(analysis.connections, final=False))))
    if view.final_states:
        there.append(("final states", _counts(_states(analysis.connections, final=True))))
    if view.reset_by or view.causes:
        resets = [reset for connection in analysis.connections for reset in connection.resets]
        there.append(("resets", _counts(Counter(f"{reset.cause or 'no cause'} by {reset.by}" for reset in resets)) or "none"))
    if view.streams:
        numbers = [connection.stream for connection in analysis.connections if connection.stream is not None]
        there.append(("streams", f"{min(numbers)} to {max(numbers)}" if len(numbers) > 1 else ", ".join(map(str, numbers)) or "none"))
    matches = f"no connection of {count(analysis.summary.connections)} matches {', '.join(asked)}"
    return matches + "".join(f"; {kind}: {words}" for kind, words in there) + (seen_behind(analysis) if view.streams else "")


def seen_behind(analysis: Analysis) -> str:
    """Which connections are told by what was captured of them elsewhere, and how to ask for them; nothing where there are none."""
    twice = [finding for finding in analysis.findings if finding.code == Code.SEEN_TWICE and not finding.details["counted_twice"]]
    ends = {(finding.client, finding.details["other_client"]) for finding in twice} | {
        (finding.server, finding.details["other_server"]) for finding in twice
    }
    behind = sorted(str(other) for here, other in ends if other != here)
    if not behind:
        return ""
    hosts = ", ".join(f"--host {address}" for address in behind[:MOST])
    return f"; connections captured twice are counted in front of the translation only (seen-twice): behind it {hosts} chooses them"


def selected(selection: Selection) -> str:
    """The options that chose what was analysed."""
    ports = [str(low) if low == high else f"{low}-{high}" for low, high in selection.ports]
    words = [
        *(f"--host {host}" for host in selection.hosts),
        *(f"--net {net}" for net in selection.nets),
        *(f"--port {port}" for port in ports),
    ]
    words += [
        f"{option} {clock(time_ns, dated=True)}"
        for option, time_ns in (("--from", selection.from_ns), ("--to", selection.to_ns))
        if time_ns is not None
    ]
    return printable(" ".join(words))


def none_selected(analysis: Analysis, selection: Selection, whole: Analysis | None) -> str:
    """Say that a selection leaves no connection, and what there is: in `whole`, the same capture without it, where it was read."""
    text = f"no connection matches {selected(selection)}"
    capture = analysis.capture
    if (selection.from_ns is not None or selection.to_ns is not None) and capture.start_ns is not None:
        text += f"; the capture goes from {clock(capture.start_ns, dated=True)} to {clock(capture.end_ns, dated=True)} UTC"
    if whole is not None and whole.digest is not None and not selection.takes_all_keys:
        ranked = whole.digest.busiest()
        services = [f"{service(row.address, row.port)} ({count(row.connections)})" for row in ranked]
        text += f"; there are connections to {_listed(services)}" if services else "; there is none at all"
        if selection.hosts or selection.nets:
            servers = {row.address for row in ranked}
            clients = sorted(host.address for host in whole.hosts if host.address not in servers)
            text += f" from {_listed(clients)}" if clients else ""
        if whole.interrupted:
            text += f", in the first {count(whole.capture.packets)} packets"
    return text


def _states(connections: Iterable[Connection], *, final: bool) -> Counter[str]:
    """How many connections have a side that passed each state, or was in it last."""
    found: Counter[str] = Counter()
    for connection in connections:
        sides = [side for side in (connection.client_side, connection.server_side) if side is not None]
        found.update(
            {side.final_state.name for side in sides if side.final_state is not None}
            if final
            else {entry.state.name for side in sides for entry in side.states}
        )
    return found


def _counts(counts: dict[str, int]) -> str:
    ranked = sorted(((number, name) for name, number in counts.items() if number), key=lambda row: (-row[0], row[1]))
    return ", ".join(f"{name} ({count(number)})" for number, name in ranked)


def _listed(words: list[str]) -> str:
    return ", ".join(words[:MOST]) + (f" and {count(len(words) - MOST)} more" if len(words) > MOST else "")
