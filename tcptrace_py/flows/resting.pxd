# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words
from tcptrace_py.model.live cimport Connection, Segment, Side
from tcptrace_py.model.segments cimport reverse_key

# What is imported elsewhere (END) stays a Python object.
cdef long long ACK, FIN, SYN, MASK, MOST_SEGMENTS, HEAD_WORDS, SIDE_WORDS, COUNT, START, FIRST_FRAME, SIGNATURE, MICRO, WHOLE, SHORT_WORDS
cdef long long LAST_IDS, SHORT_NS, MOST_INTERFACE
cdef Connection _spare


@cython.locals(a=Side, b=Side)
cpdef bint can_rest(Connection connection)
@cython.locals(record="unsigned int[::1]", log=list, start_ns="long long", first="long long", since_ns="long long", short=bint, whole=bint,
               at=cython.Py_ssize_t, segment=Segment, a=Side, b=Side)
cpdef bytes fold(Connection connection)
cdef bint _told_by(Connection connection, bint whole)
cdef bint _alike(Side side, Side other, bint whole)
@cython.locals(segment=Segment, side=Side)
cdef _retell(list log, Side a, Side b)
cdef _fold_side(unsigned int[::1] record, Py_ssize_t at, Side side)
@cython.locals(first="long long", connection=Connection, bits="long long", packed="long long", index="long long", own_key=bytes,
               a=Side, b=Side, side=Side, letters="unsigned long long")
cpdef Connection unfold(bytes record)
cdef _unfold_side(bytes record, Py_ssize_t at, Side side)
@cython.locals(bits="long long")
cdef Py_ssize_t _place(bytes record, Py_ssize_t index)
@cython.locals(segment=Segment, packed="long long", at=cython.Py_ssize_t)
cdef Segment _segment(bytes record, Py_ssize_t index, long long first)
@cython.locals(bits="long long")
cpdef bytes key(bytes record)
cpdef unsigned long long signature(bytes record)
cpdef long long first_frame(bytes record)
@cython.locals(at=cython.Py_ssize_t, since_ns="long long")
cpdef long long time_ns(bytes record, Py_ssize_t index)
