"""What can go wrong before there is anything to report. Damage inside a capture is a Problem, never an exception."""

from collections.abc import Iterable


class TcpstatesError(Exception):
    """Base of everything this package raises on purpose."""


class UsageError(TcpstatesError):
    """An option or argument that makes no sense; the command exits with 2."""


class CaptureError(TcpstatesError):
    """An input that cannot be read at all: missing, empty, or no capture. Names the file; the command exits with 2."""


MOST_MISTAKEN = 100  # characters: what is longer is no slip of the pen


def did_you_mean(wrong: object, choices: Iterable[str]) -> str:
    """A suggestion to end a message with, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    try:
        text = str(wrong)
    except ValueError:  # a number of thousands of digits
        return ""
    near = get_close_matches(text.lower(), list(choices), n=1, cutoff=0.5) if len(text) <= MOST_MISTAKEN else []
    return f"; did you mean {near[0]!r}?" if near else ""


class NotSharedError(Exception):
    """Several processes cannot go on, as one of them ended early or what comes now is not to be shared: one has to do it all again."""


NO_NAMES = "there are more frames than names for streams"  # which are called by frames, of 32 bits, where a capture is read in parts
