# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.packed cimport PackedRows

cdef long long MASK, _HELD, GONE
cdef Py_ssize_t KEY, PORT, START, RELEASED, IPV4_NAME, IPV6_NAME


cdef class Singles:
    cdef public PackedRows four, sixteen
    cdef public long long alive, start_ns, released_ns
    cdef PackedRows _found
    cdef dict _of_services

    @cython.locals(packed=PackedRows, key=bytes, at=cython.Py_ssize_t, rows="unsigned int[::1]")
    cpdef bint enter(self, bytes name, long long port, long long start_ns, long long released_ns) except -1
    @cython.locals(at=cython.Py_ssize_t, rows="unsigned int[::1]")
    cpdef bint conclude(self, bytes name, long long start_ns, long long released_ns) except -1
    @cython.locals(at=cython.Py_ssize_t, rows="unsigned int[::1]", port="long long", low="long long", high="long long")
    cpdef long long take_out(self, bytes name) except -2
    @cython.locals(packed=PackedRows, row=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cdef Py_ssize_t _at(self, bytes name) except -2
    @cython.locals(packed=PackedRows, row=cython.Py_ssize_t, name=bytes)
    cpdef dict services(self)


cpdef bint is_alive(PackedRows packed, Py_ssize_t row) except -1
@cython.locals(at=cython.Py_ssize_t, low="long long", high="long long")
cpdef long long began_ns(PackedRows packed, Py_ssize_t row) except? -1
