"""The words that results are made of, each list in one place; a word's number is what columns hold.

Members are their own text, as documents print it. Lists may grow at the end; the numbers in use stay.
"""

from enum import StrEnum

from .errors import UsageError, did_you_mean


class Word(StrEnum):
    """A word of a list, shown as the text that it is."""

    def __repr__(self) -> str:
        return repr(self.value)


def numbers(words: type[Word]) -> dict[str, int]:
    """Number of each word of a list."""
    return {str(word): number for number, word in enumerate(words)}


def word(words: type[Word], text: str | None, what: str) -> str | None:
    """A word of a list as its text, None as None; `what` names the list. Raises UsageError, with a suggestion, for any other text."""
    if text is None or text in set(words):
        return text
    raise UsageError(f"there is no {what} {text!r}{did_you_mean(text, words) or '; there are ' + ', '.join(words)}")


class Kind(Word):
    """How a handshake went; none where no SYN was answered."""

    THREE_WAY = "three-way"
    SIMULTANEOUS = "simultaneous"
    SELF_CONNECT = "self-connect"
    FAST_OPEN = "fast-open"


class Outcome(Word):
    """What came of a handshake, as its client saw it."""

    COMPLETED = "completed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    ABORTED = "aborted"
    HALF_OPEN = "half-open"
    NOT_CAPTURED = "not-captured"
    IN_PROGRESS = "in-progress"  # in flight when the capture ended
    REFUSED_BY_TIME_WAIT = "refused-by-time-wait"  # the old connection's TIME_WAIT answered its SYN, and no SYN got through


class Pattern(Word):
    """How a connection ended."""

    FOUR_WAY = "four-way"
    SIMULTANEOUS = "simultaneous"
    RST = "rst"
    HALF_CLOSED = "half-closed"
    UNFINISHED_CLOSE = "unfinished-close"
    NONE = "none"
    UNKNOWN = "unknown"  # what was captured cannot tell


class Cause(Word):
    """Why a RST was sent."""

    REFUSED = "refused"
    NO_SOCKET = "no-socket"
    ABORTED_HANDSHAKE = "aborted-handshake"
    ABORT = "abort"
    ABORT_UNREAD_DATA = "abort-unread-data"
    DATA_AFTER_CLOSE = "data-after-close"
    LATE = "late"


class Confidence(Word):
    """How sure a judgement is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Role(Word):
    """A side by its part in the connection; of a reset's sender also that it cannot be told, or that it is neither side."""

    CLIENT = "client"
    SERVER = "server"
    UNKNOWN = "unknown"
    BETWEEN = "between"


class Vantage(Word):
    """Where a capture was taken."""

    CLIENT = "client"
    SERVER = "server"
    MIDDLE = "middle"


class EndedBy(Word):
    """How a stay in TIME_WAIT ended."""

    EXPIRED = "expired"
    REUSED = "reused"
    KILLED = "killed"
    CAPTURE_END = "capture-end"
