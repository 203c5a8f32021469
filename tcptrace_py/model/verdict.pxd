# cython: language_level=3, annotation_typing=False
cdef class View:
    cdef public object name, near
    cdef public long long round_trip_ns, skew_ns
