# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.decode cimport wire

cdef long long OPT_DSACK, OPT_FAST_OPEN, OPT_MSS, OPT_SACK, OPT_SACK_OK, OPT_TIMESTAMPS, OPT_WSCALE, MOST_SCALE, NEGATIVE


@cython.locals(bits="long long", tsval="long long", tsecr="long long", left="long long", right="long long", window_scale="long long",
               kind="long long", size="long long", outer_left="long long", outer_right="long long")
cpdef (long long, long long, long long, long long, long long, long long) parse_options(bytes data, Py_ssize_t at, Py_ssize_t stop,
                                                                                       long long ack)
