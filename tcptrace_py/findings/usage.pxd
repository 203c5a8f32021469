# cython: language_level=3, annotation_typing=False
import cython

cdef long long LAGS, PERIOD_NS
cdef double STEADY


@cython.locals(count=cython.Py_ssize_t, lag=cython.Py_ssize_t, at=cython.Py_ssize_t, least="long long", longer="long long",
               middle="long long", steady="long long")
cpdef _period(long long[::1] starts)
