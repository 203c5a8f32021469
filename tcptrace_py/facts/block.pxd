# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.table cimport Table
from tcptrace_py.model cimport words


cdef class Names:
    cdef public list values
    cdef dict _by_value

    @cython.locals(numbers=dict)
    cpdef long long number(self, object value) except -1
    cpdef long long find(self, object value) except -2
    cdef dict _numbered(self)


cdef class Block:
    cdef public Table connections, entries, stays, resets, anomalies
    cdef public Names addresses, scopes, histories, paths, reasons, texts, evidence
    cdef public object ids
    cdef public bint is_timed
    cdef public dict _entries_of, _path_texts
    cdef public list _address_texts

    cpdef Py_ssize_t count_names(self) except -1
    cpdef clear(self)
    cpdef tuple path(self, int number)
    cpdef str path_names(self, int number)
    cpdef str address(self, int number)


@cython.locals(found=list, begin=cython.Py_ssize_t, at=cython.Py_ssize_t, size=cython.Py_ssize_t)
cdef list _runs(list values)
@cython.locals(found=list, together=bytes, at=cython.Py_ssize_t, size=cython.Py_ssize_t)
cdef list _apart(list runs)
