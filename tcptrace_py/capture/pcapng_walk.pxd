# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.capture cimport wire


@cython.locals(
    little=bint, known="long long", current="long long", times="long long[::1]", offsets="long long[::1]", captureds="long long[::1]",
    wires="long long[::1]", links="long long[::1]", interfaces="long long[::1]", most=cython.Py_ssize_t, longest="long long",
    row=cython.Py_ssize_t, last=cython.Py_ssize_t, link="long long", number="long long", scale="long long", limit="long long",
    shift_ns="long long", kind="long long", total="long long", interface="long long", high="long long", low="long long",
    captured="long long", length="long long", following=cython.Py_ssize_t, ticks="long long")
cpdef Py_ssize_t walk(block, bytes data, Py_ssize_t position, Py_ssize_t end, section)
