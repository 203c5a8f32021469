"""What people read, held against gold files: `pytest --update-gold` writes them anew."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tcptrace_py.model.results import Analysis, Teardown
from tcptrace_py.outputs.registry import named
from tcptrace_py.outputs.view import SHOWS, View

from . import factory

GOLD = Path(__file__).parent / "gold"
CASES = {"one": factory.one, "few": factory.few, "busy": factory.busy, "empty": factory.empty}
PAGES: list[tuple[str, str | None, int, str]] = [(case, None, width, "table") for case in CASES for width in (80, 120)]
PAGES += [("busy", show, 100, "table") for show in SHOWS if show != "connections"]
PAGES += [("few", "connections", 80, "table"), ("few", None, 80, "markdown"), ("busy", None, 80, "markdown")]


def page(analysis: Analysis, view: View, form: str = "table") -> str:
    out = io.StringIO()
    named(form).write(analysis, view, out)
    return out.getvalue()


@pytest.mark.parametrize(("case", "show", "width", "form"), PAGES)
def test_page_is_as_it_was(case: str, show: str | None, width: int, form: str, request: pytest.FixtureRequest) -> None:
    text = page(CASES[case](), View(show=show, width=width), form)
    gold = GOLD / f"{case}-{show or 'overview'}-{width}.{'md' if form == 'markdown' else 'txt'}"
    if request.config.getoption("--update-gold"):
        gold.parent.mkdir(exist_ok=True)
        gold.write_text(text, "utf-8")
    assert text == gold.read_text("utf-8")


@pytest.mark.parametrize("make", CASES.values())
@pytest.mark.parametrize("show", [None, *SHOWS])
@pytest.mark.parametrize("width", [80, 120])
def test_every_page_fits(make: Callable[[], Analysis], show: str | None, width: int) -> None:
    lines = page(make(), View(show=show, width=width)).splitlines()
    assert [line for line in lines if len(line) > width] == []
    assert [line for line in lines if line != line.rstrip()] == []


def test_colour_changes_no_letter() -> None:
    plain = page(factory.busy(), View())
    coloured = page(factory.busy(), View(colour=True))
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == plain
    assert "\x1b" not in plain


def test_plain_letters_where_the_encoding_has_no_others() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, "ascii", write_through=True)
    named("table").write(factory.one(), View(), out)
    text = raw.getvalue().decode("ascii")
    assert "310 us" in text
    assert "10.1.0.7:40000 > 10.1.0.9:80" in text


def test_filters_say_that_the_summary_counts_all() -> None:
    text = page(factory.busy(), View(patterns=frozenset({"rst"})))
    assert "The lists hold the 18 of 300 connections that you asked for" in " ".join(text.split())
    assert "276 four-way" in text


def test_one_stream_is_shown_state_by_state() -> None:
    text = page(factory.few(), View(streams=frozenset({3})))
    assert "tcp.stream eq 3" in text
    assert "reset by the server in frame 38: abort" in text
    assert "idle 351 s before" in text
    assert "SYN_RECEIVED" in text


def test_a_line_behind_a_later_frame_is_explained() -> None:
    """A reset that reached the client after it had sent more: its line stands where it took effect."""
    explained = "Lines go by time"
    connection = factory.connection(0)
    assert explained not in page(factory.analysis([connection]), View())
    *earlier, last = connection.client_side.states
    assert last.at_ns is not None
    late = replace(last, at_ns=last.at_ns + 1_000_000_000, frame=connection.first_frame)
    client = replace(connection.client_side, states=(*earlier, last, late))
    text = page(factory.analysis([replace(connection, client_side=client)]), View())
    assert explained in text
    assert f"here frame {late.frame} after frame " in " ".join(text.split())


def test_interruption_is_said_first() -> None:
    text = page(factory.analysis([factory.connection(i) for i in range(3)], interrupted=True), View())
    assert text.index("Interrupted") < text.index("Summary")


def test_limits_say_what_they_leave_out() -> None:
    text = page(factory.busy(), View(show="connections", limit=7, width=100))
    assert "… and 293 more" in text
    assert page(factory.busy(), View(limit=2)).count("display filter") == page(factory.busy(), View()).count("display filter")


def test_names_of_files_cannot_steer_the_terminal_or_the_markup() -> None:
    analysis = factory.one()
    analysis.capture.files[0] = replace(analysis.capture.files[0], path="\x1b[2J*bad*.pcap")
    assert "\x1b" not in page(analysis, View())
    assert r"\*bad\*" in page(analysis, View(), "markdown")


@pytest.mark.parametrize(
    ("paths", "title"),
    [
        (["a.pcap", "b.pcap"], "a.pcap, b.pcap"),
        ([f"/var/tmp/ring/{n}.pcap" for n in range(4)], "4 files in /var/tmp/ring"),
        (["a", "b", "c", "d"], "4 files"),
        (["/a", "b", "c", "d"], "4 files"),
    ],
)
def test_many_files_are_not_named_one_by_one(paths: list[str], title: str) -> None:
    analysis = factory.few()
    analysis.capture.files = [replace(analysis.capture.files[0], path=path) for path in paths]
    assert page(analysis, View()).splitlines()[0] == title


def test_what_was_in_flight_is_counted_apart() -> None:
    """The overview says how many handshakes and closes the capture's end cut, and lists none of them as broken."""
    closing = replace(factory.connection(0), teardown=Teardown("half-closed", None, "client", censored=True), time_wait=())
    rows = [closing, *(factory.failed(number, "in-progress") for number in range(1, 4)), *map(factory.connection, range(4, 12))]
    text = " ".join(page(factory.analysis(rows), View()).split())
    assert "9 completed, 3 in progress when the capture ended" in text
    assert "1 half-closed; 1 in flight when the capture ended" in text
    assert "Broken connections" not in text
