# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.findings.accounts cimport Account, Accounts, HostRow
from tcptrace_py.findings.singles cimport Singles, began_ns, facts_of, is_alive
from tcptrace_py.model cimport columns, words
from tcptrace_py.model.packed cimport PackedRows

cdef Py_ssize_t OPENED, SERVED, CLOSED_FIRST, ENTERED_C, ENTERED_S, RESTARTED, REUSED, KILLED, FIRST, LAST, ITSELF, WORDS, FIRST_LOW, LAST_LOW, KEY
cdef long long MASK, NEVER_NS


@cython.locals(account=Account, at=cython.Py_ssize_t, found="long long[::1]")
cpdef sums(Accounts accounts)
@cython.locals(numbers="long long[::1]", firsts="long long[::1]", rows="unsigned int[::1]", row=cython.Py_ssize_t,
               at=cython.Py_ssize_t, least="long long", last="long long", opened="long long", served="long long", chosen=list, tied=list,
               last_place=cython.Py_ssize_t)
cpdef list most_connections(PackedRows packed, Py_ssize_t most)
@cython.locals(singles=Singles, own="long long[::1]", packed=PackedRows, rest=PackedRows, counts_others=bint, size=cython.Py_ssize_t,
               row=cython.Py_ssize_t, side=cython.Py_ssize_t, what=cython.Py_ssize_t, address=bytes, host=HostRow,
               at=cython.Py_ssize_t, start_ns="long long", closed=bint, closed_first="signed char[::1]", last=cython.Py_ssize_t,
               place=cython.Py_ssize_t)
cpdef add_singles(Accounts accounts, numbers, tuple others)
@cython.locals(known=cython.Py_ssize_t, place=cython.Py_ssize_t, at=cython.Py_ssize_t)
cdef Py_ssize_t _place(PackedRows others, bytes address) except -1
@cython.locals(rows="unsigned int[::1]", at=cython.Py_ssize_t)
cdef _add_packed(PackedRows others, Py_ssize_t place, Py_ssize_t what, bint closed, long long start_ns)
@cython.locals(low="long long", high="long long")
cdef long long _moment(unsigned int[::1] rows, Py_ssize_t at) except? -1
