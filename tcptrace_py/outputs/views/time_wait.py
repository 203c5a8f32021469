"""--show time-wait: who holds it, since when, towards which services, and how many local ports that leaves."""

from tcptrace_py.model.results import Analysis, Hosts, ProfileRow
from tcptrace_py.outputs.blocks import Blocks, Heading, Note
from tcptrace_py.outputs.phrases import time_wait_words
from tcptrace_py.outputs.units import human
from tcptrace_py.outputs.view import View

from .parts import ADDRESSES, facts, filter_note, host_grid, port_grid, title
from .teardowns import service_grid


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Totals, hosts, services, ports."""
    digest = view.digest(analysis, 0)
    held = Hosts(analysis.hosts.holding())
    yield from title(analysis)
    yield Heading("TIME_WAIT")
    yield facts(("In all", time_wait_words(analysis.summary)), ("Model", "; ".join(_profile(profile) for profile in analysis.profiles)))
    if held:
        yield Heading("Hosts", ADDRESSES)
        yield host_grid(held, view.limit, full=True)
    yield from filter_note(view, digest.count, analysis)
    if digest.services:
        yield Heading("Services", "who closed first, and which side's TIME_WAIT that left")
        yield service_grid(digest, view.limit)
    if analysis.ports:
        yield Heading("Local ports", "held at once from one client address to one service, against its range")
        yield port_grid(analysis.ports, view.limit)
        yield Note(
            "A server's TIME_WAIT holds none of its ports: it costs a little memory. full in: when the ports "
            "run out at the present rate, where they do.",
            "quiet",
        )


def _profile(profile: ProfileRow) -> str:
    hosts = "all hosts" if profile.hosts == "*" else ", ".join(profile.hosts)
    low, high = profile.ephemeral_ports
    return f"{hosts} as {profile.name}: {human(round(profile.time_wait_s * 1e9))}, local ports {low}-{high}"
