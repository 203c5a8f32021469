# cython: language_level=3, annotation_typing=False
import cython

cdef long long CLOSED


cdef class View:
    cdef public object name
    cdef public tuple near, ways, other_ways
    cdef public long long round_trip_ns, skew_ns

    cpdef tuple ways_of(self, long long number)
    @cython.locals(half_ns="long long")
    cpdef long long leg_ns(self, long long number) except? -1
    cpdef long long grace_ns(self) except -1


cdef class Opening:
    cdef public long long ack, ack_of, first_syn, last_syn, refusal, syn_repeats, synack, synack_repeats
    cdef public bint fast_open, simultaneous


@cython.no_gc
@cython.freelist(64)
cdef class Step:
    cdef public int basis_code, state_code
    cdef public long long index
    cdef public str reason


@cython.locals(step=Step)
cpdef Step step_to(int state, long long index, int basis, str reason)


cdef class StayMarks:
    cdef public int basis_code, side
    cdef public long long entered, killed
    cdef public list restarts
    cdef public dict exits


@cython.no_gc
cdef class ResetMarks:
    cdef public bint acceptable, in_window, late
    cdef public long long answers, index, origin


cdef class Close:
    cdef public tuple acknowledged, fins, second, taken

    @cython.locals(first="long long", index="long long", copies=list)
    cpdef long long first(self, long long number) except -2


cdef class Verdict:
    cdef public View view
    cdef public Opening opening
    cdef public Close close
    cdef public long long client, fatal
    cdef public bint ending_unseen, fin_hidden, midstream, self_connect
    cdef public list resets, stays, unexpected
    cdef public tuple paths
    cdef public dict giving_up

    @cython.locals(other=Verdict)
    cpdef Verdict of_another(self, View view, list resets)
    @cython.locals(path=list, step=Step)
    cpdef int final_code(self, long long number) except -1
    @cython.locals(path=list, step=Step)
    cpdef bint had_left(self, long long number, long long index) except -1
    @cython.locals(path=list, step=Step)
    cpdef long long entered(self, long long number, long long state) except -2
