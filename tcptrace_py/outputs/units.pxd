# cython: language_level=3, annotation_typing=False, cdivision=False
import cython

cdef long long _SECOND_NS


@cython.locals(ns="long long", seconds="long long", rest="long long")
cpdef rfc3339(time_ns)
@cython.locals(ns="unsigned long long", whole="unsigned long long", rest="unsigned long long")
cpdef str ms_text(duration_ns)
