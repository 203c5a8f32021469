# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.accounts cimport Account, Accounts
from tcptrace_py.findings.percentiles cimport Values

cdef int COMPLETED, UNKNOWN


cdef class Totals:
    cdef public long long censored, connections
    cdef public list outcomes, patterns, causes, latencies

    cpdef add(self, int outcome, int pattern, int cause, bint censored, long long count)
    cpdef Values latencies_of(self, int outcome, int vantage)


@cython.locals(account=Account, services=dict)
cpdef list services_of(Accounts accounts)
cdef _add_account(dict services, Account account, long long times)
