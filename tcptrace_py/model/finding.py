"""What went wrong and why, and what a capture cannot tell: the objects that outputs and checks read."""

from dataclasses import dataclass

from .vocabulary import Word


class Code(Word):
    """Causes, in the order in which they are looked for: a connection whose cause is named is not counted under a later one.

    Each has a file of its name in `findings/causes`.
    """

    HALF_TRANSLATED = "half-translated"
    PEER_RESTARTED = "peer-restarted"
    REFUSED_BY_TIME_WAIT = "refused-by-time-wait"
    PORTS_EXHAUSTED = "ports-exhausted"
    FLOW_LIMIT = "flow-limit"
    ACCEPT_QUEUE_FULL = "accept-queue-full"
    SYN_LOSS = "syn-loss"
    PATH_MTU = "path-mtu"
    IDLE_TIMEOUT = "idle-timeout"
    KEEP_ALIVE_RACE = "keep-alive-race"
    RESET_BY_DESIGN = "reset-by-design"
    INJECTED_RESET = "injected-reset"
    NO_ANSWER = "no-answer"
    CONNECTION_LEAK = "connection-leak"
    SLOW_READER = "slow-reader"
    STALLED = "stalled"
    NO_KEEP_ALIVE = "no-keep-alive"
    POOL_TOO_SMALL = "pool-too-small"
    TIME_WAIT_PILEUP = "time-wait-pileup"
    SEEN_TWICE = "seen-twice"


# Causes that `time-wait` is asked for: what becomes of ports, and of connections that are or are not kept.
ABOUT_TIME_WAIT = (
    Code.REFUSED_BY_TIME_WAIT, Code.PORTS_EXHAUSTED, Code.FLOW_LIMIT, Code.CONNECTION_LEAK, Code.NO_KEEP_ALIVE, Code.POOL_TOO_SMALL,
    Code.TIME_WAIT_PILEUP,
)  # fmt: skip


class Gravity(Word):
    """How bad a finding is: something failed, something costs or will fail, or something is worth knowing."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause at one place, however many connections show it. Times are nanoseconds since 1970.

    `client`, `server` and `server_port` say what it is about (None: any). `connections` show it, of those that could (`of`);
    `first_frames` are the frames that these begin with, as many as were kept, ascending. `details` are the code's own numbers.
    """

    code: str
    severity: str
    confidence: str  # high, medium
    client: str | None
    server: str | None
    server_port: int | None
    connections: int
    of: int
    first_at_ns: int | None
    last_at_ns: int | None
    first_frame: int | None
    display_filter: str
    details: dict[str, int | float | str | None]
    explanation: str
    evidence: tuple[str, ...]
    first_frames: tuple[int, ...] = ()

    @property
    def remedy(self) -> str:
        """Where it stands what to do."""
        return f"docs/findings.md#{self.code}"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A conclusion that this capture does not bear: what it is, the problem's code, and why in a sentence."""

    what: str
    because: str
    explanation: str
