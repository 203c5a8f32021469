"""An end of a connection, and the scope of its addresses, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .results import Scope


def service(address: str, port: int) -> str:
    """Address and port as people write them: brackets around IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def scope_text(scope: Scope | None) -> str:
    """Scope in words; empty for none."""
    if scope is None:
        return ""
    parts = (("vlan", scope.vlan), ("vni", scope.vni), ("teid", scope.teid))
    return " ".join(f"{name} {number}" for name, number in parts if number is not None)
