# cython: language_level=3, annotation_typing=False, cdivision=False
import cython

cdef long long _SECOND_NS


@cython.locals(ns="long long", seconds="long long", rest="long long")
cpdef rfc3339(time_ns)
