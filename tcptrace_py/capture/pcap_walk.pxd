# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.capture cimport wire


@cython.locals(
    little=bint, old=bint, record_bytes=cython.Py_ssize_t, scale="long long", unit="long long", times="long long[::1]",
    offsets="long long[::1]", captureds="long long[::1]", wires="long long[::1]", row=cython.Py_ssize_t, last=cython.Py_ssize_t,
    most=cython.Py_ssize_t, longest="long long", widest="long long", second_ns="long long",
    seconds="long long", fraction="long long", captured="long long", length="long long", start=cython.Py_ssize_t,
    following=cython.Py_ssize_t)
cpdef Py_ssize_t walk(block, bytes data, Py_ssize_t position, Py_ssize_t end, header)
