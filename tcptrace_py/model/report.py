"""What checks say of a capture, as typed objects: one outcome for each check, measured against its limits."""

from dataclasses import dataclass
from enum import StrEnum

from .path import PathFacts
from .results import CaptureInfo, Connection


class Severity(StrEnum):
    """How much a check that does not hold matters: an error fails the run, a warning and a note are only reported."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Status(StrEnum):
    """How a check went.

    unmatched: nothing was there to be checked, which must not look like success; damaged: the input is, so that what
    holds for the rest of it proves little; unmeasurable: the capture cannot tell what is measured.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNMATCHED = "unmatched"
    DAMAGED = "damaged"
    UNMEASURABLE = "unmeasurable"


class Unit(StrEnum):
    """What a number measures: nanoseconds, things, or a part of a whole (0 to 1)."""

    NS = "ns"
    COUNT = "count"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number held against its limit, which it may not exceed.

    `subject` is whose number it is (a host, a service; empty: all that was checked), `what` is what was measured.
    `groups` says where most of what counted against it was met, `worst` holds the first connections to look at out of
    `offenders`; `note` is what must be known to read the number right. `step_ns` is the step of the clock that measured a time
    (`CaptureInfo.clock_step_ns`).
    """

    what: str
    value: float
    limit: float
    unit: Unit
    holds: bool
    subject: str = ""
    worst: tuple[Connection, ...] = ()
    offenders: int = 0
    groups: tuple[tuple[str, int], ...] = ()
    note: str = ""
    step_ns: int | None = None

    @property
    def is_told(self) -> bool:
        """Whether the clock tells on which side of the limit the number is: a time is measured to within a step of the clock."""
        if self.unit is not Unit.NS or self.step_ns is None:
            return True
        return self.step_ns > 0 and (self.limit >= self.step_ns or self.value >= 2 * self.step_ns)

    @property
    def is_below_step(self) -> bool:
        """Whether it is a time that is shorter than the clock tells."""
        return self.unit is Unit.NS and self.step_ns is not None and self.value == 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a check was asked for: a line of a file, or an option."""

    text: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else self.text


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check went. `remedy` says how to fix what it found, `scope` which traffic it looked at, in words."""

    code: str
    name: str
    title: str
    severity: Severity
    status: Status
    origin: Origin
    scope: str
    connections: int
    measures: tuple[Measure, ...] = ()
    message: str = ""
    remedy: str = ""
    internal: bool = False  # the rule itself raised an error

    @property
    def fails(self) -> bool:
        """Whether it makes the run fail."""
        return self.severity is Severity.ERROR and self.status in (Status.FAILED, Status.UNMATCHED, Status.UNMEASURABLE)


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes of one run over one capture, in the order in which the checks were asked for.

    With `path` the run compared two captures of the same traffic: `capture` and the connections in it are A's. `shared_streams`: of the
    connections that the outcomes name, the numbers of streams that others bear as well.
    """

    capture: CaptureInfo
    connections: int
    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    path: PathFacts | None = None
    shared_streams: frozenset[int] = frozenset()

    @property
    def failed(self) -> bool:
        """Whether some check fails the run."""
        return any(outcome.fails for outcome in self.outcomes)

    @property
    def damaged(self) -> bool:
        """Whether damage of the input stands against calling it passed."""
        return any(outcome.status is Status.DAMAGED for outcome in self.outcomes)

    @property
    def verdict(self) -> str:
        """In one word: failed, interrupted, damaged or passed."""
        if self.failed:
            return "failed"
        return "interrupted" if self.interrupted else "damaged" if self.damaged else "passed"
