# cython: language_level=3, annotation_typing=False
import cython

cdef long long PRECISION


cdef class Values:
    cdef public long long count, least, most
    cdef public object exact
    cdef public dict rounded

    cpdef add(self, long long value)
    @cython.locals(rounded=dict, value="long long", near="long long")
    cpdef _round_off(self)


@cython.locals(spare=int)
cpdef long long rough(long long value)
