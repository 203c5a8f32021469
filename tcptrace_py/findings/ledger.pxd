# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.occupancy cimport Occupancy
from tcptrace_py.model cimport columns

cdef long long NEVER_NS, UNKNOWN
cdef Py_ssize_t COUNTS


cdef class Group:
    cdef public object starts_ns, lifetimes_ns, payloads, counts


cdef class Connections:
    cdef public dict numbers
    cdef public object counts, service, starts_ns, closes_ns, payloads, opened

    @cython.locals(open_=Occupancy, service="int[::1]", starts_ns="long long[::1]", closes_ns="long long[::1]", opened="signed char[::1]",
                   at=cython.Py_ssize_t)
    cpdef most_open(self, long long end_ns)


cdef class Groups:
    cdef public object edges, starts_ns, lifetimes_ns, payloads, counts

    @cython.locals(service="int[::1]", starts_ns="long long[::1]", closes_ns="long long[::1]", lifetimes="long long[::1]",
                   to_groups="int[::1]", at=cython.Py_ssize_t, size=cython.Py_ssize_t)
    cpdef _arrange(self, Connections rows, int[::1] group_of, Py_ssize_t count)
    @cython.locals(to="long long[::1]", counts="long long[::1]", here=cython.Py_ssize_t, there=cython.Py_ssize_t,
                   number=cython.Py_ssize_t, word=cython.Py_ssize_t)
    cpdef _sum_up(self, Connections rows, int[::1] group_of, Py_ssize_t count)
