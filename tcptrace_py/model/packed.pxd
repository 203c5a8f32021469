# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef long long MASK, FIRST_ROWS
cdef Py_ssize_t _KEY
cdef bint LITTLE


cdef class PackedRows:
    cdef public Py_ssize_t count, key_words, row_words
    cdef public unsigned int[::1] rows
    cdef object _kept
    cdef long long _size
    cdef unsigned int[::1] _table

    @cython.locals(row=cython.Py_ssize_t)
    cpdef Py_ssize_t find(self, bytes key) except -2
    @cython.locals(row=cython.Py_ssize_t, mixed="long long", slot="long long", rows="unsigned int[::1]", at=cython.Py_ssize_t,
                   index=cython.Py_ssize_t)
    cpdef Py_ssize_t place(self, bytes key) except -1
    cpdef bytes key(self, Py_ssize_t row)
    @cython.locals(found="unsigned int")
    cpdef long long leading(self, Py_ssize_t row, Py_ssize_t word) except -1
    @cython.locals(table="unsigned int[::1]", rows="unsigned int[::1]", last="long long", slot="long long", at=cython.Py_ssize_t,
                   index=cython.Py_ssize_t)
    cdef long long _slot(self, bytes key, long long mixed) except -1
    @cython.locals(table="unsigned int[::1]", rows="unsigned int[::1]", last="long long", slot="long long", row=cython.Py_ssize_t)
    cdef _widen(self)


cdef class Numbered:
    cdef public Py_ssize_t count
    cdef public PackedRows short, long
    cdef int[::1] _places

    @cython.locals(packed=PackedRows, row=cython.Py_ssize_t, number=cython.Py_ssize_t, known=cython.Py_ssize_t, is_long=bint)
    cpdef Py_ssize_t number(self, bytes key) except -1
    @cython.locals(packed=PackedRows, row=cython.Py_ssize_t)
    cpdef Py_ssize_t find(self, bytes key) except -2
    @cython.locals(place=int)
    cpdef bytes key(self, Py_ssize_t number)
    @cython.locals(place=int, packed=PackedRows)
    cpdef long long leading(self, Py_ssize_t number, Py_ssize_t word) except -1
    cpdef int middle(self, Py_ssize_t number) except -1
