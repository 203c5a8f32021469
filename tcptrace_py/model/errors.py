"""What can go wrong before there is anything to report. Damage inside a capture is a Problem, never an exception."""


class TcpstatesError(Exception):
    """Base of everything this package raises on purpose."""


class UsageError(TcpstatesError):
    """An option or argument that makes no sense; the command exits with 2."""


class CaptureError(TcpstatesError):
    """An input that cannot be read at all: missing, empty, or no capture. Names the file; the command exits with 2."""
