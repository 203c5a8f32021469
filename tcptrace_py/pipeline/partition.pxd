# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef long long ROW_WORDS, KEY_MOST, IPV6_KEY, MASK


@cython.locals(count=cython.Py_ssize_t, i=cython.Py_ssize_t, keys=list, key=bytes, column="int[::1]", mask="unsigned int")
cpdef object owners(block, int[::1] owner_of)
@cython.locals(
    keys=list, i=cython.Py_ssize_t, n=cython.Py_ssize_t, frames="long long[::1]", times="long long[::1]", seqs="long long[::1]",
    acks="long long[::1]", all_flags="long long[::1]", windows="long long[::1]", payloads="long long[::1]",
    all_options="long long[::1]", tsvals="long long[::1]", tsecrs="long long[::1]", ttls="long long[::1]", notes="long long[::1]",
    interfaces="long long[::1]", ip_ids="long long[::1]", scales="long long[::1]", vlans="long long[::1]", teids="long long[::1]")
cpdef keep(block, int[::1] owner, int me)
@cython.locals(
    keys=list, key=bytes, size=cython.Py_ssize_t, i=cython.Py_ssize_t, limit=cython.Py_ssize_t, rows=cython.Py_ssize_t,
    out="unsigned char[::1]", frames="long long[::1]", times="long long[::1]", seqs="long long[::1]",
    acks="long long[::1]", all_flags="long long[::1]", windows="long long[::1]", payloads="long long[::1]",
    all_options="long long[::1]", tsvals="long long[::1]", tsecrs="long long[::1]", ttls="long long[::1]", notes="long long[::1]",
    interfaces="long long[::1]", ip_ids="long long[::1]", scales="long long[::1]", vlans="long long[::1]", teids="long long[::1]")
cpdef tuple pack(block, int[::1] owner, int to, area, Py_ssize_t at)
@cython.locals(
    keys=list, size=cython.Py_ssize_t, i=cython.Py_ssize_t, packed="long long", source="unsigned char[::1]", frames="long long[::1]",
    times="long long[::1]", seqs="long long[::1]",
    acks="long long[::1]", all_flags="long long[::1]", windows="long long[::1]", payloads="long long[::1]",
    all_options="long long[::1]", tsvals="long long[::1]", tsecrs="long long[::1]", ttls="long long[::1]", notes="long long[::1]",
    interfaces="long long[::1]", ip_ids="long long[::1]", scales="long long[::1]", vlans="long long[::1]", teids="long long[::1]")
cpdef Py_ssize_t unpack(area, Py_ssize_t at, Py_ssize_t rows, block, list recent)
