# cython: language_level=3, annotation_typing=False
from tcptrace_py.facts.table cimport Table


cdef class Names:
    cdef public list values
    cdef public dict by_value

    cpdef long long number(self, object value) except -1


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
