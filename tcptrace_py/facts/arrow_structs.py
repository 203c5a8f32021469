"""The structs of Arrow's C data and C stream interfaces, and who holds what they point to.

A struct that is handed over has a number of ours as its `private_data`. What it points to is held under this number until the
consumer calls `release`, from whatever thread. The header:
https://arrow.apache.org/docs/format/CDataInterface.html, https://arrow.apache.org/docs/format/CStreamInterface.html,
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from __future__ import annotations

import ctypes
import errno
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

NULLABLE = 2  # ARROW_FLAG_NULLABLE


class SchemaStruct(ctypes.Structure):
    """`struct ArrowSchema`; pointers are numbers, here as below."""

    _fields_: ClassVar = [
        ("format", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("metadata", ctypes.c_char_p),
        ("flags", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


class ArrayStruct(ctypes.Structure):
    """`struct ArrowArray`."""

    _fields_: ClassVar = [
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.c_void_p),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


class StreamStruct(ctypes.Structure):
    """`struct ArrowArrayStream`."""

    _fields_: ClassVar = [
        ("get_schema", ctypes.c_void_p),
        ("get_next", ctypes.c_void_p),
        ("get_last_error", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


class _BufferStruct(ctypes.Structure):
    """`Py_buffer`, part of CPython's stable ABI."""

    _fields_: ClassVar = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


class Held(Protocol):
    """What is held for a consumer."""

    def close(self) -> None:
        """The consumer has let go."""


class Node:
    """A struct to be handed over, those that it points to, and what else must live as long."""

    __slots__ = ("kept", "parts", "struct")

    def __init__(self, struct: Any, parts: Sequence[Node], kept: Any) -> None:
        self.struct = struct
        self.parts = parts
        self.kept = kept

    def close(self) -> None:
        """Let go of the parts, but not of those that the consumer has moved elsewhere: it releases them by themselves."""
        for part in self.parts:
            if part.struct.release:
                _release(part.struct)


def schema_node(format_: str, name: str, flags: int, children: Sequence[Node] = (), dictionary: Node | None = None) -> Node:
    """A column of a schema, or a schema as a whole."""
    texts = format_.encode(), name.encode()
    pointers = _pointers([ctypes.addressof(child.struct) for child in children])
    struct = SchemaStruct(*texts, None, flags, len(children), _address_of(pointers), dictionary and _address_of(dictionary.struct))
    return Node(struct, [*children, dictionary] if dictionary else children, (texts, pointers))


def array_node(
    rows: int,
    nulls: int,
    buffers: Sequence[memoryview | None],
    children: Sequence[Node] = (),
    dictionary: Node | None = None,
) -> Node:
    """The cells of a column in a batch, or a batch as a whole; -1 NULLs if they have not been counted."""
    addresses = _pointers([None if view is None else address(view) for view in buffers])
    pointers = _pointers([ctypes.addressof(child.struct) for child in children])
    struct = ArrayStruct(
        rows,
        nulls,
        0,
        len(buffers),
        len(children),
        _address_of(addresses),
        _address_of(pointers),
        dictionary and _address_of(dictionary.struct),
    )
    return Node(struct, [*children, dictionary] if dictionary else children, (buffers, addresses, pointers))


def address(view: memoryview) -> int:
    """Where a buffer's bytes are; whoever holds the view keeps them there."""
    found = _BufferStruct()
    _get_buffer(view, ctypes.addressof(found), 0)
    where = found.buf
    _release_buffer(ctypes.addressof(found))
    return where or 0


def _pointers(addresses: Sequence[int | None]) -> Any:
    return _pointer_array(len(addresses))(*addresses) if addresses else None


@cache
def _pointer_array(length: int) -> Any:
    return ctypes.c_void_p * length


def _address_of(data: Any) -> int | None:
    return None if data is None else ctypes.addressof(data)


class Reading:
    """A consumer's reading of a stream: its schema, and batches that are made one by one."""

    def __init__(self, schema: Callable[[], Node], batches: Generator[Node, None, None], failed: Callable[[BaseException], None]) -> None:
        self.schema = schema
        self.batches = batches
        self.failed = failed
        self.error: Any = None

    def get_schema(self, out: int) -> int:
        """Fill the consumer's schema."""
        _export(self.schema(), out)
        return 0

    def get_next(self, out: int) -> int:
        """Fill the consumer's array with the next batch, or mark it released at the end. What a batch raises ends the reading."""
        if self.error is not None:
            return errno.EIO
        try:
            node = next(self.batches, None)
        except BaseException as error:  # noqa: BLE001 - the caller is C code, which takes no exception
            self.error = ctypes.create_string_buffer((str(error) or type(error).__name__).encode("utf-8", "replace"))
            self.failed(error)
            return errno.EIO
        if node is None:
            ctypes.memset(out, 0, ctypes.sizeof(ArrayStruct))
        else:
            _export(node, out)
        return 0

    def get_last_error(self) -> int | None:
        """The address of a text that lives as long as the reading."""
        return _address_of(self.error)

    def close(self) -> None:
        """End the reading, at whatever batch."""
        self.batches.close()


_KEYS = count(1)
_HELD: dict[int, Held] = {}  # by `private_data`, until `release`
_CAPSULES: dict[int, Any] = {}  # the struct of each capsule, by the capsule's address


def schema_capsule(node: Node) -> Any:
    """A capsule "arrow_schema"."""
    struct = SchemaStruct()
    _export(node, ctypes.addressof(struct))
    return _capsule(struct, b"arrow_schema")


def stream_capsule(reading: Reading) -> Any:
    """A capsule "arrow_array_stream"."""
    struct = StreamStruct(_GET_SCHEMA, _GET_NEXT, _GET_LAST_ERROR, _RELEASE[StreamStruct], next(_KEYS))
    _HELD[struct.private_data] = reading
    return _capsule(struct, b"arrow_array_stream")


def _capsule(struct: Any, name: bytes) -> Any:
    capsule = _new_capsule(ctypes.addressof(struct), name, _DESTROY)
    _CAPSULES[id(capsule)] = struct
    return capsule


def _export(node: Node, out: int) -> None:
    """Hand a struct over, into the consumer's memory. It cannot fail half-way, so that nothing is held for nobody."""
    _own(node)
    ctypes.memmove(out, ctypes.addressof(node.struct), ctypes.sizeof(node.struct))


def _own(node: Node) -> None:
    for part in node.parts:
        _own(part)
    node.struct.private_data = key = next(_KEYS)
    node.struct.release = _RELEASE[type(node.struct)]
    _HELD[key] = node


def _release(struct: Any) -> None:
    held = _HELD.pop(struct.private_data)
    struct.release = None
    held.close()


def _release_at(kind: Any, where: int) -> None:
    _release(kind.from_address(where))


def _reading_at(where: int) -> Any:
    return _HELD[StreamStruct.from_address(where).private_data]


def _destroy(capsule: int) -> None:
    """A capsule is gone; what its struct says with it, unless a consumer has moved that elsewhere."""
    struct = _CAPSULES.pop(capsule)
    if struct.release:
        _release(struct)


def _callback(function: Callable[..., Any], result: Any, arguments: int) -> int:
    """The address of a function for C code, for good: a consumer may release when the interpreter has thrown modules away."""
    made = ctypes.CFUNCTYPE(result, *[ctypes.c_void_p] * arguments)(function)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(made))
    return ctypes.cast(made, ctypes.c_void_p).value or 0


_RELEASE = {kind: _callback(partial(_release_at, kind), None, 1) for kind in (SchemaStruct, ArrayStruct, StreamStruct)}
_GET_SCHEMA = _callback(lambda where, out: _reading_at(where).get_schema(out), ctypes.c_int, 2)
_GET_NEXT = _callback(lambda where, out: _reading_at(where).get_next(out), ctypes.c_int, 2)
_GET_LAST_ERROR = _callback(lambda where: _reading_at(where).get_last_error(), ctypes.c_void_p, 1)
_DESTROY = _callback(_destroy, None, 1)


def _python_api(name: str, result: Any, *arguments: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_new_capsule = _python_api("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_get_buffer = _python_api("PyObject_GetBuffer", ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
_release_buffer = _python_api("PyBuffer_Release", None, ctypes.c_void_p)
