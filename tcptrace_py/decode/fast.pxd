# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.decode cimport wire
from tcptrace_py.decode.options cimport parse_options
from tcptrace_py.model cimport words

cdef long long INCOMING, OPT_TIMESTAMPS, OPTIONS_CUT, OUTGOING, PAYLOAD_CUT, LEAVE_OUT
cdef long long ETHERNET, COOKED, COOKED2, COOKED_INTERFACES, BSD_NULL, LOOP, RAW, RAW_BSD, RAW_OPENBSD, RAW_IPV4, RAW_IPV6, IPV4, IPV6, NOP_NOP_TIMESTAMPS, MOST_LINK_BYTES


@cython.locals(
    data="const unsigned char *", whole=bytes, key=bytes, keys=list, recent=list, first=cython.Py_ssize_t, i=cython.Py_ssize_t, n=cython.Py_ssize_t, rows=cython.Py_ssize_t,
    at=cython.Py_ssize_t, end=cython.Py_ssize_t, ip=cython.Py_ssize_t, segment=cython.Py_ssize_t, stop=cython.Py_ssize_t,
    content=cython.Py_ssize_t, options_stop=cython.Py_ssize_t, options_at=cython.Py_ssize_t,
    offsets="long long[::1]", captured="long long[::1]", links="long long[::1]", frame_times="long long[::1]",
    frame_interfaces="long long[::1]", frames="long long[::1]", times="long long[::1]", interfaces="unsigned int[::1]",
    notes_column="unsigned int[::1]", seqs="unsigned int[::1]", acks="unsigned int[::1]", all_flags="unsigned int[::1]",
    windows="unsigned int[::1]", payloads="unsigned int[::1]", all_options="unsigned int[::1]", tsvals="unsigned int[::1]",
    tsecrs="unsigned int[::1]", window_scales="int[::1]", sack_lefts="unsigned int[::1]", sack_rights="unsigned int[::1]",
    vlans="int[::1]", ip_ids="int[::1]", ttls="unsigned int[::1]", checksums="unsigned int[::1]",
    owner_of="int[::1]", owners="int[::1]", key_ats="long long[::1]", me="long long", owner="long long", dealt=bint, odd=bint, plain=bint, frame="long long",
    source=cython.Py_ssize_t, size=cython.Py_ssize_t, offloaded="long long", snapped="long long", first_offloaded="long long", first_snapped="long long",
    looked_at_to="long long", base="long long", numbers="long long[::1]", numbered=bint, link="long long", notes="long long", vlan="long long", interface="long long", index="long long", ethertype="long long",
    packet_type="long long", family="long long", tag="long long", version="long long", length="long long", ip_id="long long",
    fragment="long long", ttl="long long", protocol="long long", seq="long long", ack="long long", flags="long long",
    window="long long", checksum="long long", port="long long", payload="long long", verdict="long long", options="long long",
    head="long long", tsval="long long", tsecr="long long", scale="long long", left="long long", right="long long")
cpdef decode_plain(block, Py_ssize_t first, out, tally)
