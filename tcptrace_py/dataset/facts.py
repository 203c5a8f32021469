"""The facts of an analysis in a data set: its blocks as they are (`facts/block.py`), and everything that was added up.

From these an analysis comes back whole, and what reads one (time-wait, check, diff, analyze) says of it what it said of the captures.
Blocks are columns and words, the rest is JSON; each carries a digest, so that what is damaged is not taken for a fact. A block is read
when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import types
import zlib
from base64 import b64decode, b64encode
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from tcptrace_py.facts.block import FIRST_FRAME, unpacked
from tcptrace_py.facts.store import Connections, Scratch
from tcptrace_py.facts.verify import verify
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.finding import Finding, Withheld
from tcptrace_py.model.results import (
    Analysis,
    CaptureInfo,
    Host,
    Hosts,
    Intervals,
    PortBudget,
    PortBudgets,
    ProfileRow,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tcptrace_py.facts.block import Block
    from tcptrace_py.model.selection import Selection

VERSION = 1  # of the index; blocks have theirs
FOLDER = "facts"
DIGEST_BYTES = 16
MOST_BYTES = 256 << 20  # of a block, unpacked: a full one takes some 2 MB, one of connections with many anomalies more
# What an analysis consists of besides its connections, and what each is made of.
PARTS: dict[str, Any] = {
    "profiles": list[ProfileRow],
    "capture": CaptureInfo,
    "summary": Summary,
    "hosts": list[Host],
    "ports": list[PortBudget],
    "interrupted": bool,
    "findings": tuple[Finding, ...],
    "withheld": tuple[Withheld, ...],
    "intervals": Intervals | None,
}
LISTS = "hosts", "ports"  # that may be long


@dataclass(frozen=True, slots=True)
class Span:
    """What the analysis was bounded by, in nanoseconds since 1970; None where it was not."""

    from_ns: int | None = None
    to_ns: int | None = None

    @classmethod
    def of(cls, selection: Selection | None) -> Span:
        """That of a selection."""
        return cls() if selection is None else cls(selection.from_ns, selection.to_ns)


class Writer:
    """Packs the blocks of an analysis one by one, and says in the end what stands where."""

    def __init__(self, analysis: Analysis, span: Span) -> None:
        assert isinstance(analysis.connections, Connections)
        self._analysis, self._connections, self._span = analysis, analysis.connections, span
        self._blocks: list[dict[str, Any]] = []

    def packed(self) -> Iterator[bytes]:
        """Each block, compressed: to be written one behind the other."""
        at = 0
        for block in self._connections.blocks():
            data = zlib.compress(block.packed(), 6)
            frames = b64encode(zlib.compress(_first_frames(block))).decode()
            self._blocks.append({"at": at, "bytes": len(data), "digest": digest(data), "first_frames": frames})
            at += len(data)
            yield data

    def index(self) -> Iterator[bytes]:
        """Where each block is, and the rest of the analysis, as one JSON object in pieces: hosts may be as many as connections."""
        head = {"span": asdict(self._span), "left_out": self._connections.left_out, "blocks": self._blocks}
        yield _json(head)[:-1]
        before = b',"analysis":{'
        for name in PARTS:
            value = getattr(self._analysis, name)
            yield before + _json(name) + b":"
            if name in LISTS:
                yield b"["
                for number, row in enumerate(value):
                    yield (b"," if number else b"") + _json(_plain(row))
                yield b"]"
            else:
                yield _json(_plain(value))
            before = b","
        yield b"}}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def restored(name: str, index: dict[str, Any], read: Callable[[int, int], bytes]) -> Analysis:
    """An analysis from its index. `read(at, size)` gives bytes of what was packed; `name` is the data set's, for errors.

    Raises CaptureError for an index that is none.
    """
    with _damage(name):
        rest = {part: _value(kind, index["analysis"][part]) for part, kind in PARTS.items()}
        store = Connections()
        parcel = [(_inflated(b64decode(row["first_frames"])), int(row["at"]), int(row["bytes"])) for row in index["blocks"]]
        digests = {row["at"]: row["digest"] for row in index["blocks"]}
        store.take(_Blocks(name, read, digests, {at: frames for frames, at, _ in parcel}), parcel)
        store.left_out = [int(frame) for frame in index["left_out"]]
        store.finish()
        store.withhold(rest["withheld"])
        hosts, ports = Hosts(rest.pop("hosts")), PortBudgets(rest.pop("ports"))
        return Analysis(hosts=hosts, ports=ports, connections=store, **rest)


def span_of(name: str, index: dict[str, Any]) -> Span:
    """What the analysis was bounded by, from its index. Raises CaptureError as `restored` does."""
    with _damage(name):
        found: Span = _value(Span, index["span"])
        return found


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, zlib.error) as error:
        raise CaptureError(f"{name}: its facts are damaged, or of another version of tcpstates: {type(error).__name__}: {error}") from None


def digest(data: bytes) -> str:
    """What is kept of bytes to know them by."""
    told = new_digest()
    told.update(data)
    return told.hexdigest()


def new_digest() -> hashlib.blake2b:
    """The same of bytes that come in pieces: `update` takes each, `hexdigest` gives it."""
    return hashlib.blake2b(digest_size=DIGEST_BYTES)


class _Blocks(Scratch):
    """Blocks where they are, in the place of a temporary file."""

    def __init__(self, name: str, read: Callable[[int, int], bytes], digests: dict[int, str], first_frames: dict[int, bytes]) -> None:
        super().__init__()
        self._name, self._bytes, self._digests, self._first_frames = name, read, digests, first_frames

    def read(self, at: int, size: int) -> bytes:
        """A block, packed. Raises CaptureError where it is not as it was written, or was never one."""
        data = self._bytes(at, size)
        if digest(data) != self._digests[at]:
            raise CaptureError(f"{self._name}: its facts are damaged: a block is not as it was written")
        with _damage(self._name):
            packed = _inflated(data)
            block = unpacked(packed)
            verify(block)
            if _first_frames(block) != self._first_frames[at]:
                raise ValueError("a block of other connections than its index says")
        return packed


def _inflated(data: bytes) -> bytes:
    """Raises ValueError for what would be larger than any block is."""
    inflating = zlib.decompressobj()
    found = inflating.decompress(data, MOST_BYTES)
    if not inflating.eof:
        raise ValueError("more than a block holds")
    return found


def _first_frames(block: Block) -> bytes:
    rows = block.connections
    at = FIRST_FRAME * rows.capacity
    return bytes(rows.wide[at : at + rows.count])


def _plain(value: Any) -> Any:
    """Objects as what JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [_plain(item) for item in value]


def _value(kind: Any, value: Any) -> Any:
    """And back, as the annotations of the objects say. Raises TypeError or ValueError for what does not fit."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        known = {field.name: field for field in fields(kind)}
        missing = [name for name, field in known.items() if name not in value and field.default is MISSING]
        if missing:
            raise ValueError(f"no {missing[0]} of {kind.__name__}")
        return kind(**{name: _value(hints[name], value[name]) for name in known if name in value})
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(inner, value)
    if origin is list:
        return [_value(inner[0], item) for item in value]
    if origin is tuple:
        kinds: Sequence[Any] = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_value(each, item) for each, item in zip(kinds, value, strict=True))
    if origin is dict:
        return {key: _value(inner[1], item) for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _one_of(kinds: Sequence[Any], value: Any) -> Any:
    """Of several kinds, the one that a value is of: plain ones by their type, an object or a list by there being but one."""
    if type(value) in kinds:
        return value
    for kind in kinds:
        if isinstance(value, dict) and (is_dataclass(kind) or get_origin(kind) is dict):
            return _value(kind, value)
        if isinstance(value, list) and get_origin(kind) in (list, tuple):
            return _value(kind, value)
        if kind is float and type(value) is int:
            return float(value)
    raise TypeError(f"{value!r} is none of {kinds}")


_HINTS: dict[Any, dict[str, Any]] = {}


def _hints(kind: Any) -> dict[str, Any]:
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]
