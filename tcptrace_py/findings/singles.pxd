# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words
from tcptrace_py.model.packed cimport PackedRows

cdef long long MASK, _HELD, _TOLD, _WAITS, GONE
cdef Py_ssize_t _PAD, KEY, FACTS, PORT, START, RELEASED, ENDED, _IPV4, _IPV6


cdef class Singles:
    cdef public PackedRows four, sixteen
    cdef public long long alive, start_ns, released_ns, ended_ns, found_facts
    cdef public list facts
    cdef dict _numbers
    cdef PackedRows _found
    cdef dict _of_services

    cdef _begin(self)
    cpdef long long number(self, bytes facts) except -1
    @cython.locals(packed=PackedRows, known=cython.Py_ssize_t, row=cython.Py_ssize_t)
    cpdef bint enter(self, bytes name, long long port, long long start_ns, long long released_ns, long long facts=*, long long ended_ns=*) except -1
    cdef _write(
        self, unsigned int[::1] rows, Py_ssize_t at, long long port, long long start_ns, long long released_ns, long long facts, long long ended_ns)
    @cython.locals(at=cython.Py_ssize_t, rows="unsigned int[::1]", low="long long", high="long long", ended_ns="long long")
    cpdef bint conclude(self, bytes name, long long start_ns, long long released_ns, long long facts=*) except -1
    @cython.locals(at=cython.Py_ssize_t, rows="unsigned int[::1]", low="long long", high="long long")
    cpdef long long look_up(self, bytes name) except -2
    @cython.locals(at=cython.Py_ssize_t, port="long long")
    cpdef long long take_out(self, bytes name) except -2
    @cython.locals(packed=PackedRows, row=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cdef Py_ssize_t _at(self, bytes name) except -2
    @cython.locals(packed=PackedRows, row=cython.Py_ssize_t, size=cython.Py_ssize_t, service=bytes, at=cython.Py_ssize_t,
                   last=cython.Py_ssize_t, count="long long")
    cpdef dict services(self)
    @cython.locals(packed=PackedRows, rows="unsigned int[::1]", size=cython.Py_ssize_t, row=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cpdef change(self, dict numbers)
    @cython.locals(row=cython.Py_ssize_t)
    cdef _some(self, PackedRows packed, Py_ssize_t first, Py_ssize_t end)
    @cython.locals(at=cython.Py_ssize_t)
    cdef _release(self, PackedRows packed, Py_ssize_t row, into)


cpdef bint is_alive(PackedRows packed, Py_ssize_t row) except -1
@cython.locals(at=cython.Py_ssize_t, low="long long", high="long long")
cpdef long long began_ns(PackedRows packed, Py_ssize_t row) except? -1
cpdef long long facts_of(PackedRows packed, Py_ssize_t row) except -1
