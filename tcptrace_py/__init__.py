"""What every TCP connection in a packet capture did: handshakes, teardowns, resets, TIME_WAIT, both sides, every state.

    from tcptrace_py import analyze

    result = analyze("web.pcap")
    print(result)
    for connection in result.connections:
        print(connection.stream, connection.handshake.outcome, connection.teardown.pattern)

Names are imported when they are first used (PEP 562), so that importing the package costs next to nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = [
    "PROFILES",
    "Analysis",
    "Basis",
    "CaptureError",
    "Connection",
    "Endpoint",
    "Handshake",
    "Host",
    "PortBudget",
    "Problem",
    "Profile",
    "Profiles",
    "Reset",
    "Result",
    "Selection",
    "Side",
    "State",
    "StateEntry",
    "Stay",
    "TcpstatesError",
    "Teardown",
    "UsageError",
    "analyze",
]

_NAMES = {
    "api": ("Result", "analyze"),
    "model.errors": ("CaptureError", "TcpstatesError", "UsageError"),
    "model.problems": ("Problem",),
    "model.profiles": ("PROFILES", "Profile", "Profiles"),
    "model.results": (
        "Analysis",
        "Connection",
        "Endpoint",
        "Handshake",
        "Host",
        "PortBudget",
        "Reset",
        "Side",
        "StateEntry",
        "Stay",
        "Teardown",
    ),
    "model.selection": ("Selection",),
    "model.state": ("Basis", "State"),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

TYPE_CHECKING = False
if TYPE_CHECKING:  # what _NAMES says, for type checkers and editors; a test holds the two together
    from .api import Result, analyze
    from .model.errors import CaptureError, TcpstatesError, UsageError
    from .model.problems import Problem
    from .model.profiles import PROFILES, Profile, Profiles
    from .model.results import (
        Analysis,
        Connection,
        Endpoint,
        Handshake,
        Host,
        PortBudget,
        Reset,
        Side,
        StateEntry,
        Stay,
        Teardown,
    )
    from .model.selection import Selection
    from .model.state import Basis, State


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - nothing at import time is the point of this function

    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def _compiled() -> bool:
    """Whether the hot modules are compiled here: an extension module shadows the source beside it."""
    import os  # noqa: PLC0415
    from importlib.machinery import EXTENSION_SUFFIXES  # noqa: PLC0415

    suffixes = tuple(EXTENSION_SUFFIXES)
    folders = (f"{__path__[0]}/{stage}" for stage in ("capture", "decode", "flows", "states"))
    return any(name.endswith(suffixes) for folder in folders for name in os.listdir(folder))  # noqa: PTH208 - pathlib takes 10 ms
