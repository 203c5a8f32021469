"""Reading by pieces of any size changes nothing, and arbitrary bytes give problems with names, never a traceback."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.capture import file as file_module
from tcptrace_py.model.errors import CaptureError
from tests.thorough import examples

from .writing import (
    NANO,
    Read,
    S,
    block,
    enhanced,
    interface,
    obsolete,
    payload,
    pcap,
    pcapng,
    read,
    section,
    simple,
    snoop,
)

CODES = {
    "nanoseconds-unannounced",
    "text-before-capture",
    "went-through-terminal",
    "cut-tail",
    "corrupt-record",
    "corrupt-block",
    "bad-timestamp",
    "unknown-interface",
    "no-timestamps",
    "compressed-data-damaged",
    "unknown-block",
}
ROWS = [(1_700_000_000 * S + number * 1_000_001_000, payload(number, 20 + number)) for number in range(12)]
MIXED = (
    section()
    + interface()
    + b"".join(enhanced(time_ns // 1000, data) for time_ns, data in ROWS[:4])
    + block(5, b"statistics!!")
    + simple(b"q" * 30)
    + section(">")
    + interface(113, ">", tsresol=9)
    + obsolete(77, b"w" * 9, order=">")
    + interface(1, ">", tsresol=0x94)
    + b"".join(enhanced(time_ns, data, number % 2, ">") for number, (time_ns, data) in enumerate(ROWS))
)
CAPTURES = {
    "pcap": pcap(ROWS),
    "pcap-ns": pcap(ROWS, ">", NANO),
    "pcapng": pcapng(ROWS),
    "mixed": MIXED,
    "snoop": snoop(ROWS),
    "nokia": pcap([])[:24] + b"".join(struct.pack("<IIIII", time_ns // S, 0, len(data), len(data), 2) + data for time_ns, data in ROWS),
    "not announced": pcap([])[:24] + pcap(ROWS, "<", NANO)[24:],
    "two": pcap(ROWS) + b"\x99" * 50 + pcap(ROWS)[24:] + bytes(40),
}

hasty = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_none(path: Path, content: bytes) -> Read | None:
    """What reading gives; None for an input that cannot be read at all."""
    path.write_bytes(content)
    try:
        got = read(path)
    except CaptureError:
        return None
    assert set(got.codes) <= CODES
    return got


def in_small_pieces(monkeypatch: pytest.MonkeyPatch, path: Path, content: bytes, size: int) -> Read | None:
    """The same, by pieces of so many bytes."""
    with monkeypatch.context() as patch:
        patch.setattr(file_module, "PIECE_BYTES", size)
        patch.setattr("tcptrace_py.capture.source.HEAD_BYTES", size)
        return read_or_none(path, content)


@pytest.mark.parametrize("name", list(CAPTURES))
@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 33, 64, 200])
def test_pieces_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int) -> None:
    at = tmp_path / "capture"
    assert in_small_pieces(monkeypatch, at, CAPTURES[name], size) == read_or_none(at, CAPTURES[name])


@given(name=st.sampled_from(list(CAPTURES)), change=st.tuples(st.integers(0, 1000), st.integers(0, 255)), size=st.integers(1, 90))
@settings(hasty, max_examples=examples(150))
def test_any_byte_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, change: tuple[int, int], size: int) -> None:
    content = bytearray(CAPTURES[name])
    content[change[0] % len(content)] = change[1]
    at = tmp_path / "capture"
    got = read_or_none(at, bytes(content))
    assert in_small_pieces(monkeypatch, at, bytes(content), size) == got


@given(
    name=st.sampled_from(list(CAPTURES)),
    cut=st.integers(0, 1000),
    changes=st.lists(st.tuples(st.integers(0, 1000), st.binary(max_size=5), st.integers(0, 5)), max_size=6),
)
@settings(hasty, max_examples=examples(150))
def test_mutated_captures(tmp_path: Path, name: str, cut: int, changes: list[tuple[int, bytes, int]]) -> None:
    content = CAPTURES[name]
    for place, added, removed in changes:
        content = content[:place] + added + content[place + removed :]
    read_or_none(tmp_path / "capture", content[: max(len(content) - cut, 1)])


HEADS = [
    b"",
    struct.pack("<I", 0xA1B2C3D4),
    pcap([]),
    pcap([], ">"),
    section(),
    section() + interface(),
    b"\x1f\x8b\x08",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
]


@given(head=st.sampled_from(HEADS), tail=st.binary(max_size=300))
@settings(hasty, max_examples=examples(150))
def test_arbitrary_bytes(tmp_path: Path, head: bytes, tail: bytes) -> None:
    read_or_none(tmp_path / "capture", head + tail)


@given(
    words=st.lists(
        st.sampled_from(
            [0, 1, 2, 3, 6, 9, 12, 16, 20, 28, 32, 36, 40, 0x0A0D0D0A, 0x1A2B3C4D, 0x0BAD, 0xFFFF_FFFF, 0x00FF_FFFC, 0x7FFF_FFFF]
        ),
        max_size=60,
    ),
    head=st.sampled_from([pcap([]), section(), section() + interface()]),
)
@settings(hasty, max_examples=examples(150))
def test_plausible_rubbish(tmp_path: Path, words: list[int], head: bytes) -> None:
    read_or_none(tmp_path / "capture", head + struct.pack(f"<{len(words)}I", *words))


@pytest.mark.parametrize(
    "record",
    [
        struct.pack("<IIII", 1, 1, 16 << 20, 16 << 20),
        struct.pack("<IIII", 0, 0, 0, 0),
        struct.pack("<IIII", 1, 1, 1, 0),
        struct.pack("<II", 6, 16 << 20),
        struct.pack("<II", 6, 0xFFFF_FFFC),
        struct.pack("<II", 0x0A0D0D0A, 28),
    ],
)
@pytest.mark.parametrize("head", [pcap([])[:16] + b"\xff\xff\xff\x7f" + pcap([])[20:], section() + interface(), snoop([])])
def test_hostile_repetition_ends_soon(tmp_path: Path, record: bytes, head: bytes) -> None:
    """What would need 16 MiB to be believed, over and over: work must stay in proportion to the file."""
    assert read_or_none(tmp_path / "capture", head + record * (600_000 // len(record))) is not None
