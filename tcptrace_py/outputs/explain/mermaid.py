"""A Mermaid sequence diagram, for documents and tickets (https://mermaid.js.org/syntax/sequenceDiagram.html)."""

from collections.abc import Iterator, Sequence

from tcptrace_py.model.ladder import SENT_AGAIN
from tcptrace_py.model.results import Connection, StateEntry
from tcptrace_py.outputs.units import end, since

from .labels import labels
from .script import Arrow, Fold, Item, Wait, fold_texts

_SPECIAL = str.maketrans({"#": "#35;", ";": "#59;"})


def lines(connection: Connection, items: Sequence[Item], *, why: bool = False, timed: bool = True) -> Iterator[str]:
    """Every line of the diagram. Without `timed` the clock does not tell short times apart."""
    alone = connection.server_side is None
    other = "C" if alone else "S"
    yield "sequenceDiagram"
    yield f"    participant C as {_safe(end(connection.client))}"
    if not alone:
        yield f"    participant S as {_safe(end(connection.server))}"
    for item in items:
        if isinstance(item, Arrow):
            yield from _arrow(item, connection, other, why=why, timed=timed)
        elif isinstance(item, Fold):
            yield from _fold(item, other)
        elif isinstance(item, Wait):
            yield f"    Note over {'C' if alone else 'C,S'}: {_safe(item.words)}"
        else:
            yield from _states(item.client, item.server, why=why)


def _arrow(item: Arrow, connection: Connection, other: str, *, why: bool, timed: bool) -> Iterator[str]:
    segment = item.segment
    source, target = ("C", other) if segment.sent.from_client else ("S", "C")
    lost = "-x" if segment.again_in is not None else "-->>" if SENT_AGAIN in segment.marks else "->>"
    after = since(segment.sent.time_ns - connection.start_ns, timed=timed and segment.sent.frame == connection.first_frame)
    yield f"    {source}{lost}{target}: {_safe(labels(segment)[:2][-1])}{f' ({after})' if after else ''}"
    yield from _states(item.client, item.server, why=why)
    if item.notes:
        yield f"    Note over {source}: {_safe(', '.join(item.notes))}"


def _fold(fold: Fold, other: str) -> Iterator[str]:
    for from_client in (True, False):
        texts = fold_texts(fold, from_client=from_client)
        if texts:
            source, target = ("C", other) if from_client else ("S", "C")
            yield f"    {source}->>{target}: {_safe(texts[0])}"


def _states(client: Sequence[StateEntry], server: Sequence[StateEntry], *, why: bool) -> Iterator[str]:
    for place, entries in (("left of C", client), ("right of S", server)):
        if entries:
            names = "<br/>".join(entry.state.name for entry in entries)
            reasons = "".join(f"<br/>{_safe(entry.reason)}" for entry in entries) if why else ""
            yield f"    Note {place}: {names}{reasons}"


def _safe(text: str) -> str:
    """Text that the diagram's grammar takes as it stands."""
    return text.translate(_SPECIAL)
