"""Columns as Arrow's consumers see them."""

from __future__ import annotations

import ctypes
import math
import mmap
import signal
import subprocess
import sys
import threading
import tracemalloc
import weakref
from array import array
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.facts import arrow, arrow_structs
from tcptrace_py.facts.arrow import Batch, Coded, Column, Stream, Text, Texts, Values, database, scan
from tcptrace_py.model.errors import CaptureError, UsageError

from .consumer import Consumer, buffers, children, release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEAST = {"c": -(1 << 7), "s": -(1 << 15), "i": -(1 << 31), "l": -(1 << 63), "tsn:": -(1 << 63)}
CODES = {"c": "b", "s": "h", "i": "i", "l": "q", "tsn:": "q", "C": "B", "S": "H", "I": "I", "L": "Q", "g": "d"}


@pytest.fixture(autouse=True)
def nothing_is_held() -> Iterator[None]:
    yield
    assert (arrow_structs._HELD, arrow_structs._CAPSULES) == ({}, {})


def of(column: Column, *batches: tuple[int, arrow.Cells]) -> Stream:
    return Stream([column], lambda: [Batch(rows, [cells]) for rows, cells in batches])


@cache
def shared() -> Any:
    return database("a test")


def read(stream: Stream, what: str = "*") -> list[tuple[Any, ...]]:
    scan(shared(), stream, f"CREATE OR REPLACE TABLE read AS SELECT {what} FROM stream")
    rows: list[tuple[Any, ...]] = shared().execute("FROM read").fetchall()
    return rows


def column_of(stream: Stream, what: str = "*") -> list[Any]:
    return [value for (value,) in read(stream, what)]


WORDS = Text.of(["", "é" * 20, "z"])
KINDS: dict[str, tuple[Column, int, arrow.Cells, str, list[Any]]] = {
    "int8": (Column("x", "c", null=-1), 3, array("b", [-128, -1, 127]), "TINYINT", [-128, None, 127]),
    "uint8": (Column("x", "C"), 3, b"\x00\x01\xff", "UTINYINT", [0, 1, 255]),
    "int16": (Column("x", "s"), 2, array("h", [-(1 << 15), 5]), "SMALLINT", [-(1 << 15), 5]),
    "uint16": (Column("x", "S", null=0), 3, array("H", [0, 443, 65535]), "USMALLINT", [None, 443, 65535]),
    "int32": (Column("x", "i", null=-1), 3, array("i", [1 << 30, -1, -2]), "INTEGER", [1 << 30, None, -2]),
    "uint32": (Column("x", "I"), 2, array("I", [0, 0xFFFFFFFF]), "UINTEGER", [0, 0xFFFFFFFF]),
    "int64": (Column("x", "l", null=-1), 3, array("q", [-1, 1 << 62, 255]), "BIGINT", [None, 1 << 62, 255]),
    "uint64": (Column("x", "L"), 1, array("Q", [(1 << 64) - 1]), "UBIGINT", [(1 << 64) - 1]),
    "float64": (Column("x", "g", null=math.nan), 3, array("d", [0.1, math.nan, -math.inf]), "DOUBLE", [0.1, None, -math.inf]),
    "float64, NULL is a number": (Column("x", "g", null=-1), 2, array("d", [-1, 1]), "DOUBLE", [None, 1.0]),
    "truth": (Column("x", "b"), 9, bytes([1, 0, 1, 1, 0, 0, 0, 0, 9]), "BOOLEAN", [bool(int(c)) for c in "101100001"]),
    "truth or NULL": (Column("x", "b", null=255), 3, array("B", [1, 255, 0]), "BOOLEAN", [True, None, False]),
    "bitmap": (Column("x", "s", nullable=True), 2, Values(array("h", [7, 8]), b"\x02"), "SMALLINT", [None, 8]),
    "bitmap instead of the value": (Column("x", "s", null=7), 2, Values(array("h", [7, 8]), b"\x01"), "SMALLINT", [7, None]),
    "text": (Column("x", "u"), 3, WORDS, "VARCHAR", ["", "é" * 20, "z"]),
    "text or NULL": (Column("x", "u", nullable=True), 3, Text.of(["€\0", None, ""]), "VARCHAR", ["€\0", None, ""]),
    "text that is no Unicode": (Column("x", "u"), 1, Text.of(["\udcff"]), "VARCHAR", ["\\udcff"]),
    "coded": (Column("x", "i", coded=True), 4, Coded(array("i", [2, 1, 0, 2]), WORDS), "VARCHAR", ["z", "é" * 20, "", "z"]),
    "coded or NULL": (Column("x", "i", null=-1, coded=True), 2, Coded(array("i", [-1, 2]), WORDS), "VARCHAR", [None, "z"]),
    "coded, all are NULL": (Column("x", "i", null=-1, coded=True), 1, Coded(array("i", [-1]), Text.of([])), "VARCHAR", [None]),
    "lists": (
        Column("x", "+l", nullable=True), 4, Texts.of([["a", None], None, [], ["é"]]), "VARCHAR[]", [["a", None], None, [], ["é"]],
    ),
    "a part": (Column("x", "i"), 2, memoryview(array("i", [1, 2, 3, 4]))[1:], "INTEGER", [2, 3]),
    "where no number begins": (Column("x", "l"), 1, memoryview(b"_" + (77).to_bytes(8, sys.byteorder))[1:], "BIGINT", [77]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_cells(kind: str) -> None:
    column, rows, cells, sql, expected = KINDS[kind]
    stream = of(column, (rows, cells), (0, cells), (rows, cells))
    assert column_of(stream) == expected * 2
    assert set(column_of(stream, "typeof(x)")) == {sql}


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows(kind: str) -> None:
    column, _, cells, _, _ = KINDS[kind]
    assert read(of(column)) == []
    assert read(of(column, (0, cells))) == []


def test_times_keep_their_nanoseconds() -> None:
    times = array("q", [1_700_000_000_123_456_789, LEAST["tsn:"], -1, 0])
    stream = of(Column("x", "tsn:", null=LEAST["tsn:"]), (4, times))
    assert read(stream, "epoch_ns(x), x::VARCHAR, typeof(x)") == [
        (1_700_000_000_123_456_789, "2023-11-14 22:13:20.123456789", "TIMESTAMP_NS"),
        (None, None, "TIMESTAMP_NS"),
        (-1, "1969-12-31 23:59:59.999999999", "TIMESTAMP_NS"),
        (0, "1970-01-01 00:00:00", "TIMESTAMP_NS"),
    ]


def test_a_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "column"
    path.write_bytes(array("i", range(5000)).tobytes())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        assert read(of(Column("x", "i"), (5000, view), (10, view[16:])), "sum(x)") == [(5000 * 4999 // 2 + sum(range(4, 14)),)]
        view.release()  # or the map would not close


@given(st.sampled_from(list(LEAST)), st.data())
def test_any_numbers_in_any_batches(format_: str, data: st.DataObject) -> None:
    null = LEAST[format_]
    least = null + (2 if format_ == "tsn:" else 1)  # what DuckDB takes for an infinite time is none of ours
    near = st.integers(-2, 2) | st.integers(least, least + 100)
    numbers = st.none() | st.integers(least, -least) | near
    batches = data.draw(st.lists(st.lists(numbers, max_size=40), max_size=4))
    stored = [array(CODES[format_], [null if number is None else number for number in batch]) for batch in batches]
    stream = of(Column("x", format_, null=null), *[(len(cells), cells) for cells in stored])
    assert column_of(stream, "epoch_ns(x)" if format_ == "tsn:" else "x") == list(chain(*batches))


@given(
    st.lists(st.sampled_from([b"\0\0\0\x80", b"\0\0\1\x80", b"\0\0\0\0", b"\x80\0\0\x80", b"\1\0\0\x80"])),
    st.sampled_from([4, 2]),
)
def test_a_value_stands_for_null_with_all_its_bytes(values: list[bytes], width: int) -> None:
    null, cells = b"\0\0\0\x80"[-width:], [value[-width:] for value in values]
    nulls, bitmap = arrow._found(memoryview(b"".join(cells)), len(cells), null)
    assert nulls == cells.count(null)
    assert (bitmap is None) == (nulls == 0)
    if bitmap is not None:
        assert [bitmap[row // 8] >> row % 8 & 1 for row in range(len(cells))] == [cell != null for cell in cells]


TEXTS = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=20)


@given(st.lists(TEXTS, max_size=3))
def test_any_texts_in_any_batches(batches: list[list[str | None]]) -> None:
    stream = of(Column("x", "u", nullable=True), *[(len(texts), Text.of(texts)) for texts in batches])
    assert column_of(stream) == list(chain(*batches))


@given(st.lists(st.none() | TEXTS, max_size=10))
def test_any_lists_of_texts(lists: list[list[str | None] | None]) -> None:
    assert column_of(of(Column("x", "+l", nullable=True), (len(lists), Texts.of(lists)))) == lists


def numbered(batches: int, rows: int = 2500) -> Stream:
    """Each batch has words of its own, and the same texts without numbers beside them."""

    def made() -> Iterator[Batch]:
        for batch in range(batches):
            words = [f"{batch} {word}" * (word % 5) for word in range(1 + batch % 7)]
            codes = array("i", [row % len(words) for row in range(rows)])
            yield Batch(rows, [array("q", range(rows)), Coded(codes, Text.of(words)), Text.of([words[code] for code in codes])])

    return Stream([Column("row", "l"), Column("coded", "i", coded=True), Column("text", "u")], made)


SAME = "count(*), sum(row), count(*) FILTER (coded IS DISTINCT FROM text)"


@pytest.mark.parametrize("threads", [1, 4])
def test_words_are_those_of_the_batch(threads: int) -> None:
    with database("a test") as connection:
        connection.execute(f"SET threads = {threads}")
        scan(connection, numbered(100), f"CREATE TABLE read AS SELECT {SAME} FROM stream")
        assert connection.execute("FROM read").fetchall() == [(250_000, 100 * 2500 * 2499 // 2, 0)]


def test_rows_keep_their_order() -> None:
    stream = Stream([Column("x", "l")], lambda: (Batch(3000, [array("q", range(at, at + 3000))]) for at in range(0, 60_000, 3000)))
    assert column_of(stream) == list(range(60_000))


def test_many_readings_at_once() -> None:
    stream, found = numbered(20), []

    def reads() -> None:
        with database("a test") as connection:
            scan(connection, stream, f"CREATE TABLE read AS SELECT {SAME} FROM stream")
            found.extend(connection.execute("FROM read").fetchall())

    threads = [threading.Thread(target=reads) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(50_000, 20 * 2500 * 2499 // 2, 0)] * 5


def test_buffers_are_read_where_they_are() -> None:
    values, offsets, data = array("q", [1, 2, 3]), array("i", [0, 1, 3]), bytearray(b"abc")
    consumer = Consumer(Stream([Column("x", "l"), Column("y", "u")], lambda: [Batch(2, [values, Text(offsets, data)])]))
    batch = consumer.next()
    assert (batch.length, batch.null_count, batch.offset, batch.dictionary) == (2, 0, 0, None)
    numbers, texts = children(batch)
    assert (numbers.length, buffers(numbers)) == (2, [None, values.buffer_info()[0]])
    assert buffers(texts)[:2] == [None, offsets.buffer_info()[0]]
    with pytest.raises(BufferError):
        values.append(4)
    with pytest.raises(BufferError):
        data.clear()
    assert consumer.next() is None
    assert consumer.next() is None
    consumer.release()
    with pytest.raises(BufferError):
        values.append(4)  # the batch outlives its stream
    release(batch)
    values.append(4)
    data.clear()


def test_a_column_that_is_moved_away_outlives_its_batch() -> None:
    codes, others = array("i", [1, 0]), array("i", [1, 2])
    columns = [Column("x", "i", coded=True), Column("y", "i")]
    consumer = Consumer(Stream(columns, lambda: [Batch(2, [Coded(codes, Text.of(["a", "b"])), others])]))
    batch = consumer.next()
    kept = type(batch).from_buffer_copy(children(batch)[0])
    children(batch)[0].release = None
    release(batch)
    consumer.release()
    others.append(3)
    assert ctypes.string_at(buffers(type(batch).from_address(kept.dictionary))[2] or 0, 2) == b"ab"
    with pytest.raises(BufferError):
        codes.append(1)
    release(kept)
    codes.append(1)


def test_the_schema() -> None:
    columns = [Column("é", "l", null=0), Column("w", "i", coded=True), Column("l", "+l", nullable=True)]
    stream = Stream(columns, list)
    consumer = Consumer(stream)
    schema = consumer.schema()
    consumer.release()
    assert (schema.format, schema.n_children, schema.metadata, schema.dictionary) == (b"+s", 3, None, None)
    assert [(child.name.decode(), child.format, child.flags) for child in children(schema)] == [
        ("é", b"l", 2),
        ("w", b"i", 0),
        ("l", b"+l", 2),
    ]
    assert type(schema).from_address(children(schema)[1].dictionary).format == b"u"
    assert [child.format for child in children(children(schema)[2])] == [b"u"]
    release(schema)
    assert "arrow_schema" in repr(stream.__arrow_c_schema__())


def test_batches_are_made_when_they_are_asked_for_and_no_longer_than_that() -> None:
    seen: list[str] = []

    def batches() -> Iterator[Batch]:
        seen.append("begun")
        try:
            for _ in range(3):
                yield Batch(1, [b"\0"])
        finally:
            seen.append("closed")

    stream = Stream([Column("x", "C")], batches)
    stream.__arrow_c_stream__()
    consumer = Consumer(stream)
    release(consumer.schema())
    assert seen == []
    release(consumer.next())
    assert seen == ["begun"]
    consumer.release()
    assert seen == ["begun", "closed"]
    assert read(stream) == [(0,)] * 3
    assert seen == ["begun", "closed"] * 2


def failing(error: BaseException) -> Stream:
    def batches() -> Iterator[Batch]:
        yield Batch(1, [b"\7"])
        raise error

    return Stream([Column("x", "C")], batches)


@pytest.mark.parametrize(
    ("error", "message"),
    [(CaptureError("gone: é"), "gone: é"), (ValueError(), "ValueError"), (KeyboardInterrupt(), "KeyboardInterrupt")],
)
def test_an_exception_ends_the_reading(error: BaseException, message: str) -> None:
    table = failing(error)
    consumer = Consumer(table)
    release(consumer.next())
    assert (consumer.next(), consumer.next()) == (message, message)  # never an end that looks like success
    consumer.release()
    assert table.failure is error
    with database("a test") as connection:
        connection.register("rows", table)
        with pytest.raises(duckdb.Error, match=message):
            connection.execute("CREATE TABLE read AS FROM rows")
        with pytest.raises(type(error)) as raised:
            scan(connection, table, "CREATE TABLE read AS FROM stream")
        assert raised.value is error
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM stream")


LONG = "CREATE TABLE summed AS SELECT sum(sin(r.range + s.range + x)) FROM stream, range(100000) r, range(100000) s"


class Noticed(array):
    """Cells that say when they are let go."""

    gone: ClassVar[Callable[[], None]] = lambda: None

    def __del__(self) -> None:
        type(self).gone()


@pytest.mark.parametrize("where", ["a batch", "a release", "the engine"])
def test_ctrl_c_ends_the_statement_and_is_raised_behind_it(
    where: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Raised amid one of our functions that C code calls, it would be printed as ignored, with a traceback."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    came: list[str] = []

    def ctrl_c(now: str) -> None:
        if now == where and not came:
            came.append(now)
            signal.raise_signal(signal.SIGINT)

    def batches() -> Iterator[Batch]:
        for number in range(100):
            if number == 3:
                ctrl_c("a batch")
            yield Batch(2048, [Noticed("B", bytes(2048))])

    monkeypatch.setattr(Noticed, "gone", lambda: ctrl_c("a release"))
    timer = threading.Timer(0.3, ctrl_c, ["the engine"])
    try:
        with database("a test") as connection:
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                scan(connection, Stream([Column("x", "C")], batches), LONG)
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            with pytest.raises(duckdb.CatalogException):
                connection.execute("FROM summed")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert came == [where]
    assert capfd.readouterr() == ("", "")


def test_an_error_of_the_statement_is_its_own() -> None:
    stream = failing(CaptureError("of an earlier reading"))
    with database("a test") as connection:
        with pytest.raises(CaptureError):
            scan(connection, stream, "CREATE TABLE read AS FROM stream")
        with pytest.raises(duckdb.BinderException, match="nothing"):
            scan(connection, stream, "SELECT nothing FROM stream")


WRONG: dict[str, tuple[Column, Batch, str]] = {
    "columns": (Column("x", "l"), Batch(0, []), "a batch has 0 columns, its stream 1"),
    "short": (Column("x", "l"), Batch(3, [array("q", [1, 2])]), "column x: 16 bytes, 24 are needed"),
    "narrow": (Column("x", "l"), Batch(1, [array("i", [1, 2])]), "column x: values of 4 bytes, 8 are needed"),
    "gaps": (Column("x", "C"), Batch(2, [memoryview(b"abcd")[::2]]), "column x: memoryview: casts are restricted"),
    "no buffer": (Column("x", "l"), Batch(1, [None]), "column x: memoryview: a bytes-like object is required"),  # type: ignore[list-item]
    "text for numbers": (Column("x", "l"), Batch(1, [Text.of(["a"])]), "column x: Values or a buffer is needed, not Text"),
    "numbers for text": (Column("x", "u"), Batch(1, [b"a"]), "column x: Text is needed, not bytes"),
    "text for codes": (Column("x", "i", coded=True), Batch(1, [Text.of(["a"])]), "column x: Coded is needed, not Text"),
    "NULL as a word": (Column("x", "i", coded=True), Batch(0, [Coded(b"", Text.of([None]))]), "column x: NULL in a column that has none"),
    "offsets": (Column("x", "u"), Batch(2, [Text.of(["a"])]), "column x: 8 bytes, 12 are needed"),
    "data": (Column("x", "u"), Batch(1, [Text(array("i", [0, 9]), b"short")]), "column x: 5 bytes, 9 are needed"),
    "end": (Column("x", "u"), Batch(1, [Text(array("i", [0, -1]), b"abc")]), "column x: offsets that end at -1"),
    "NULL": (Column("x", "u"), Batch(1, [Text.of([None])]), "column x: NULL in a column that has none"),
    "bitmap": (Column("x", "C", nullable=True), Batch(9, [Values(bytes(9), b"\0")]), "column x: 1 bytes, 2 are needed"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_batch_is_refused(wrong: str) -> None:
    column, batch, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message), database("a test") as connection:
        scan(connection, Stream([column], lambda: [batch]), "CREATE TABLE read AS FROM stream")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Column("x", "e"), "column x: no format 'e'"),
        (Column("x", "l", coded=True), "column x: numbers of words have the format 'i'"),
        (Column("x", "c", null=128), "column x: 128 cannot stand for NULL"),
        (Column("x", "l", null=0.5), "column x: 0.5 cannot stand for NULL"),
        (Column("x", "u", null=0), "column x: 0 cannot stand for NULL"),
    ],
)
def test_a_wrong_column_is_refused(column: Column, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Stream([column], list)


def test_nothing_stays_after_many_readings() -> None:
    made: list[weakref.ref[Any]] = []

    def batches() -> Iterator[Batch]:
        for _ in range(3):
            values = array("q", bytes(80_000))
            values[0] = -1
            made.append(weakref.ref(values))
            yield Batch(10_000, [values, Coded(array("i", bytes(40_000)), Text.of(["a", "b"]))])

    stream = Stream([Column("x", "l", null=-1), Column("w", "i", null=-1, coded=True)], batches)

    def traced() -> int:
        read(stream)
        for _ in range(10):
            consumer = Consumer(stream)
            release(consumer.next())
            consumer.release()
            stream.__arrow_c_stream__()
            stream.__arrow_c_schema__()
        made[:] = [each for each in made if each() is not None]
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        traced()
        before = traced()
        after = [traced() for _ in range(5)][-1]
    finally:
        tracemalloc.stop()
    assert made == []
    assert after - before < 20_000  # of 65 batches, of 120,000 bytes each


def test_the_interpreter_ends_while_a_consumer_holds_on() -> None:
    program = """if True:
        import sys
        from tests.facts.test_arrow import Consumer, numbered, database
        stream = numbered(1000)
        sys.taken = Consumer(stream)
        sys.batch = sys.taken.next()
        sys.capsules = stream.__arrow_c_stream__(), stream.__arrow_c_schema__()
        sys.connection = database("a test")
        sys.connection.register("rows", stream)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_tables_are_loaded_before_the_database_is_confined() -> None:
    stream = numbered(3)
    with database("a test") as connection:
        connection.execute("CREATE TABLE facts (row BIGINT, coded VARCHAR, text VARCHAR)")
        scan(connection, stream, "INSERT INTO facts FROM stream")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        assert connection.execute(f"SELECT {SAME} FROM facts").fetchall() == [(7500, 3 * 2500 * 2499 // 2, 0)]
        with pytest.raises(duckdb.CatalogException):
            connection.execute("SELECT * FROM stream")  # neither what was registered nor this function's variable


def test_without_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r"^SQL needs DuckDB: pip install 'tcptrace-py\[sql\]'$"):
        database("SQL")


def in_pyarrow(stream: Stream) -> dict[str, list[Any]]:
    table = pytest.importorskip("pyarrow").table(stream)
    table.validate(full=True)
    return dict(table.to_pydict())


def in_polars(stream: Stream) -> dict[str, list[Any]]:
    return dict(pytest.importorskip("polars").DataFrame(stream).to_dict(as_series=False))


def in_pandas(stream: Stream) -> dict[str, list[Any]]:
    pytest.importorskip("pyarrow")
    frame = pytest.importorskip("pandas").DataFrame.from_arrow(stream)
    return {name: [pythonic(value) for value in frame[name].tolist()] for name in frame}


def pythonic(value: Any) -> Any:
    """What pandas has for NULL and for a list."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("consumer", [in_pyarrow, in_polars, in_pandas])
def test_other_consumers(consumer: Callable[[Stream], dict[str, list[Any]]]) -> None:
    for column, rows, cells, _, values in KINDS.values():
        assert consumer(of(column, (rows, cells), (rows, cells))) == {"x": values * 2}


def test_what_does_not_fit_into_memory_goes_to_the_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    work.mkdir()
    scratch.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with database("a test") as connection:
        connection.execute("SET memory_limit = '20MB'; SET threads = 1")
        connection.execute("CREATE TABLE t AS SELECT md5(i::VARCHAR) AS m FROM range(600000) t(i)")
        assert [path.name.startswith("tcpstates-") for path in scratch.iterdir()] == [True]
        assert list(work.iterdir()) == []
    assert list(scratch.iterdir()) == []
