# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.percentiles cimport steady_ns

cdef long long LAGS, PERIOD_NS, WITHIN_PERCENT


@cython.locals(lag=cython.Py_ssize_t, period_ns="long long")
cpdef _period(long long[::1] starts)
