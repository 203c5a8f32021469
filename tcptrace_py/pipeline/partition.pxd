# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef long long ROW_WORDS, KEY_MOST, IPV4_KEY, IPV6_KEY, MASK


@cython.locals(i=cython.Py_ssize_t, foreign=cython.Py_ssize_t, keys=list, key=bytes, owners="long long[::1]")
cpdef tell_owners(block, int[::1] owner_of, int me)
@cython.locals(
    data="const unsigned char *", key_ats="long long[::1]", owners="long long[::1]", keys=list, key=bytes, size=cython.Py_ssize_t, i=cython.Py_ssize_t, limit=cython.Py_ssize_t, rows=cython.Py_ssize_t,
    out="unsigned char[::1]", frames="long long[::1]", times="long long[::1]", seqs="long long[::1]",
    acks="long long[::1]", all_flags="long long[::1]", windows="long long[::1]", payloads="long long[::1]",
    all_options="long long[::1]", tsvals="long long[::1]", tsecrs="long long[::1]", ttls="long long[::1]", notes="long long[::1]",
    interfaces="long long[::1]", ip_ids="long long[::1]", scales="long long[::1]", vlans="long long[::1]", teids="long long[::1]")
cpdef tuple pack(block, int to, area, Py_ssize_t at)
@cython.locals(
    keys=list, size=cython.Py_ssize_t, i=cython.Py_ssize_t, odd=bint, packed="long long", source="unsigned char[::1]", frames="long long[::1]",
    times="long long[::1]", seqs="long long[::1]",
    acks="long long[::1]", all_flags="long long[::1]", windows="long long[::1]", payloads="long long[::1]",
    all_options="long long[::1]", tsvals="long long[::1]", tsecrs="long long[::1]", ttls="long long[::1]", notes="long long[::1]",
    interfaces="long long[::1]", ip_ids="long long[::1]", scales="long long[::1]", vlans="long long[::1]", teids="long long[::1]")
cpdef Py_ssize_t unpack(area, Py_ssize_t at, Py_ssize_t rows, block, list recent)
