# cython: language_level=3, annotation_typing=False
import cython

cdef long long SECOND_NS


cdef class Population:
    cdef public object begins, ends
    cdef public long long count, level, folded_ns
    cdef public list seconds
    cdef public dict settled

    cpdef add(self, long long begin_ns, long long end_ns)
    @cython.locals(gone=cython.Py_ssize_t, level="long long", begin_ns="long long", end_ns="long long", size=cython.Py_ssize_t)
    cpdef _settle(self, list begins, list ends)
    @cython.locals(second="long long", row=list)
    cpdef _note(self, long long time_ns, long long before, long long level)
