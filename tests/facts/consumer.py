"""A consumer of Arrow streams that does what C code does, one step at a time."""

from __future__ import annotations

import ctypes
from typing import Any

from tcptrace_py.facts.arrow_structs import ArrayStruct, SchemaStruct, StreamStruct

RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
FILL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
LAST_ERROR = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)
_POINTER = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))


def moved(struct: Any) -> Any:
    """What a struct says, in memory of our own; the old one is marked released."""
    copy = type(struct).from_buffer_copy(struct)
    struct.release = None
    return copy


def release(struct: Any) -> None:
    RELEASE(struct.release)(ctypes.addressof(struct))


def garbage(kind: Any) -> Any:
    """A struct as C code has it before it is filled."""
    return kind.from_buffer_copy(b"\xa5" * ctypes.sizeof(kind))


def children(struct: Any) -> list[Any]:
    pointers = (ctypes.c_void_p * struct.n_children).from_address(struct.children)
    return [type(struct).from_address(pointer) for pointer in pointers]


def buffers(array: ArrayStruct) -> list[int | None]:
    return list((ctypes.c_void_p * array.n_buffers).from_address(array.buffers))


class Consumer:
    """Holds a stream that it took out of a capsule."""

    def __init__(self, source: Any) -> None:
        capsule = source.__arrow_c_stream__()
        self.stream = moved(StreamStruct.from_address(_POINTER(capsule, b"arrow_array_stream")))

    def schema(self) -> Any:
        schema = garbage(SchemaStruct)
        assert FILL(self.stream.get_schema)(ctypes.addressof(self.stream), ctypes.addressof(schema)) == 0
        return schema

    def next(self) -> Any:
        """The next array, None at the end, or the error as text."""
        array = garbage(ArrayStruct)
        if FILL(self.stream.get_next)(ctypes.addressof(self.stream), ctypes.addressof(array)):
            return LAST_ERROR(self.stream.get_last_error)(ctypes.addressof(self.stream)).decode()
        return array if array.release else None

    def release(self) -> None:
        release(self.stream)
