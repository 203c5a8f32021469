"""Tables fit the page."""

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.outputs.blocks import Column, Grid
from tcptrace_py.outputs.grid import CHUNK, lines, shorten

ADDRESS = st.one_of(st.ip_addresses().map(lambda a: f"[{a}]:443" if a.version == 6 else f"{a}:51522"))


@given(ADDRESS, st.integers(12, 60))
def test_shortened_addresses_keep_their_port_and_their_beginning(address: str, width: int) -> None:
    short = shorten(address, width)
    assert len(short) <= max(width, len(short) if len(address) <= width else 0)
    assert short.rpartition(":")[2] == address.rpartition(":")[2]
    assert short[0] == address[0]
    assert (short == address) == (len(address) <= width)


def test_words_lose_their_end() -> None:
    assert shorten("abort-unread-data by server", 18) == "abort-unread-data…"


@given(
    st.lists(st.tuples(ADDRESS, ADDRESS, st.sampled_from(["a", "a longer cell of words"])), min_size=1, max_size=9), st.integers(40, 130)
)
def test_no_line_is_wider_than_the_page(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (Column("client", least=12), Column("server", least=12), Column("spare", drop=1))
    printed = list(lines(Grid(columns, rows), width))
    assert len(printed) == len(rows) + 1
    assert max(map(len, printed)) <= width


def test_columns_go_by_their_rank_and_empty_ones_at_once() -> None:
    columns = (Column("name"), Column("empty"), Column("soon", drop=2), Column("later", drop=1), Column("9", right=True))
    rows = [("a", "", "soon cell", "later cell", "7"), ("bb", "", "soon cell", "later cell", "11")]
    assert list(lines(Grid(columns, rows), 80)) == [
        "name  soon       later        9",
        "a     soon cell  later cell   7",
        "bb    soon cell  later cell  11",
    ]
    assert next(lines(Grid(columns, rows), 25)) == "name  later        9"
    assert next(lines(Grid(columns, rows), 12)) == "name   9"


def test_no_rows_no_titles_and_many_rows_stream() -> None:
    assert list(lines(Grid((Column("a"),), []), 80)) == []
    read = []

    def rows() -> object:
        for number in range(3 * CHUNK):
            read.append(number)
            yield (str(number),)

    printed = lines(Grid((Column("number", right=True),), rows()), 80)  # type: ignore[arg-type]
    assert [next(printed), next(printed)] == ["number", "     0"]
    assert len(read) == CHUNK
    assert len(list(printed)) == 3 * CHUNK - 1
