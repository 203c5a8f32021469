"""What becomes of times that a capture cannot tell: a block that is read has none in their place, whatever is made of it."""

from array import array
from collections.abc import Iterable

from tcptrace_py.model.finding import Withheld

from .block import (
    ANSWER,
    CLIENT_CLOSED,
    CLIENT_UNANSWERED_NS,
    CLOSE,
    FINAL_IDLE,
    HANDSHAKE,
    SERVER_CLOSED,
    SERVER_UNANSWERED_NS,
    STALL,
    SURVIVED,
    SYN_TO_SYNACK,
    SYNACK_TO_ACK,
    WAIT,
    WAIT_FRAME,
    Block,
)
from .table import MISSING

COARSE_CLOCK = "coarse-clock"
COURSE = (ANSWER, WAIT, WAIT_FRAME, STALL, SURVIVED, FINAL_IDLE, CLIENT_UNANSWERED_NS, SERVER_UNANSWERED_NS, CLIENT_CLOSED, SERVER_CLOSED)
# What is withheld and because of which problem -> columns of connections. A filter leaves the times between segments that it passes.
COLUMNS = {
    ("handshake-latency", COARSE_CLOCK): (SYN_TO_SYNACK, SYNACK_TO_ACK, HANDSHAKE),
    ("handshake-latency", "filtered"): (SYNACK_TO_ACK, HANDSHAKE),
    ("times", COARSE_CLOCK): (CLOSE, *COURSE),
    ("times", "filtered"): COURSE,
}


def hides(row: Withheld) -> bool:
    """Whether a conclusion that is withheld is a time of single connections."""
    return (row.what, row.because) in COLUMNS


def hide(block: Block, withheld: Iterable[Withheld]) -> None:
    """Put MISSING in place of these times."""
    table = block.connections
    for row in withheld:
        for column in COLUMNS[row.what, row.because]:
            at = column * table.capacity
            table.wide[at : at + table.count] = array("q", [MISSING]) * table.count
        if (row.what, row.because) == ("times", COARSE_CLOCK):
            block.is_timed = False
