# cython: language_level=3, annotation_typing=False
cdef class StreamIndex:
    cdef public long long count
    cdef dict _slots
    cdef object _stream, _base_low, _base_high
