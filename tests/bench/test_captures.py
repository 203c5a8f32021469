"""The benchmark's captures are the same bytes every time, and hold what their generators meant."""

import hashlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

import dpkt
import pytest

from tcptrace_py import analyze
from tests.bench.captures.records import Intent
from tests.bench.captures.store import KINDS, TINY_PACKETS, ready
from tests.decode.build import ones_complement

pytestmark = pytest.mark.slow

SMALL_PACKETS = 3500
SMALL_SHA256 = {
    "short": "7b139e460ac6eee29797082ed1ccc31d975896eb3d9afe8e16c058dcfd731f71",
    "bulk": "19c0707db197ac335dbf4f553fd0ebf86ab5188f027fdc681265756fc68ee8a0",
    "full": "90c622ea51a0126c039a2c7b3725191d259e22c3e8b90f55ed488c2fc9ff7449",
}
CASES = [
    *(pytest.param(name, SMALL_PACKETS, id=f"{name}, small") for name in KINDS),
    *(pytest.param(name, 100_000, id=f"{name}, 100000", marks=pytest.mark.slow) for name in KINDS),
    pytest.param("short", TINY_PACKETS, id="tiny"),
    pytest.param("short", 777 * 10, id="short, a part of a row at its end"),
]


def built(name: str, packets: int) -> bytes:
    file = io.BytesIO()
    KINDS[name].write(file, packets)
    return file.getvalue()


@pytest.mark.parametrize("name", KINDS)
def test_same_bytes_everywhere(name: str) -> None:
    assert hashlib.sha256(built(name, SMALL_PACKETS)).hexdigest() == SMALL_SHA256[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_same_bytes_every_time(name: str) -> None:
    first, second = (hashlib.sha256(built(name, 100_000)).digest() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("name", "packets"), CASES)
def test_analysis_finds_what_was_meant(name: str, packets: int, tmp_path: Path) -> None:
    capture = ready(KINDS[name], packets, tmp_path)
    document = analyze(capture.path).to_document()
    assert {problem["code"] for problem in document["capture"]["problems"]} <= {"snapped"}
    assert [one["anomalies"] for one in document["connections"] if one["anomalies"]] == []
    assert as_intent(document) == capture.intent
    assert document["summary"]["time_wait"]["entered"] == capture.intent.connections
    assert document["summary"]["handshake"]["outcomes"]["completed"] == capture.intent.connections
    assert document["summary"]["teardown"]["four-way"] == capture.intent.connections


def as_intent(document: dict[str, Any]) -> Intent:
    """What an analysis found, in the words of an intent."""
    connections, hosts = document["connections"], document["hosts"]
    first = Counter(one["teardown"]["first_fin"] for one in connections)
    assert first["client"] == sum(host["time_wait"]["entered_as_client"] for host in hosts)
    assert first["server"] == sum(host["time_wait"]["entered_as_server"] for host in hosts)
    return Intent(
        packets=document["capture"]["packets"],
        connections=len(connections),
        closed_first_by_client=first["client"],
        segments_of_close=dict(Counter(one["teardown"]["segments"] for one in connections)),
        payload_bytes_of_clients=sum(one["client_side"]["payload_bytes"] for one in connections),
        payload_bytes_of_servers=sum(one["server_side"]["payload_bytes"] for one in connections),
    )


@pytest.mark.parametrize("name", ["short", "full"])
def test_checksums_and_times_are_right(name: str) -> None:
    times = []
    for time, data in dpkt.pcap.Reader(io.BytesIO(built(name, SMALL_PACKETS))):
        times.append(time)
        packet = data[14:]
        assert ones_complement(packet[:20]) == 0
        assert ones_complement(packet[12:20] + (6).to_bytes(2, "big") + (len(packet) - 20).to_bytes(2, "big") + packet[20:]) == 0
    assert times == sorted(times)


def test_capture_is_made_once(tmp_path: Path) -> None:
    capture = ready(KINDS["short"], TINY_PACKETS, tmp_path)
    made = capture.path.stat().st_mtime_ns
    assert ready(KINDS["short"], TINY_PACKETS, tmp_path).path.stat().st_mtime_ns == made
    assert [file.name for file in tmp_path.iterdir()] == [capture.path.name]
