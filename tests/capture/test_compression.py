"""Compressed captures: every kind, several streams in one file, damage in the middle, a missing extra."""

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import lz4.frame
import pytest
import zstandard

from tcptrace_py.capture import codecs
from tcptrace_py.capture.compression import DecompressedSource
from tcptrace_py.capture.source import PIECE_BYTES, FileSource
from tcptrace_py.model.errors import CaptureError

from .writing import S, pcap, pcapng, read

ROWS = [(number * S, bytes((number * 7919 + place * place) % 251 for place in range(60))) for number in range(3000)]
DATA = [data for _time_ns, data in ROWS]
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("kind", list(CODECS))
def test_every_kind_is_recognised_by_content(at: Path, kind: str) -> None:
    for content, name in ((pcap(ROWS), "pcap"), (pcapng(ROWS), "pcapng")):
        at.write_bytes(CODECS[kind](content))
        got = read(at)
        assert (got.data, got.problems, got.files[0].format) == (DATA, [], name)


@pytest.mark.parametrize("kind", list(CODECS))
def test_several_streams_in_a_row(at: Path, kind: str) -> None:
    content = pcap(ROWS)
    pieces = [content[:100], content[100:90_000], content[90_000:], b""]
    at.write_bytes(b"".join(map(CODECS[kind], pieces)))
    assert (read(at).data, read(at).problems) == (DATA, [])


def test_padding_behind_a_stream(at: Path) -> None:
    at.write_bytes(gzip.compress(pcap(ROWS)) + bytes(512))
    assert (read(at).data, read(at).problems) == (DATA, [])


def test_a_skippable_frame_of_zstd_comes_first(at: Path) -> None:
    at.write_bytes(b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + CODECS["zstd"](pcap(ROWS)))
    assert (read(at).data, read(at).problems) == (DATA, [])


@pytest.mark.parametrize("kind", list(CODECS))
def test_something_else_behind_a_stream(at: Path, kind: str) -> None:
    at.write_bytes(CODECS[kind](pcap(ROWS)) + b"something else")
    got = read(at)
    assert (got.data, got.codes) == (DATA, ["compressed-data-damaged"])


@pytest.mark.parametrize("kind", list(CODECS))
def test_cut_in_the_middle(at: Path, kind: str) -> None:
    whole = CODECS[kind](pcap(ROWS))
    sizes = []
    for size in range(len(whole) - 1, 0, -max(len(whole) // 40, 1)):
        at.write_bytes(whole[:size])
        try:
            got = read(at)
        except CaptureError:
            continue
        sizes.append(len(got.frames))
        assert got.data == DATA[: len(got.frames)]
        assert got.codes == ["compressed-data-damaged"]
        assert got.only_problem.damaged
        assert got.files[0].truncated
    assert sizes
    assert sizes == sorted(sizes, reverse=True)


def test_gzip_gives_all_before_the_break(at: Path) -> None:
    whole = bytearray(gzip.compress(pcap(ROWS), mtime=0))
    whole[-6] ^= 1  # the checksum behind the data
    at.write_bytes(whole)
    got = read(at)
    assert (got.data, got.codes) == (DATA, ["compressed-data-damaged"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(CODECS))
def test_broken_in_the_middle(at: Path, kind: str) -> None:
    whole = CODECS[kind](pcap(ROWS))
    for place in range(10, len(whole), max(len(whole) // 20, 1)):
        at.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            got = read(at)
        except CaptureError:
            continue
        assert set(got.codes) <= {"compressed-data-damaged", "corrupt-record", "cut-tail", "bad-timestamp"}


def test_one_compression_inside_another_but_not_more(at: Path) -> None:
    at.write_bytes(gzip.compress(lzma.compress(pcap(ROWS))))
    assert read(at).data == DATA
    at.write_bytes(gzip.compress(gzip.compress(gzip.compress(pcap(ROWS)))))
    with pytest.raises(CaptureError, match="more than 2 times over"):
        read(at)


def test_damage_inside_names_the_place_in_the_content(at: Path) -> None:
    at.write_bytes(gzip.compress(pcap(ROWS)[:-5]))
    assert f"byte {24 + 2999 * 76} of the gzip content" in read(at).only_problem.explanation


@pytest.mark.parametrize(("kind", "module"), [("zstd", "zstandard"), ("lz4", "lz4.frame")])
def test_a_missing_extra_is_named(at: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    at.write_bytes(CODECS[kind](pcap(ROWS)))
    with pytest.raises(CaptureError, match=rf"compressed with {kind}.*pip install tcptrace-py\[{kind}\]"):
        read(at)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(CODECS))
def test_a_bomb_stays_small(kind: str) -> None:
    """Decompressed step by step, whatever the ratio."""
    bomb = CODECS[kind](bytes(64 << 20))
    stream = codecs.new_stream(kind)
    size_bytes = place = 0
    while not stream.finished:
        piece = b""
        if stream.hungry:
            piece, place = bomb[place : place + (1 << 16)], place + (1 << 16)
        out = stream.feed(piece, 1 << 20)
        assert len(out) <= 33 << 20
        size_bytes += len(out)
        if kind in {"bzip2", "xz"}:
            break  # the same code path a thousand bytes at a time
    assert size_bytes in {64 << 20, *range(codecs.STEP_BYTES + 1)}


def test_standard_input_may_be_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(pcap(ROWS)))))
    assert read("-").data == DATA


def test_progress_counts_what_was_decompressed_not_what_waits(tmp_path: Path) -> None:
    rng = Random(1)
    content = b"".join(rng.randbytes(60) * 10 for _ in range(40_000))
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content, 1))
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        source = FileSource(file, size_bytes)
        whole = DecompressedSource(source, source.refill(b"", 4096), "gzip")
        whole.piece_bytes = PIECE_BYTES
        got = len(whole.refill(b"", 1))
        assert size_bytes > PIECE_BYTES  # so that most of the file waits
        assert 0.5 < (whole.done_bytes / size_bytes) / (got / len(content)) < 2
