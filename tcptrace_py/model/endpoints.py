"""An end of a connection, and the scope of its addresses, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .results import Scope, TwoScopes


def service(address: str, port: int) -> str:
    """Address and port as people write them: brackets around IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def scope_text(scope: Scope | TwoScopes | None) -> str:
    """Scope in words, the client's first where the directions differ; empty for none."""
    if scope is None:
        return ""
    ways = scope.ways
    return _words(ways[0]) if len(ways) == 1 else " / ".join(_words(one) or "none" for one in ways)


def _words(scope: Scope | None) -> str:
    if scope is None:
        return ""
    parts = (("vlan", scope.vlan), ("vni", scope.vni), ("gre key", scope.gre_key), ("teid", scope.teid), ("interface", scope.interface))
    return " ".join(f"{name} {number}" for name, number in parts if number is not None)
