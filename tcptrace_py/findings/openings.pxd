# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns
from tcptrace_py.model.segments cimport Columns, local_port, plain_key

cdef long long ACK, RST, SYN, OTHER
cdef unsigned long long FACTOR, _MASK
cdef long long _NEAR_NS
cdef Py_ssize_t HASH, TIME, FRAME, SEQ, NUMBER, TSVAL, TSECR, REST, ROW_WORDS


cdef class Openings:
    cdef public list keys
    cdef public long long[::1] rows
    cdef public Py_ssize_t count, most
    cdef public long long limit

    @cython.locals(segments=Columns, i=cython.Py_ssize_t, number="unsigned long long", hashed="long long", takes_all=cython.bint,
                   flags="unsigned int[::1]", opens="unsigned int", looked_at="unsigned int")
    cpdef take(self, block, selection)
    @cython.locals(at=cython.Py_ssize_t, rows="long long[::1]", ip_id="long long")
    cdef _add(self, Columns segments, Py_ssize_t i, long long number, long long hashed)
    cpdef cut(self)
    @cython.locals(rows="long long[::1]", keys=list, kept=cython.Py_ssize_t, row=cython.Py_ssize_t, word=cython.Py_ssize_t)
    cdef _keep_low(self)
    @cython.locals(keys=list, count=cython.Py_ssize_t, sorted_keys=list, words="long long[::1]", frame_of="long long[::1]",
                   to_words="long long[::1]", order="int[::1]", row=cython.Py_ssize_t, place=cython.Py_ssize_t, word=cython.Py_ssize_t)
    cpdef merge(self, tuple parcel)
    @cython.locals(rows="long long[::1]", keys=list, at=cython.Py_ssize_t, row=cython.Py_ssize_t, before=cython.Py_ssize_t,
                   count=cython.Py_ssize_t, place=cython.Py_ssize_t, rest="long long", stamp="long long", wanted=set, first_of=dict,
                   is_same=bint, row_of="long long[::1]", number_of="long long[::1]", stamp_of="long long[::1]", tuple_of="long long[::1]",
                   order="int[::1]")
    cpdef repeated(self)
    cdef bint _are_near(self, Py_ssize_t row, Py_ssize_t other) except -1
    @cython.locals(rows="long long[::1]", order="int[::1]", place=cython.Py_ssize_t, last=cython.Py_ssize_t, row=cython.Py_ssize_t,
                   before=cython.Py_ssize_t, run=cython.Py_ssize_t)
    cdef _want_others(self, long long[::1] syns, long long[::1] names, Py_ssize_t count, set wanted)
    @cython.locals(rows="long long[::1]", keys=list, row=cython.Py_ssize_t, legs=dict, of_number=set, few=set)
    cdef _rows_of(self, set wanted)
    @cython.locals(rows="long long[::1]", keys=list, at=cython.Py_ssize_t, row=cython.Py_ssize_t, rest="long long")
    cpdef list kept(self, which)
