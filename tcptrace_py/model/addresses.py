"""Addresses between their packed and their text form."""

from .results import Scope
from .segments import SCOPE_VNI


def text(packed: bytes) -> str:
    """Text of an IPv4 (4 bytes) or IPv6 (16 bytes) address."""
    if len(packed) == 4:
        return "{}.{}.{}.{}".format(*packed)
    import socket  # noqa: PLC0415 - three milliseconds of start-up that IPv4 does not need

    return socket.inet_ntop(socket.AF_INET6, packed)


def scope_of(scope: bytes, vlan: int = -1, teid: int = -1) -> Scope | None:
    """Scope in words; None where there is neither tunnel nor VLAN tag."""
    vni = int.from_bytes(scope[1:5], "big") if scope[:1] == SCOPE_VNI else None
    if vni is None and vlan < 0 and teid < 0:
        return None
    return Scope(vlan if vlan >= 0 else None, vni, teid if teid >= 0 else None)
