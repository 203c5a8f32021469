# cython: language_level=3, annotation_typing=False, cdivision=False
import cython

cdef long long _SECOND_NS
cdef dict _seconds


@cython.locals(text=str)
cdef str _whole_second(long long seconds)
@cython.locals(ns="long long", seconds="long long", rest="long long")
cpdef rfc3339(time_ns)
cpdef ms(duration_ns)
@cython.locals(nanos="long long", whole="long long", rest="long long", text=str)
cpdef str shortest(double number)
cpdef str decimal(double number)
cpdef list whole_numbers(list numbers, null)
cdef str _whole(long long number)
cpdef list times(list times_ns, null)
cpdef list decimals(list numbers, list given)
