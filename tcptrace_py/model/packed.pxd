# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef long long MASK, FIRST_ROWS
cdef Py_ssize_t _KEY


cdef class PackedRows:
    cdef public Py_ssize_t count, key_words, row_words
    cdef public unsigned int[::1] rows
    cdef object _kept
    cdef long long _size
    cdef unsigned int[::1] _table

    @cython.locals(row=cython.Py_ssize_t)
    cpdef Py_ssize_t find(self, bytes key) except -2
    @cython.locals(row=cython.Py_ssize_t, mixed="long long", rows="unsigned int[::1]", at=cython.Py_ssize_t, index=cython.Py_ssize_t)
    cpdef Py_ssize_t enter(self, bytes key) except -1
    cpdef bytes key(self, Py_ssize_t row)
    @cython.locals(table="unsigned int[::1]", rows="unsigned int[::1]", last="long long", slot="long long", at=cython.Py_ssize_t,
                   index=cython.Py_ssize_t)
    cdef long long _slot(self, bytes key, long long mixed) except -1
    @cython.locals(table="unsigned int[::1]", rows="unsigned int[::1]", last="long long", slot="long long", row=cython.Py_ssize_t)
    cdef _widen(self)
