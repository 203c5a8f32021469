# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.flows.copies cimport skipped
from tcptrace_py.model.live cimport Connection, Context, Rare, Segment, Side
from tcptrace_py.model.segments cimport Columns
from tcptrace_py.model.seq cimport ahead

cdef long long ACK, FIN, RST, SYN, AHEAD, BUDGET, CLOSING, QUIET, SKIPPED, STRAY, _LOG_LIMIT


@cython.locals(connection=Connection, flags="long long", covers_fin=bint, segment=Segment, covers="long long", rare=Rare)
cpdef log_segment(Side side, Side peer, Columns columns, Py_ssize_t i, long long end, long long marks, Context context)
@cython.locals(segment=Segment)
cpdef Segment segment_of(Columns columns, Py_ssize_t i, int side, long long end)
@cython.locals(connection=Connection, context=Context)
cpdef Context context_of(Side side, Side peer)
@cython.locals(flags="long long")
cpdef note_letters(Side side, Columns columns, Py_ssize_t i)
@cython.locals(connection=Connection)
cpdef note_letter(Side side, int letter)
