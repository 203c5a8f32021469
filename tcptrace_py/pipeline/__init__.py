"""The way of the data, from bytes to facts, in one place.

* capture: bytes to blocks of frames
* decode: frames to blocks of segments
* flows: segments to connections, each with a log of what may decide its states
* states: a log to a verdict, both sides' paths (`replaying`)
* findings: verdicts to facts: handshake, teardown, resets, TIME_WAIT, hosts, ports (`collecting`)
"""

from tcptrace_py.findings.occupancy import Occupancy
from tcptrace_py.findings.ports import budgets_of

from .collecting import Collector
from .replaying import Replayer
from .running import DEFAULT_IDLE_S, profile_rows, run

__all__ = ["DEFAULT_IDLE_S", "Collector", "Occupancy", "Replayer", "budgets_of", "profile_rows", "run"]
