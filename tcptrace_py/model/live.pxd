# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.segments cimport local_port

cdef long long ACK, RST, SYN, MOST_HOPS


@cython.no_gc
cdef class Context:
    cdef public long long data_ns, idle_ns, own_ack, own_next, peer_ack, previous_frame, previous_ns, sacked_end, unread
    cdef public bint previous_by_peer, previous_is_data


@cython.no_gc  # it refers to nothing that refers to anything
@cython.freelist(256)
cdef class Segment:
    cdef public long long time_ns, frame
    cdef public unsigned int seq, end, ack, payload, window, tsval, tsecr
    cdef public int ip_id, interface
    cdef public short flags, marks, options, side, ttl
    cdef public Context context


cdef class Rare:
    cdef public long long copies, early_ns, fin_repeats, more_stray_syns, more_strays, probe_end, retransmissions, sacked_end
    cdef public long long stray_next, stray_syns, zero_windows
    cdef public long long closed_since_ns, closed_ns, long_closes, probes, unanswered, unanswered_since_ns, repeated_ns, lost_payload
    cdef public long long sacked_from


cdef class Side:
    cdef public Connection connection
    cdef public Side peer
    cdef public bytes key
    cdef public list holes
    cdef public Rare rare
    cdef public long long packets, payload_bytes, isn, next_seq, max_ack, window, last_ns, last_data_ns, last_seq, last_tsval, answer_ns
    cdef public unsigned long long recent_ids
    cdef public int history_bits, largest, last_flags, last_ip_id, last_interface, number, window_scale
    cdef public bint fin_seen, has_ack, has_seq, spoke, syn_seen, synack_seen, window_zero

    cpdef Rare needs_rare(self)


cdef class Connection:
    cdef public Side a, b
    cdef public Connection shadow, reused_by, predecessor
    cdef public list aliases, log, anomalies, icmp
    cdef public bytes came, earlier, split
    cdef public object judged
    cdef public tuple back
    cdef public long long start_ns, end_ns, first_frame, last_frame, due, idle_ns, idle_until_ns, judged_at
    cdef public long long asked_ns, heard_ns, pause_ns, progress_ns, stall_ns, survived_ns, wait_frame, wait_ns
    cdef public unsigned long long signature, history
    cdef public long long stream  # a frame where those that open streams name them
    cdef public int phase, budget, vlan, announced, speaker, talker, turns
    cdef public long long teid
    cdef public bint by_interface, plain, self_connect, settled

    cpdef Side side(self, int number)
    cpdef dissolve(self)
    cpdef note(self, code, long long frame, explanation)


@cython.locals(log=list, segment=Segment)
@cython.locals(begun="long long")
cpdef long long hops(long long ttl) except? -1
@cython.locals(one="long long", passed="long long")
cpdef long long hop_bit(long long ttl) except -1
cpdef bint refused(Connection connection) except -1
@cython.locals(anomaly=tuple, last="long long")
cpdef long long refused_by_time_wait(Connection connection) except -1
@cython.locals(segment=Segment)
cpdef int client_of(Connection connection) except -1
@cython.locals(first=Segment)
cpdef bint begins_with_syn(Connection connection) except -1
@cython.locals(caller=Side)
cpdef bint opens_as_before(Connection connection, Connection shadow) except -1
@cython.locals(first=Segment)
cpdef int client_at_first(Connection connection)
