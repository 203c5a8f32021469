# cython: boundscheck=False, wraparound=False
# (compiled: every index below is looked at before, or counts rows of columns that are long enough)
"""The fast path: one loop over raw bytes for what nearly every frame is.

It is long on purpose: a call costs an interpreter as much as reading a whole header, and a compiler (see `wire.py` and
the `.pxd` beside this file, where there is one) wants its locals in one place. It reads

    Ethernet with VLAN tags | Linux cooked v1, v2 | BSD loopback | raw IP
    IPv4, with options or without, whole | IPv6 with the transport directly behind its header
    TCP whose fixed 20 bytes were captured

and says of frames that cannot hold TCP that they hold none. Whatever it is not sure of, it declines: fragments,
tunnels, ICMP errors, extension headers, lengths that do not add up. `general.py` takes those and must give the same
rows for all the others, which `tests/decode/test_seam.py` holds it to.
"""

from tcptrace_py.model import words
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.segments import (
    COOKED_INTERFACES,
    INCOMING,
    OPT_TIMESTAMPS,
    OPTIONS_CUT,
    OUTGOING,
    PAYLOAD_CUT,
    SegmentBlock,
)

from . import wire
from .options import parse_options
from .quality import LEAVE_OUT, Tally

# Link types by their numbers in the LINKTYPE_ registry (tcpdump.org/linktypes.html).
ETHERNET, COOKED, COOKED2, BSD_NULL, LOOP = 1, 113, 276, 0, 108
# 12 and 14 are what some systems call raw IP in files of their own; 228 and 229 promise a version.
RAW, RAW_BSD, RAW_OPENBSD, RAW_IPV4, RAW_IPV6 = 101, 12, 14, 228, 229

IPV4, IPV6 = 0x0800, 0x86DD
NOP_NOP_TIMESTAMPS = 0x0101080A
MOST_LINK_BYTES = 64  # some ten tags: who has more is counted on the general path

# UDP destination ports of what may carry TCP: VXLAN (RFC 7348; 8472 before it, still Linux's default), VXLAN-GPE,
# GENEVE (RFC 8926), GTP-U (TS 29.281), TZSP, L2TP (RFC 2661), Teredo (RFC 4380), GRE (RFC 8086), MPLS (RFC 7510),
# CAPWAP (RFC 5415).
# `tunnels.py` has a row for each.
TUNNEL_PORTS = (4789, 8472, 4790, 6081, 2152, 37008, 1701, 3544, 4341, 4754, 6635, 5247)
ANSWERED_PORTS = (1701, 3544, 5247)  # of these also the source port: who asks there may have another of its own


def decode_plain(block: FrameBlock, first: int, out: SegmentBlock, tally: Tally) -> int:
    """Decode rows `first` and on of `block` into `out`; return the first row that is declined, or the count of rows."""
    data = whole = block.data  # two names: compiled, one is the bytes, the other a pointer to them
    offsets, captured, links = block.offset, block.captured, block.link
    frame_times, frame_interfaces = block.time_ns, block.interface
    keys, frames, times, interfaces, notes_column = out.key, out.frame, out.time_ns, out.interface, out.notes
    seqs, acks, all_flags, windows, payloads = out.seq, out.ack, out.flags, out.window, out.payload
    all_options, tsvals, tsecrs, window_scales = out.options, out.tsval, out.tsecr, out.window_scale
    sack_lefts, sack_rights, vlans = out.sack_left, out.sack_right, out.vlan
    ip_ids, ttls, checksums = out.ip_id, out.ttl, out.checksum
    looked_at_to, recent = tally.looked_at_to, tally.recent
    base, numbers = block.first_frame, block.frame
    numbered = len(numbers) > 0
    n = out.count
    offloaded = snapped = first_offloaded = first_snapped = 0
    odd = out.odd
    # Where several processes share the capture: keys are made of the own segments alone.
    owner_of, owners, key_ats, me = tally.owner_of, out.owner, out.key_at, out.me
    dealt = len(owner_of) > 0
    owner = -1

    for i in range(first, block.count):
        at = offsets[i]
        end = at + captured[i]
        link = links[i]
        notes = 0
        vlan = -1
        interface = frame_interfaces[i]

        plain = False
        if link == ETHERNET and at + 66 <= end:
            # What most frames are, read in one call: IPv4 without options, and room for TCP's timestamps.
            (ethertype, version, length, ip_id, fragment, ttl, protocol, seq, ack, flags, window, checksum, head, tsval, tsecr) = (
                wire.ethernet_tcp(data, at)
            )
            plain = ethertype == IPV4 and version == 0x45 and protocol == 6 and not fragment & 0x3FFF
        if plain:
            ip = at + 14
            source = ip + 12
            size = 4
            segment = ip + 20
            stop = ip + length
        else:
            # The link header: where IP begins, and which.
            if link == ETHERNET:
                ip = at + 14
                if ip > end:
                    break
                ethertype = data[at + 12] << 8 | data[at + 13]
            elif link in (RAW, RAW_BSD, RAW_OPENBSD, RAW_IPV4, RAW_IPV6):
                ip = at
                if ip >= end:
                    break
                ethertype = IPV4 if data[ip] >> 4 == 4 else IPV6 if data[ip] >> 4 == 6 else 1
            elif link in (COOKED, COOKED2):
                ip = at + (16 if link == COOKED else 20)
                if ip > end:
                    break
                if link == COOKED:
                    packet_type = data[at] << 8 | data[at + 1]
                    ethertype = data[at + 14] << 8 | data[at + 15]
                else:
                    packet_type = data[at + 10]
                    ethertype = data[at] << 8 | data[at + 1]
                    index = data[at + 4]  # wide enough for all four bytes
                    interface += (index << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]) % COOKED_INTERFACES
                notes = OUTGOING if packet_type == 4 else INCOMING if packet_type == 0 else 0
            elif link in (BSD_NULL, LOOP):
                ip = at + 4
                # The family stands in the byte order of the machine that wrote it; its other bytes are 0 in either.
                if ip > end or data[at + 1] or data[at + 2] or (data[at] and data[at + 3]):
                    break
                family = data[at] | data[at + 3]
                ethertype = IPV4 if family == 2 else IPV6 if family in (10, 24, 28, 30) else 1
            elif link < 0:
                continue  # a record that is numbered as a frame and is none
            else:
                break
            while ethertype in (0x8100, 0x88A8, 0x9100, 0x9200):
                ip += 4
                if ip > end or ip > at + MOST_LINK_BYTES:
                    ethertype = 1
                    break
                tag = (data[ip - 4] & 15) << 8 | data[ip - 3]
                vlan = tag or vlan  # 0 only bears a priority
                ethertype = data[ip - 2] << 8 | data[ip - 1]

            # The IP header: where TCP begins and ends on the wire.
            if ethertype == IPV4:
                if ip + 28 > end:
                    break
                if ip + 40 <= end:
                    version, length, ip_id, fragment, ttl, protocol, seq, ack, flags, window, checksum = wire.ipv4_tcp(data, ip)
                else:
                    version, fragment, protocol = data[ip], data[ip + 6] << 8 | data[ip + 7], data[ip + 9]
                    if protocol == 6:
                        break
                segment = ip + 20
                if version != 0x45:
                    segment = ip + ((version & 15) << 2)
                    if version >> 4 != 4 or segment < ip + 20 or segment + 8 > end:
                        break
                if fragment & 0x3FFF:
                    break
                if protocol != 6:
                    if protocol == 17:
                        port = data[segment + 2] << 8 | data[segment + 3]
                        if port in TUNNEL_PORTS or (data[segment] << 8 | data[segment + 1]) in ANSWERED_PORTS:
                            break
                        continue
                    if protocol in (2, 50, 89, 112, 132):
                        continue  # IGMP, ESP, OSPF, VRRP, SCTP
                    if protocol == 1 and data[segment] in (0, 8):
                        continue  # an echo and its reply
                    break
                source = ip + 12
                size = 4
                if segment != ip + 20:
                    size = 0
                    if segment + 20 > end:
                        break
                    seq, ack, flags, window, checksum = wire.tcp(data, segment)
                    key = data[source : source + 8] + data[segment : segment + 4]
                stop = ip + length
            elif ethertype == IPV6:
                segment = ip + 40
                if segment + 8 > end:
                    break
                version, length, protocol, ttl = wire.ipv6(data, ip)
                if version >> 4 != 6 or length == 0:
                    break
                if protocol == 58 and length >= 8 and data[segment] >= 128:
                    continue  # informational: echoes, neighbour discovery; a router solicitation has 8 bytes
                if segment + 20 > end:
                    break
                if protocol != 6:
                    if protocol == 17:
                        port = data[segment + 2] << 8 | data[segment + 3]
                        if port in TUNNEL_PORTS or (data[segment] << 8 | data[segment + 1]) in ANSWERED_PORTS:
                            break
                        continue
                    if protocol == 0 and data[segment] == 58 and data[segment + 1] == 0 and data[segment + 8] >= 128:
                        continue  # informational behind hop-by-hop options of 8 bytes: listener reports (RFC 2710, 3810)
                    break
                seq, ack, flags, window, checksum = wire.tcp(data, segment)
                source = ip + 8
                size = 16
                stop = segment + length
                ip_id = -1
            elif ethertype in (0x0806, 0x88CC, 0x888E):
                continue  # ARP, LLDP, EAPOL
            else:
                break

        # `size` of addresses where the ports stand behind them; 0: IPv4 with options, whose key is made already.
        frame = numbers[i] if numbered else base + i
        if size == 4:
            if dealt:
                owner = owner_of[wire.bucket(data, source, 4)]
                if owner != me:
                    key_ats[n] = source
            key = wire.key(data, source, source + 12, recent) if owner == me or frame <= looked_at_to else b""
        elif size == 16:
            if dealt:
                owner = owner_of[wire.bucket(data, source, 16)]
                if owner != me:
                    key_ats[n] = -source
            key = wire.key(data, source, source + 36, recent) if owner == me or frame <= looked_at_to else b""
        else:
            owner = -1

        # TCP: lengths come from the IP header, never from the frame, which may be padded or cut.
        content = segment + (flags >> 12 << 2)
        payload = stop - content
        if content < segment + 20 or payload < 0:
            break
        options_stop = content
        if stop > end:
            if content > end:
                options_stop = end
                notes |= OPTIONS_CUT | PAYLOAD_CUT if payload else OPTIONS_CUT
                if frame < first_snapped or not first_snapped:  # where frames were put in order, the next may be an earlier one
                    first_snapped = frame
                snapped += 1
            elif payload:
                notes |= PAYLOAD_CUT
        elif frame <= looked_at_to:
            verdict = tally.check(key[: len(key) - 4], whole[segment:stop], frame)
            if verdict == LEAVE_OUT:
                continue
            notes |= verdict
        if stop > ip + 1500 and data[source] != 127:  # loopback has no network card
            if frame < first_offloaded or not first_offloaded:
                first_offloaded = frame
            offloaded += 1

        if plain and head == NOP_NOP_TIMESTAMPS and content == segment + 32:
            all_options[n] = OPT_TIMESTAMPS
            window_scales[n] = -1
            tsvals[n] = tsval
            tsecrs[n] = tsecr
        elif options_stop > segment + 20:
            options_at = segment + 20
            options = 0
            if options_stop == options_at + 12:
                head, tsval, tsecr = wire.timestamps(data, options_at)
                if head == NOP_NOP_TIMESTAMPS:
                    options = OPT_TIMESTAMPS
            if not options:
                options, scale, tsval, tsecr, left, right = parse_options(whole, options_at, options_stop, ack)
                window_scales[n] = scale
                if left or right:
                    sack_lefts[n] = left
                    sack_rights[n] = right
                    odd = True
            else:
                window_scales[n] = -1
            all_options[n] = options
            tsvals[n] = tsval
            tsecrs[n] = tsecr
        else:
            all_options[n] = tsvals[n] = tsecrs[n] = 0
            window_scales[n] = -1
        words.set_key(keys, n, key)
        frames[n] = frame
        times[n] = frame_times[i]
        seqs[n] = seq
        acks[n] = ack
        all_flags[n] = flags & 0x1FF
        windows[n] = window
        payloads[n] = payload
        ip_ids[n] = ip_id
        ttls[n] = ttl
        checksums[n] = checksum
        interfaces[n] = interface
        if dealt:
            owners[n] = owner
        notes_column[n] = notes
        if vlan >= 0:
            vlans[n] = vlan
            odd = True
        n += 1
    else:
        i = block.count
    out.count = n
    out.odd = odd
    if offloaded:
        tally.count("offloaded", first_offloaded, offloaded)
    if snapped:
        tally.count("snapped", first_snapped, snapped)
    return i
