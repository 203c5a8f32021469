# cython: language_level=3, annotation_typing=False
import cython

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

    @cython.locals(columns=Columns, i=cython.Py_ssize_t, number="unsigned long long", hashed="long long", takes_all=cython.bint,
                   flags="unsigned int[::1]")
    cpdef take(self, block, selection)
    @cython.locals(at=cython.Py_ssize_t, rows="long long[::1]", ip_id="long long")
    cdef _add(self, Columns columns, Py_ssize_t i, long long number, long long hashed)
    cpdef cut(self)
    @cython.locals(rows="long long[::1]", keys=list, kept=cython.Py_ssize_t, row=cython.Py_ssize_t, word=cython.Py_ssize_t)
    cdef _keep_low(self)
    @cython.locals(rows="long long[::1]", keys=list, at=cython.Py_ssize_t, row=cython.Py_ssize_t, rest="long long", number="long long",
                   stamp="long long", other=cython.Py_ssize_t, numbers=dict, others=dict, runs=dict, wanted=set)
    cpdef repeated(self)
    @cython.locals(rows="long long[::1]", at=cython.Py_ssize_t, other=cython.Py_ssize_t)
    cdef _pair(self, dict others, dict runs, object name, Py_ssize_t row, set wanted)
    @cython.locals(rows="long long[::1]", keys=list, row=cython.Py_ssize_t, legs=dict, of_number=set, few=set)
    cdef _rows_of(self, set wanted)
    @cython.locals(rows="long long[::1]", keys=list, at=cython.Py_ssize_t, row=cython.Py_ssize_t, rest="long long")
    cpdef list kept(self, which)
