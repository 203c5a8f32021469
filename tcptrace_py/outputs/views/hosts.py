"""--show hosts: every address with its connections and its TIME_WAIT."""

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Heading, Note
from tcptrace_py.outputs.view import View

from .parts import ADDRESSES, host_grid, none_note, title


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Build the list, most TIME_WAIT first."""
    yield from title(analysis)
    yield from none_note(analysis, view)
    yield Heading("Hosts", ADDRESSES)
    yield host_grid(analysis.hosts, view.limit, full=True)
    yield Note(
        "opened, served: connections as client, as server. closed first: its FIN was the first. "
        "TIME_WAIT: stays entered; peak: most at once. restarted: by a repeated FIN or the like; "
        "reused: ended by a new SYN; killed: ended by a RST.",
        "quiet",
    )
