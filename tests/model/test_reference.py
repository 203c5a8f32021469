"""Which connection is meant."""

import pytest

from tcptrace_py import analyze
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.reference import Reference, parse_reference
from tests.buildups import SAMPLES

V4 = (("10.0.0.7", 40000), ("10.0.0.9", 80))
V6 = (("2001:db8::7", 51522), ("2001:db8::9", 443))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17", Reference(id=17)),
        ("0", Reference(id=0)),
        ("stream:17", Reference(stream=17)),
        ("10.0.0.7:40000-10.0.0.9:80", Reference(ends=V4)),
        ("[10.0.0.7]:40000-[10.0.0.9]:80", Reference(ends=V4)),
        ("[2001:db8::7]:51522-[2001:db8::9]:443", Reference(ends=V6)),
        ("[2001:DB8:0::7]:51522-[2001:db8::9]:443", Reference(ends=V6)),
    ],
)
def test_read(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-1", "stream:", "stream:x", "web", "10.0.0.7:40000", "10.0.0.7-10.0.0.9",
             "10.0.0.7:80-10.0.0.9:70000", "10.0.0.7:x-10.0.0.9:80", "²", "stream:²"]
)  # fmt: skip
def test_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(UsageError, match="stream:N"):
        parse_reference(text)


def test_either_order_and_every_incarnation() -> None:
    connections = list(analyze(SAMPLES / "time-wait-reused.pcap").connections)
    forth = parse_reference("192.0.2.10:40000-198.51.100.20:80").among(connections)
    back = parse_reference("198.51.100.20:80-192.0.2.10:40000").among(connections)
    assert forth == back == connections
    assert len(forth) == 2
    assert parse_reference("1").among(connections) == connections[1:]
    assert parse_reference(f"stream:{connections[0].stream}").among(connections) == connections[:1]
