# cython: language_level=3, annotation_typing=False


cdef class Closed:
    cdef public bytes key
    cdef public long long start_ns, end_ns, first_frame, last_frame, packets_0, packets_1, payload_0, payload_1, teid
    cdef public long long answer_ns, asked_ns, largest, pause_ns, survived_ns, wait_frame
    cdef public unsigned long long history
    cdef public long long stream
    cdef public int vlan, timestamps, log, talker, turns
    cdef public long long[::1] times_ns, frames
