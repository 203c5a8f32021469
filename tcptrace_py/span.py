"""A span of time that is given by the capture's own: from so long after its first frame, or the last part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .capture import open_captures
from .checks.params import Duration
from .checks.scope import Moment
from .model import columns
from .model.errors import UsageError
from .model.problems import Problems
from .model.selection import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Span:
    """From a moment on, up to another one, or only the last so long; None leaves that open.

    Raises UsageError for a last part that has a beginning or an end besides.
    """

    begin: Moment | None = None
    end: Moment | None = None
    last_ns: int | None = None

    def __post_init__(self) -> None:
        if self.last_ns is not None and (self.begin is not None or self.end is not None):
            raise UsageError("--last is a span of its own: without --from and --to")

    @property
    def is_relative(self) -> bool:
        """Whether a capture must be looked at to know when it is."""
        return self.last_ns is not None or any(moment is not None and moment.relative for moment in (self.begin, self.end))

    def of(self, captures: Sequence[str], progress: Progress | None = None) -> tuple[int | None, int | None]:
        """First nanosecond since 1970 and the one behind the last, in these captures; for the last part they are read to their end."""
        if self.last_ns is not None:
            return last_frame_ns(captures, progress) - self.last_ns, None
        start_ns = first_frame_ns(captures) if self.is_relative else None
        begin, end = (None if moment is None else moment.of(start_ns) for moment in (self.begin, self.end))
        return begin, end


def parse_moment(text: str) -> Moment:
    """A time as `parse_time` reads it, or "+5s": so long after the first frame. Raises UsageError."""
    if text.startswith("+"):
        return Moment(text, Duration().read(text[1:]), relative=True)
    return Moment(text, parse_time(text), relative=False)


def first_frame_ns(captures: Sequence[str]) -> int:
    """When the first frame is; 0 where there is none."""
    return next((frames.time_ns[0] for frames in open_captures(list(captures), Problems()).blocks() if frames.count), 0)


def last_frame_ns(captures: Sequence[str], progress: Progress | None = None) -> int:
    """The latest time of any frame; 0 where there is none."""
    blocks = open_captures(list(captures), Problems(), progress=progress).blocks()
    return max((columns.most(frames.time_ns, frames.count) for frames in blocks if frames.count), default=0)
