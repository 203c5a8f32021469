"""A segment in few words: flags, relative numbers, length."""

from tcptrace_py.model.ladder import DrawnSegment
from tcptrace_py.model.segments import ACK, FIN, PSH, RST, SYN, URG

_NAMES = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (URG, "URG"), (ACK, "ACK"))


def flags_text(flags: int) -> str:
    """Flags by name, those that decide first."""
    return " ".join(name for bit, name in _NAMES if flags & bit) or "no flags"


def labels(segment: DrawnSegment, *, window: bool = False) -> list[str]:
    """The same segment from wordy to terse: the first that fits is shown."""
    sent = segment.sent
    if sent.cut:
        return ["(header cut)"]
    flags = flags_text(sent.flags)
    ack = f" ack {segment.ack}" if segment.ack is not None else ""
    length = f" len {sent.payload}" if sent.payload else ""
    win = f" win {sent.window}" if window else ""
    short = flags.replace("PSH ", "")
    return [
        f"{flags} seq {segment.seq}{ack}{length}{win}",
        f"{flags} seq {segment.seq}{ack}{length}",
        f"{short} seq {segment.seq}{ack}{length}",
        f"{short} {segment.seq}{ack}{length}",
        f"{short} {segment.seq}{length}",
        short,
        flags[:3],
    ]
