"""Addresses between their packed and their text form."""

import socket

from .results import Scope
from .segments import SCOPE_TEID, SCOPE_VNI


def text(packed: bytes) -> str:
    """Text of an IPv4 (4 bytes) or IPv6 (16 bytes) address."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def scope_of(scope: bytes, vlan: int = -1) -> Scope | None:
    """Scope in words; None where there is neither tunnel nor VLAN tag."""
    vni = teid = None
    for at in range(0, len(scope) - 4, 5):
        number = int.from_bytes(scope[at + 1:at + 5], "big")
        if scope[at:at + 1] == SCOPE_VNI:
            vni = number
        elif scope[at:at + 1] == SCOPE_TEID:
            teid = number
    if vni is None and teid is None and vlan < 0:
        return None
    return Scope(vlan if vlan >= 0 else None, vni, teid)
