# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns


cdef class Levels:
    cdef public long long[::1] begins_ns, ends_ns
    cdef public int[::1] begin_kinds, end_kinds
    cdef public Py_ssize_t begin_count, end_count
    cdef public long long total, settled_ns
    cdef public object first, second, third, level, peak, peak_ns, early

    cpdef add(self, long long begin_ns, long long end_ns, long long kind)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef begin(self, long long time_ns, long long kind)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef end(self, long long time_ns, long long kind)
    @cython.locals(begins_ns="long long[::1]", begin_kinds="int[::1]", ends_ns="long long[::1]", end_kinds="int[::1]",
                   at=cython.Py_ssize_t, begins=cython.Py_ssize_t, ends=cython.Py_ssize_t, to_ns="long long[::1]", to_kinds="int[::1]",
                   base=cython.Py_ssize_t)
    cpdef take(self, told, int[::1] kinds)
    @cython.locals(
        first="int[::1]", second="int[::1]", third="int[::1]", level="long long[::1]", peak="long long[::1]", peak_ns="long long[::1]",
        kind=cython.Py_ssize_t, row=cython.Py_ssize_t, gone=cython.Py_ssize_t, at=cython.Py_ssize_t, settled_ns="long long",
        time_ns="long long", now="long long")
    cpdef _play(self, long long[::1] begins_ns, int[::1] begin_kinds, Py_ssize_t begin_count,
                long long[::1] ends_ns, int[::1] end_kinds, Py_ssize_t end_count)
