# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.accounts cimport Account, Accounts
from tcptrace_py.findings.levels cimport Levels


@cython.locals(levels=Levels, span_s=double, rate=double, ceiling=double, connections="long long", ports="long long")
cpdef _budget(Account account, Accounts accounts)
