"""The overview's last lines: which commands show more of what was found, the most telling first."""

from collections.abc import Iterator
from shlex import quote

from tcptrace_py.model.digest import FEW, Digest, TroubleGroup
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Heading, Note
from tcptrace_py.outputs.units import printable

STDIN = "standard input"  # as it is called in a result
MANY_WAITS = 100  # stays in TIME_WAIT at once from which on they are worth a look of their own


def next_steps(analysis: Analysis, digest: Digest, groups: list[TroubleGroup]) -> Blocks:
    """What to look at next; nothing where nothing was found. `groups`: connections that went wrong, the most first."""
    steps = list(_steps(analysis, digest, groups))
    if steps:
        yield Heading("Next")
        yield from (Note(step) for step in steps)


def _steps(analysis: Analysis, digest: Digest, groups: list[TroubleGroup]) -> Iterator[str]:
    files = analysis.capture.files
    captures = quote(printable(files[0].path)) if len(files) == 1 and files[0].path != STDIN else "CAPTURE..."
    if analysis.summary.time_wait.peak >= MANY_WAITS:
        yield f"tcpstates time-wait {captures}"
    stream = _stream(analysis, digest, groups)
    if stream is not None:
        yield f"tcpstates explain {captures} stream:{stream}"
    if groups and digest.count > FEW:
        yield f"tcpstates analyze {captures} --show connections --connections notable"


def _stream(analysis: Analysis, digest: Digest, groups: list[TroubleGroup]) -> int | None:
    """The first connection that shows what was found, by its stream; None where that is not known."""
    for group in groups:
        if group.stream is not None:
            return group.stream
    shows = {frame for finding in analysis.findings for frame in finding.first_frames}
    return next((connection.stream for connection in digest.shown() if connection.first_frame in shows), None)
