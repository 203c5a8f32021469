# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.findings.accounts cimport Account, Accounts, HostRow

cdef Py_ssize_t OPENED, SERVED, CLOSED_FIRST, ENTERED_C, ENTERED_S, RESTARTED, REUSED, KILLED, WORDS


@cython.locals(account=Account, at=cython.Py_ssize_t, found="long long[::1]")
cpdef sums(Accounts accounts)
