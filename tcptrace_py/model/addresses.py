"""Addresses between their packed and their text form."""

from .results import Endpoint, Scope, TwoScopes
from .segments import SCOPE_GRE, SCOPE_TEID, SCOPE_VNI, scope_bytes


def text(packed: bytes) -> str:
    """Text of an IPv4 (4 bytes) or IPv6 (16 bytes) address."""
    if len(packed) == 4:
        return "{}.{}.{}.{}".format(*packed)
    import socket  # noqa: PLC0415 - three milliseconds of start-up that IPv4 does not need

    return socket.inet_ntop(socket.AF_INET6, packed)


def scope_of(scope: bytes, vlan: int = -1, teid: int = -1, interface: int = -1) -> Scope | None:
    """Scope in words; None where there is none of all that."""
    number = int.from_bytes(scope[1:5], "big")
    vni, gre_key = number if scope[:1] == SCOPE_VNI else None, number if scope[:1] == SCOPE_GRE else None
    if vni is None and gre_key is None and vlan < 0 and teid < 0 and interface < 0:
        return None
    return Scope(vlan if vlan >= 0 else None, vni, teid if teid >= 0 else None, gre_key, interface if interface >= 0 else None)


def packed(address: str) -> bytes:
    """Bytes of an address in text form."""
    import socket  # noqa: PLC0415 - as above

    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def key_of(source: Endpoint, target: Endpoint, scope: Scope | TwoScopes | None = None) -> bytes:
    """Four-tuple as the segments of `source` carry it (`segments.SegmentBlock.key`)."""
    key = packed(source.address) + packed(target.address) + source.port.to_bytes(2) + target.port.to_bytes(2)
    if isinstance(scope, TwoScopes):
        scope = scope.of_first
    if scope is not None and scope.vni is not None:
        key += scope_bytes(SCOPE_VNI, scope.vni)
    if scope is not None and scope.gre_key is not None:
        key += scope_bytes(SCOPE_GRE, scope.gre_key)
    if scope is not None and scope.teid is not None:
        key += scope_bytes(SCOPE_TEID, 0)
    return key
