# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table

cdef long long MISSING


cdef class _View:
    pass


cdef class EndpointView(_View):
    cdef Block _block
    cdef int _address
    cdef readonly int port


cdef class HandshakeView(_View):
    cdef Table _table
    cdef Py_ssize_t _row


cdef class TeardownView(_View):
    cdef Block _block
    cdef Py_ssize_t _row


cdef class SideView(_View):
    cdef Block _block
    cdef Py_ssize_t _row
    cdef bint _server

    @cython.locals(block=Block)
    cdef Py_ssize_t _first_entry(self)
    cdef tuple _path(self)


cdef class DeliveryView(_View):
    cdef Table _table
    cdef Py_ssize_t _row
    cdef int _role


cdef class CourseView(_View):
    cdef Table _table
    cdef Py_ssize_t _row


cdef class StayView(_View):
    cdef Table _table
    cdef Py_ssize_t _row


cdef class ConnectionView(_View):
    cdef readonly Block _block
    cdef readonly Py_ssize_t _row
    cdef object _id


cdef long long _wide(Table table, Py_ssize_t column, Py_ssize_t row)
cdef object _known(Table table, Py_ssize_t column, Py_ssize_t row)
cdef object _told(Table table, Py_ssize_t column, Py_ssize_t row)
cdef int _narrow(Table table, Py_ssize_t column, Py_ssize_t row)
cdef object _counted(Table table, Py_ssize_t column, Py_ssize_t row)
cdef int _small(Table table, Py_ssize_t column, Py_ssize_t row)
@cython.locals(table=Table, small="signed char[::1]", size=cython.Py_ssize_t)
cdef object _reset(Block block, Py_ssize_t at)
@cython.locals(table=Table, size=cython.Py_ssize_t)
cdef object _anomaly(Block block, Py_ssize_t at)
