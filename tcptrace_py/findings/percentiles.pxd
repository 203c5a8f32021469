# cython: language_level=3, annotation_typing=False
cdef class Values:
    cdef public long long count, least, most
    cdef public object exact
    cdef public dict rounded

    cpdef add(self, long long value)
