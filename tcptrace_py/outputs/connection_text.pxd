# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.outputs.units cimport ms, rfc3339, shortest

cdef dict _words


cpdef str connection_text(connection)
@cython.locals(whole="long long")
cdef str _number(number)
cdef str _truth(value)
cdef str _time(time_ns)
cdef str _ms(duration_ns)
@cython.locals(text=str)
cdef str _word(word)
cdef str _endpoint(endpoint)
cdef str _scopes(scope)
cdef str _scope(scope)
cdef str _handshake(handshake)
cdef str _teardown(teardown)
cdef str _course(course)
cdef str _reset(reset)
@cython.locals(states=list)
cdef str _side(side)
cdef str _entry(name, at_ns, frame, basis)
cdef str _delivery(delivery)
cdef str _stay(stay)
cdef str _anomaly(anomaly)
