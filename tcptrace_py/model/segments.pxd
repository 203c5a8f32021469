# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef Py_ssize_t _IPV4, _IPV6
cpdef bytes reverse_key(bytes key)
cpdef bytes scope_part(bytes key)
cpdef bytes plain_key(bytes key)
@cython.locals(at=cython.Py_ssize_t)
cpdef long long local_port(bytes key)


cdef class Columns:
    cdef public Py_ssize_t count
    cdef public long long me
    cdef public list key
    cdef public long long[::1] frame, time_ns, teid
    cdef public unsigned int[::1] seq, ack, flags, window, payload, options, tsval, tsecr, ttl, notes, interface
    cdef public unsigned int[::1] sack_left
    cdef public int[::1] owner, ip_id, window_scale, vlan
