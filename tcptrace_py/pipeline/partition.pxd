# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef long long ROW_WORDS, KEY_MOST, IPV4_KEY, IPV6_KEY, MASK


@cython.locals(i=cython.Py_ssize_t, foreign=cython.Py_ssize_t, keys=list, key=bytes, owners="int[::1]")
cpdef tell_owners(block, int[::1] owner_of, int me)
@cython.locals(
    data="const unsigned char *", key_ats="long long[::1]", owners="int[::1]", keys=list, key=bytes, size=cython.Py_ssize_t, i=cython.Py_ssize_t, limit=cython.Py_ssize_t, rows=cython.Py_ssize_t,
    out="unsigned char[::1]", frames="long long[::1]", times="long long[::1]", seqs="unsigned int[::1]",
    acks="unsigned int[::1]", all_flags="unsigned int[::1]", windows="unsigned int[::1]", payloads="unsigned int[::1]",
    all_options="unsigned int[::1]", tsvals="unsigned int[::1]", tsecrs="unsigned int[::1]", ttls="unsigned int[::1]", notes="unsigned int[::1]",
    interfaces="unsigned int[::1]", ip_ids="int[::1]", scales="int[::1]", vlans="int[::1]", teids="long long[::1]")
cpdef tuple pack(block, int to, area, Py_ssize_t at)
@cython.locals(
    keys=list, size=cython.Py_ssize_t, i=cython.Py_ssize_t, odd=bint, packed="long long", source="unsigned char[::1]", frames="long long[::1]",
    times="long long[::1]", seqs="unsigned int[::1]",
    acks="unsigned int[::1]", all_flags="unsigned int[::1]", windows="unsigned int[::1]", payloads="unsigned int[::1]",
    all_options="unsigned int[::1]", tsvals="unsigned int[::1]", tsecrs="unsigned int[::1]", ttls="unsigned int[::1]", notes="unsigned int[::1]",
    interfaces="unsigned int[::1]", ip_ids="int[::1]", scales="int[::1]", vlans="int[::1]", teids="long long[::1]")
cpdef Py_ssize_t unpack(area, Py_ssize_t at, Py_ssize_t rows, block, list recent)
