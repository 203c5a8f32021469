# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.table cimport Table

cdef long long MISSING, _EXACT


@cython.locals(values="signed char[::1]", to="int[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t)
cpdef small(Table table, Py_ssize_t column)
@cython.locals(values="int[::1]", to="long long[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t, number=int)
cpdef counts(Table table, Py_ssize_t column)
@cython.locals(to="long long[::1]", row=cython.Py_ssize_t, number="long long")
cpdef without(long long[::1] numbers, long long value)
@cython.locals(paths="int[::1]", to="long long[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t)
cpdef of_side(long long[::1] numbers, Table table, Py_ssize_t path)
@cython.locals(to="double[::1]", given="unsigned char[::1]", count=cython.Py_ssize_t, row=cython.Py_ssize_t, number="long long", missing=bint)
cpdef divided(long long[::1] numbers, long long by)
cdef double _quotient(object number, object by) except? -1
