# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

# Names that only this module and textbook.py read: as C numbers they cost nothing.
cdef long long HEAD_WORDS, SIDES_WORDS, LOG_WORDS, LOGGED, WHOLE, START, END, FIRST_FRAME, SIGNATURE
cdef long long STATE, BUDGET_LEFT, STREAM, VLAN_SCALES, TEID

cpdef long long logged(bytes record)
cpdef Py_ssize_t log_at(bytes record, Py_ssize_t index)
cpdef bytes key(bytes record)
cpdef long long start_ns(bytes record)
cpdef long long end_ns(bytes record)
cpdef long long first_frame(bytes record)
cpdef long long signature(bytes record)
@cython.locals(at=cython.Py_ssize_t, low="long long", high="long long")
cpdef long long time_ns(bytes record, Py_ssize_t index)
cpdef long long sender(bytes record, Py_ssize_t index)
