"""The ladder for a terminal: time and both sides' states at the margins, segments as arrows between them."""

from collections.abc import Iterator, Sequence

from tcptrace_py.model.ladder import COPY, SENT_AGAIN, DrawnSegment
from tcptrace_py.model.results import Connection, StateEntry
from tcptrace_py.outputs.formats.table import prose
from tcptrace_py.outputs.units import end, human, since

from .labels import labels
from .script import Arrow, Change, Fold, Item, Wait, fold_texts

STATE = 12  # the longest name of a state
TIME = 10
WIDE = 100  # from here on the time since the last segment and windows are shown
NARROWEST = 20  # of the space between the lifelines
WIDEST = 72


class Ladder:
    """Draws items of a script on a page of `width` columns; `why` adds the reason of every change of state.

    Without `timed` the clock does not tell short times apart: none of 0 is shown.
    """

    def __init__(self, connection: Connection, width: int, *, why: bool = False, timed: bool = True) -> None:
        self.connection = connection
        self.why = why
        self.timed = timed
        self.alone = connection.server_side is None
        self.wide = width >= WIDE
        self.frame_width = max(len(str(connection.last_frame)), 5)
        left = TIME + (11 if self.wide else 0) + 1 + self.frame_width + 2 + STATE + 1
        self.middle = min(max(width - left - STATE - 3, NARROWEST), WIDEST)
        self.margin = left
        self.width = width
        self.states = {"client": "", "server": ""}

    def lines(self, items: Sequence[Item]) -> Iterator[str]:
        """Every line, without trailing space."""
        yield from self._head()
        for item in items:
            if isinstance(item, Arrow):
                yield from self._arrow(item)
            elif isinstance(item, Fold):
                yield from self._fold(item)
            elif isinstance(item, Wait):
                yield from self._wait(item.words)
            else:
                yield from self._change(item)

    def _head(self) -> Iterator[str]:
        client, server = end(self.connection.client), end(self.connection.server)
        if self.alone:
            server = "(the same socket)"
        since = f"{'+ before':>10} " if self.wide else ""
        title = f"{'seconds':>{TIME}} {since}{'frame':>{self.frame_width}}"
        gap = self.margin + self.middle + 3 + STATE - len(title) - 2 - len(client) - len(server)
        if gap >= 2:
            yield f"{title}  {client}{' ' * gap}{server}"
        else:
            yield f"{title}  {client}"
            yield f"{server:>{self.margin + self.middle + 3 + STATE}}"

    def _row(self, segment: DrawnSegment | None, client: str, middle: str, server: str, at_ns: int | None = None) -> str:
        at_ns = segment.sent.time_ns if segment is not None else at_ns
        time = "" if at_ns is None else self._seconds(at_ns - self.connection.start_ns)
        since = ""
        if self.wide:
            since = f"{'' if segment is None else _delay(segment.delay_ns):>10} "
        frame = "" if segment is None else str(segment.sent.frame)
        return f"{time:>{TIME}} {since}{frame:>{self.frame_width}}  {client:<{STATE}} │{middle}│ {server}".rstrip()

    def _seconds(self, duration_ns: int) -> str:
        if not self.timed:
            return f"{duration_ns / 1e9:.6g}" if duration_ns else ""
        decimals = 6 if abs(duration_ns) < 1_000_000_000_000 else 3
        return f"{duration_ns / 1e9:.{decimals}f}"

    def _arrow(self, item: Arrow) -> Iterator[str]:
        segment = item.segment
        line = "╌" if COPY in segment.marks or SENT_AGAIN in segment.marks else "─"
        room = self.middle - 5
        text = next((label for label in labels(segment, window=self.wide) if len(label) <= room), labels(segment)[-1])
        if segment.sent.from_client:
            drawn = f"{line} {text} ".ljust(self.middle - 1, line) + "▶"
        else:
            drawn = "◀" + f" {text} {line}".rjust(self.middle - 1, line)
        if self.alone:
            drawn = f"{line} {text} ".ljust(self.middle - 2, line) + "╮ "
        pairs = self._pairs(item.client, item.server)
        first, *rest = pairs or [("", "")]
        yield self._row(segment, first[0], drawn, first[1])
        yield from (self._row(None, one, " " * self.middle, other) for one, other in rest)
        for note in item.notes:
            yield from self._note(note)
        yield from self._reasons(item.client, item.server)

    @staticmethod
    def _pairs(client: Sequence[StateEntry], server: Sequence[StateEntry]) -> list[tuple[str, str]]:
        """Names of states, the n-th of one side beside the n-th of the other."""
        rows = max(len(client), len(server))
        names = [[entry.state.name for entry in side] + [""] * (rows - len(side)) for side in (client, server)]
        return list(zip(*names, strict=True))

    def _fold(self, fold: Fold) -> Iterator[str]:
        remarks = f" ({', '.join(fold.remarks)})" if fold.remarks else ""
        for from_client in (True, False):
            texts = fold_texts(fold, from_client=from_client)
            if not texts:
                continue
            text = f" {next((words for words in texts if len(words) + 2 <= self.middle - 3), texts[-1])} "
            drawn = f"═{text}".ljust(self.middle - 1, "═") + "▶" if from_client else "◀" + f"{text}═".rjust(self.middle - 1, "═")
            yield self._row(fold.run.first if from_client or not fold.run.segments[True] else None, "", drawn, "")
        took = since(fold.run.last.sent.time_ns - fold.run.first.sent.time_ns, timed=False)
        yield from self._note(f"frames {fold.run.first.sent.frame} to {fold.run.last.sent.frame}{f', {took}' if took else ''}{remarks}")

    def _change(self, change: Change) -> Iterator[str]:
        for index, (one, other) in enumerate(self._pairs(change.client, change.server)):
            yield self._row(None, one, " " * self.middle, other, change.at_ns if index == 0 else None)
        if change.at_ns is not None and not self.why:
            for entry in (*change.client, *change.server):
                yield from self._note(entry.reason)
        yield from self._reasons(change.client, change.server)

    def _reasons(self, client: Sequence[StateEntry], server: Sequence[StateEntry]) -> Iterator[str]:
        if self.why:
            for name, entries in (("client", client), ("server", server)):
                for entry in entries:
                    yield from self._note(f"{name} {entry.state.name} ({entry.basis}): {entry.reason}")

    def _wait(self, words: str) -> Iterator[str]:
        """Between the lifelines where it fits, else below like a note."""
        if len(words) + 4 <= self.middle:
            yield self._row(None, "", f" ⋮ {words}".ljust(self.middle), "")
        else:
            yield from self._note(words, "⋮ ")

    def _note(self, text: str, mark: str = "└ ") -> Iterator[str]:
        indent = " " * (self.margin - STATE)
        for number, line in enumerate(prose(text, max(self.width - len(indent) - 2, 30))):
            yield f"{indent}{mark if number == 0 else '  '}{line}"


def _delay(delay_ns: int | None) -> str:
    """Time since the row before; a dash where the clock stepped back, nothing where there is none."""
    if not delay_ns:
        return ""
    return human(delay_ns) if delay_ns > 0 else "-"
