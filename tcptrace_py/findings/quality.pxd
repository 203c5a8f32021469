# cython: language_level=3, annotation_typing=False
from tcptrace_py.model cimport columns


cdef class Quality:
    cdef public dict counts, first
    cdef public object latest_ns
