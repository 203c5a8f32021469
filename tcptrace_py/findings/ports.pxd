# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.accounts cimport Account, Accounts
from tcptrace_py.findings.occupancy cimport Occupancy
from tcptrace_py.findings.port_use cimport believed_ports


@cython.locals(occupancy=Occupancy, wait_ns="long long", span_ns="long long", held="long long")
cpdef _budget(Account account, Accounts accounts, scope, known, full)
@cython.locals(occupancy=Occupancy, held=cython.Py_ssize_t)
cpdef bint may_be_near(Account account, Accounts accounts, double ratio)
cpdef bint _goes_on(Account account, long long end_ns)
