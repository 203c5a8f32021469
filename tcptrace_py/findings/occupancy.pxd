# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.port_use cimport PortUse
from tcptrace_py.model cimport columns

cdef long long NOTHING_NS, NEVER_NS


cdef class Held:
    cdef public int[::1] account
    cdef public long long[::1] begins_ns, begin_whats, ends_ns, end_whats

    @cython.locals(wanted="long long[::1]", whose="int[::1]", found=list, at=cython.Py_ssize_t, number="long long")
    cdef list _of(self, long long[::1] times_ns, long long[::1] whats, set accounts)
    @cython.locals(wanted="long long[::1]", whats="long long[::1]", found=list, at=cython.Py_ssize_t, kind="long long")
    cpdef list ends_of(self, set kinds)
    @cython.locals(wanted="long long[::1]", begins_ns="long long[::1]", of_begins="long long[::1]", ends_ns="long long[::1]",
                   of_ends="long long[::1]", begin_order="int[::1]", end_order="int[::1]", level="long long[::1]", peak="long long[::1]",
                   begin_count=cython.Py_ssize_t, end_count=cython.Py_ssize_t, gone=cython.Py_ssize_t, at=cython.Py_ssize_t,
                   row=cython.Py_ssize_t, number=cython.Py_ssize_t)
    cpdef dict at_once(self, dict waits_ns)
    @cython.locals(whose="int[::1]", found_ns="long long[::1]", numbers="long long[::1]", count=cython.Py_ssize_t, at=cython.Py_ssize_t,
                   number="long long", accounts=cython.Py_ssize_t, intervals=cython.Py_ssize_t)
    cdef tuple _picked(self, long long[::1] times_ns, long long[::1] whats, long long[::1] wanted, bint early)
    cdef _wanted(self, dict given)


cdef class Occupancy:
    cdef public long long[::1] begins_ns, begin_whats, ends_ns, end_whats
    cdef public Py_ssize_t begin_count, end_count
    cdef public long long total, settled_ns, settle_at, many
    cdef public object first, second, third, account, level, peak, peak_ns, early
    cdef public PortUse ports

    cpdef int row(self) except -2
    cpdef int kind(self, int first, int second=*, int third=*, int account=*) except -2
    cpdef add(self, long long begin_ns, long long end_ns, long long kind, long long port=*)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef begin(self, long long time_ns, long long kind, long long port=*)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef end(self, long long time_ns, long long kind, long long port=*)
    @cython.locals(begins_ns="long long[::1]", begin_whats="long long[::1]", ends_ns="long long[::1]", end_whats="long long[::1]",
                   at=cython.Py_ssize_t, what="long long")
    cpdef take(self, told, int[::1] kinds)
    @cython.locals(
        first="int[::1]", second="int[::1]", third="int[::1]", account="int[::1]", level="long long[::1]", peak="long long[::1]",
        peak_ns="long long[::1]", what="long long", kind=cython.Py_ssize_t, row=cython.Py_ssize_t, gone=cython.Py_ssize_t,
        at=cython.Py_ssize_t, settled_ns="long long", time_ns="long long", now="long long", ports=PortUse)
    cpdef _play(self, long long[::1] begins_ns, long long[::1] begin_whats, Py_ssize_t begin_count,
                long long[::1] ends_ns, long long[::1] end_whats, Py_ssize_t end_count)
    @cython.locals(found="long long[::1]", begins_ns="long long[::1]", whats="long long[::1]", row_of="int[::1]",
                   at=cython.Py_ssize_t, row=cython.Py_ssize_t)
    cpdef begun_after(self, long long[::1] since_ns)
