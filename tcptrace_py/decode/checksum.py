"""TCP checksums (RFC 1071, RFC 9293 section 3.1)."""

GOOD, UNFINISHED, WRONG = 0, 1, 2


def tcp_checksum(addresses: bytes, segment: bytes) -> int:
    """Judge a whole TCP segment between these two addresses (8 or 32 bytes, in one piece).

    UNFINISHED is a field that holds only the sum over the pseudo-header, as a host that leaves the rest to its network
    card writes it (Linux: CHECKSUM_PARTIAL, include/linux/skbuff.h). One's complement sums are numbers modulo 65535,
    which lets one division of a long number do the work of a loop.
    """
    pseudo = (int.from_bytes(addresses, "big") + 6 + len(segment)) % 0xFFFF
    total = int.from_bytes(segment, "big") << (len(segment) % 2 * 8)
    if (pseudo + total) % 0xFFFF == 0:
        return GOOD
    return UNFINISHED if (segment[16] << 8 | segment[17]) % 0xFFFF == pseudo else WRONG
