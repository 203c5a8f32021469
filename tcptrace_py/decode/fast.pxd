# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.decode cimport wire
from tcptrace_py.decode.options cimport parse_options
from tcptrace_py.model cimport words

cdef long long INCOMING, OPT_TIMESTAMPS, OPTIONS_CUT, OUTGOING, PAYLOAD_CUT, LEAVE_OUT
cdef long long ETHERNET, COOKED, COOKED2, BSD_NULL, LOOP, RAW, RAW_BSD, RAW_OPENBSD, RAW_IPV4, RAW_IPV6, IPV4, IPV6


@cython.locals(
    data="const unsigned char *", whole=bytes, key=bytes, keys=list, recent=list, first=cython.Py_ssize_t, i=cython.Py_ssize_t, n=cython.Py_ssize_t, rows=cython.Py_ssize_t,
    at=cython.Py_ssize_t, end=cython.Py_ssize_t, ip=cython.Py_ssize_t, segment=cython.Py_ssize_t, stop=cython.Py_ssize_t,
    content=cython.Py_ssize_t, options_stop=cython.Py_ssize_t, options_at=cython.Py_ssize_t,
    offsets="long long[::1]", captured="long long[::1]", links="long long[::1]", frame_times="long long[::1]",
    frame_interfaces="long long[::1]", frames="long long[::1]", times="long long[::1]", interfaces="long long[::1]",
    notes_column="long long[::1]", seqs="long long[::1]", acks="long long[::1]", all_flags="long long[::1]",
    windows="long long[::1]", payloads="long long[::1]", all_options="long long[::1]", tsvals="long long[::1]",
    tsecrs="long long[::1]", window_scales="long long[::1]", sack_lefts="long long[::1]", sack_rights="long long[::1]",
    vlans="long long[::1]", ip_ids="long long[::1]", ttls="long long[::1]", checksums="long long[::1]",
    owner_of="int[::1]", owners="long long[::1]", key_ats="long long[::1]", me="long long", owner="long long", dealt=bint, odd=bint,
    source=cython.Py_ssize_t, offloaded="long long", snapped="long long", first_offloaded="long long", first_snapped="long long",
    looked_at_to="long long", base="long long", link="long long", notes="long long", vlan="long long", ethertype="long long",
    packet_type="long long", family="long long", tag="long long", version="long long", length="long long", ip_id="long long",
    fragment="long long", ttl="long long", protocol="long long", seq="long long", ack="long long", flags="long long",
    window="long long", checksum="long long", port="long long", payload="long long", verdict="long long", options="long long",
    head="long long", tsval="long long", tsecr="long long", scale="long long", left="long long", right="long long")
cpdef decode_plain(block, Py_ssize_t first, out, tally)
