"""Numbers as text and back from nanoseconds: exact for programs, rounded for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tcptrace_py.model.endpoints import scope_text, service

if TYPE_CHECKING:
    from tcptrace_py.model.results import Endpoint

__all__ = ["clock", "count", "decimal", "end", "human", "ms", "printable", "rfc3339", "scope_text", "service", "share", "size", "some"]
_SECOND_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_seconds: dict[int, str] = {}  # the text of each that was asked for lately
MOST_SECONDS = 4096
_STEPS = ((1_000, "ns"), (1_000_000, "µs"), (_SECOND_NS, "ms"), (120 * _SECOND_NS, "s"))


def _whole_second(seconds: int) -> str:
    text = _seconds.get(seconds)
    if text is None:
        if len(_seconds) >= MOST_SECONDS:
            _seconds.clear()
        text = _seconds[seconds] = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return text


def rfc3339(time_ns: int | None) -> str | None:
    """RFC 3339 in UTC with nine decimals; None stays None."""
    if time_ns is None:
        return None
    ns = time_ns
    seconds, rest = ns // _SECOND_NS, ns % _SECOND_NS
    return f"{_whole_second(seconds)}.{rest:09d}Z"


def ms(duration_ns: int | None) -> float | None:
    """Milliseconds as a float that prints with at most six decimals.

    One correctly rounded division gives the double next to the decimal number, and its shortest text is that decimal
    as long as it has fifteen digits (eleven days); no sum or product of floats is involved.
    """
    return None if duration_ns is None else duration_ns / 1_000_000


def shortest(number: float) -> str:
    """The shortest text of a number, as `repr` has it.

    Two decimals of at most fifteen digits are never the same double. So, where nine places make the number again, there is no
    shorter text than these without the zeros at their end.
    """
    if 1e-4 <= number < 1e6:
        nanos = int(number * 1e9 + 0.5)
        if nanos / 1e9 == number:
            whole, rest = nanos // _SECOND_NS, nanos % _SECOND_NS
            if rest == 0:
                return f"{whole}.0"
            text = f"{whole}.{rest:09d}"
            return text.rstrip("0")
    return repr(number)


def decimal(number: float) -> str:
    """A number as decimal text, as JSON has it but for the point of a whole one and without an exponent."""
    text = shortest(number)
    return (f"{number:.9f}".rstrip("0") if "e" in text else text).removesuffix(".0").removesuffix(".")


def whole_numbers(numbers: list[int], null: int | None) -> list[str]:
    """Whole numbers as texts; nothing for those that stand for NULL."""
    if null is None:
        return [_whole(number) for number in numbers]
    return ["" if number == null else _whole(number) for number in numbers]


def _whole(number: int) -> str:
    return f"{number}"


def times(times_ns: list[int], null: int | None) -> list[str]:
    """Times as `rfc3339` has them; nothing for those that stand for NULL."""
    return ["" if time_ns == null else rfc3339(time_ns) for time_ns in times_ns]  # type: ignore[misc]


def decimals(numbers: list[float], given: list[bool] | None) -> list[str]:
    """Numbers as `decimal` has them; nothing for those that are not given."""
    if given is None:
        return [decimal(number) for number in numbers]
    return [decimal(number) if there else "" for number, there in zip(numbers, given, strict=True)]


def human(duration_ns: int | None) -> str:
    """Duration for people: three digits, the unit that fits; a hyphen for the unknown."""
    if duration_ns is None:
        return "-"
    if duration_ns == 0:
        return "0 s"
    unit_ns = 1
    for above_ns, name in _STEPS:
        if abs(duration_ns) < above_ns * 0.9995:
            return f"{_three_digits(duration_ns / unit_ns)} {name}"
        unit_ns = min(above_ns, _SECOND_NS)
    return _long(round(duration_ns / _SECOND_NS))


def since(duration_ns: int, *, timed: bool) -> str:
    """How long after something, as `human` has it; nothing instead of 0 where the clock does not tell short times apart (not `timed`)."""
    return human(duration_ns) if duration_ns or timed else ""


def _three_digits(number: float) -> str:
    decimals = 0 if abs(number) >= 99.95 else 1 if abs(number) >= 9.995 else 2
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _long(seconds: int) -> str:
    for size, name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if abs(seconds) >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {name} {rest // small} {small_name}" if rest // small else f"{whole} {name}"
    return f"{seconds} s"


def clock(time_ns: int | None, *, dated: bool = False, decimals: int = 3) -> str:
    """Time of day in UTC for people, with the date where the capture spans several; a hyphen for the unknown."""
    if time_ns is None:
        return "-"
    ns = time_ns
    seconds, rest = ns // _SECOND_NS, ns % _SECOND_NS
    date, _, time = _whole_second(seconds).partition("T")
    fraction = f".{rest:09d}"[: decimals + 1] if decimals else ""
    return f"{date} {time}{fraction}" if dated else time + fraction


def count(number: int) -> str:
    """Whole number with commas between thousands."""
    return f"{number:,}"


def some(number: int, noun: str, plural: str | None = None) -> str:
    """Join number and noun: "1 segment", "2,000 segments"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def share(part: int, whole: int) -> str:
    """Percentage for people; nothing that exists is rounded to 0 %, and only all of it to 100 %."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    if part and percent < 0.1:
        return "<0.1 %"
    if part != whole and percent > 99.9:
        return ">99.9 %"
    decimals = 1 if 0 < percent < 10 or 99 < percent < 100 else 0
    return f"{percent:.{decimals}f} %"


def size(number_bytes: int) -> str:
    """Bytes for people, in powers of a thousand."""
    value = float(number_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{_three_digits(value)} {unit}"
        value /= 1000
    return f"{_three_digits(value)} TB"


def end(endpoint: Endpoint) -> str:
    """Address and port as people write them: brackets around IPv6."""
    return service(endpoint.address, endpoint.port)


def printable(text: str) -> str:
    """Text from outside that steers nothing: what is no character to be seen (controls, ends of lines, bidi marks) is escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii") for char in text)
