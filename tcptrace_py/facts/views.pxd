# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table

cdef long long MISSING


cdef object _wide(Table table, Py_ssize_t column, Py_ssize_t row)
@cython.locals(table=Table, small="signed char[::1]", size=cython.Py_ssize_t)
cdef object _reset(Block block, Py_ssize_t at)
@cython.locals(small="signed char[::1]", size=cython.Py_ssize_t)
cdef object _stay(Table table, Py_ssize_t at)
@cython.locals(table=Table, size=cython.Py_ssize_t)
cdef object _anomaly(Block block, Py_ssize_t at)
