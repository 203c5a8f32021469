"""Each view, asked for by itself and with filters that let everything pass: the same rows. And filters that let nothing pass."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tcptrace_py import analyze
from tcptrace_py.cli import main
from tcptrace_py.model.digest import FEW
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.state import State
from tcptrace_py.outputs import views
from tcptrace_py.outputs.occurring import none_picked, none_selected
from tcptrace_py.outputs.phrases import OUTCOMES, PATTERNS
from tcptrace_py.outputs.registry import named
from tcptrace_py.outputs.view import SHOWS, View
from tests.thorough import paired

from . import factory

SAMPLES = Path(__file__).parents[2] / "samples"
EVERYTHING = {
    "outcome": [word for name in OUTCOMES for word in ("--outcome", name)],
    "teardown": [word for name in PATTERNS for word in ("--teardown", name)],
    "state": [word for state in State for word in ("--state", state.name)],
    "final-state": [word for state in State for word in ("--final-state", state.name)],
}
CAPTURES = (
    "request-crosses-the-close.pcap",
    "close-wait-never-closes.pcap",
    "several-handshakes-ipv6.pcap",
    "odd-flags.pcap",
    "buildup-health-checks.server.pcap.xz",
)


def page(*words: str) -> list[str]:
    out = io.StringIO()
    with redirect_stdout(out):
        assert main.main(["analyze", *words]) in {0, 3}
    return [line for line in out.getvalue().splitlines() if line.strip() and "that you asked for" not in line and "count every" not in line]


@pytest.mark.parametrize(("show", "capture"), paired([None, *SHOWS], CAPTURES))
def test_filters_that_let_everything_pass_change_nothing(capture: str, show: str | None) -> None:
    path = str(SAMPLES / capture)
    shown = ["--show", show] if show else []
    plain = page(path, *shown)
    for words in EVERYTHING.values():
        assert page(path, *shown, *words) == plain
    assert page(path, *shown, "--limit", "3", *EVERYTHING["state"]) == page(path, *shown, "--limit", "3")


def test_resets_and_handshakes_are_listed_without_a_filter() -> None:
    path = str(SAMPLES / "request-crosses-the-close.pcap")
    assert any("data-after-close" in line and "tcp.stream eq 0" in line for line in page(path, "--show", "teardowns"))
    assert any("20 ms" in line and "tcp.stream eq 0" in line for line in page(path, "--show", "handshakes"))


def test_handshakes_are_listed_beyond_the_overview() -> None:
    path = str(SAMPLES / "buildup-bursts.client.pcap.xz")
    assert len([line for line in page(path, "--show", "handshakes") if "tcp.stream eq" in line]) == 600


def test_each_view_says_what_it_needs() -> None:
    needs = {show: (views.lists_connections(View(show)), views.slowest(View(show))) for show in (None, *SHOWS)}
    assert needs == {
        None: (False, 5),
        "connections": (True, 0),
        "hosts": (False, 0),
        "handshakes": (False, 10_000),
        "teardowns": (True, 0),
        "time-wait": (False, 0),
        "problems": (False, 0),
    }
    assert views.lists_connections(View("hosts", states=frozenset({"CLOSING"})))
    assert views.slowest(View("handshakes", limit=20_000)) == 20_000


THREE = str(SAMPLES / "close-wait-never-closes.pcap")


@pytest.mark.parametrize(("view", "words"), [
    ({"outcomes": {"refused"}}, "no connection of 3 matches --outcome refused; handshakes: completed (3)"),
    ({"patterns": {"rst"}}, "no connection of 3 matches --teardown rst; teardowns: half-closed (2), four-way (1)"),
    ({"streams": {9}}, "no connection of 3 matches --stream 9; streams: 0 to 2"),
    ({"final_states": {"CLOSING"}},
     "no connection of 3 matches --final-state CLOSING; final states: CLOSE_WAIT (2), FIN_WAIT_2 (2), CLOSED (1), TIME_WAIT (1)"),
    ({"patterns": {"four-way"}, "streams": {0}},
     "no connection of 3 matches --teardown four-way, --stream 0; teardowns: half-closed (2), four-way (1); streams: 0 to 2"),
])  # fmt: skip
def test_a_filter_that_matches_nothing_names_what_there_is(view: dict[str, set[object]], words: str) -> None:
    chosen = View(**{name: frozenset(found) for name, found in view.items()})  # type: ignore[arg-type]
    assert none_picked(analyze(THREE), chosen) == words


@pytest.mark.parametrize("show", [None, "connections", "handshakes", "teardowns", "time-wait", "hosts", "problems"])
def test_the_page_says_it_and_exits_with_0(show: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", THREE, "--teardown", "rst", *(["--show", show] if show else [])]) == 0
    out, err = capsys.readouterr()
    assert "No connection of 3 matches --teardown rst; teardowns: half-closed (2), four-way (1)." in " ".join(out.split())
    assert err == ""


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_programs_get_it_beside_the_document(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", THREE, "--teardown", "rst", "--format", form]) == 0
    assert "no connection of 3 matches --teardown rst; teardowns: half-closed (2)" in capsys.readouterr().err


@pytest.mark.parametrize(("chosen", "words"), [
    (Selection(ports=((81, 81),)), "no connection matches --port 81; there are connections to 198.51.100.20:80 (3)"),
    (Selection(ports=((81, 90),), hosts=("10.0.0.1",)),
     "no connection matches --host 10.0.0.1 --port 81-90; there are connections to 198.51.100.20:80 (3) from 192.0.2.10"),
    (Selection(from_ns=10**18),
     "no connection matches --from 2001-09-09 01:46:40.000; the capture goes from 2026-01-02 03:04:05.000 to 2026-01-02 03:04:27.087 UTC"),
])  # fmt: skip
def test_a_selection_that_matches_nothing_names_what_there_is(chosen: Selection, words: str) -> None:
    analysis = analyze(THREE, selection=Selection(ports=((1, 1),)))
    assert none_selected(analysis, chosen, analyze(THREE)) == words


@pytest.mark.parametrize(("words", "code"), [
    (("analyze", THREE), 0), (("time-wait", THREE), 0), (("explain", THREE, "0"), 2), (("check", THREE, "--forbid", "rst"), 1),
    (("diff", THREE, THREE), 1), (("extract", THREE, "-o", "x.pcap"), 1),
])  # fmt: skip
def test_every_command_says_so_of_a_selection(
    words: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main([*words, "--port", "81"]) == code
    assert "no connection matches --port 81; there are connections to 198.51.100.20:80 (3)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_stream_is_not_read_twice_for_that(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(THREE).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main.main(["analyze", "-", "--port", "81"]) == 0
    assert capsys.readouterr().err == "tcpstates: no connection matches --port 81\n"


@pytest.mark.parametrize(
    ("words", "streams"),
    [
        (["--reset-by", "server"], {0}),
        (["--reset-by", "client"], set()),
        (["--cause", "data-after-close"], {0}),
        (["--cause", "abort", "--cause", "data-after-close"], {0}),
        (["--cause", "data-after-close", "--reset-by", "client"], set()),
    ],
)
def test_connections_are_chosen_by_their_resets(words: list[str], streams: set[int]) -> None:
    listed = page(str(SAMPLES / "request-crosses-the-close.pcap"), "--show", "connections", *words)
    assert {int(line.split()[0]) for line in listed if line.split()[0].isdigit() and ":" in line and "packets" not in line} == streams


def test_a_late_reset_is_found_by_its_cause() -> None:
    listed = page(str(SAMPLES / "reset-late.pcap"), "--show", "connections", "--cause", "late")
    assert any("four-way" in line for line in listed)


@pytest.mark.parametrize("name", ["TIME-WAIT", "time_wait", "Time-Wait"])
def test_states_are_understood_with_hyphens(name: str) -> None:
    path = str(SAMPLES / "three-way-handshake.pcap")
    assert page(path, "--state", name, "--show", "connections") == page(path, "--state", "TIME_WAIT", "--show", "connections")


@pytest.mark.parametrize(
    ("sample", "named"),
    [
        pytest.param("pile-up-on-a-proxy.pcap.xz", ["tcpstates time-wait"], marks=pytest.mark.slow),
        ("close-wait-never-closes.pcap", ["tcpstates explain", "stream:0"]),
        ("accept-queue-full.pcap", ["tcpstates explain", "stream:0"]),
        ("three-way-handshake.pcap", []),
    ],
)
def test_the_overview_ends_with_what_to_look_at(sample: str, named: list[str]) -> None:
    lines = page(str(SAMPLES / sample))
    steps = lines[lines.index("Next") + 1 :] if "Next" in lines else []
    assert len(steps) == (1 if named else 0)
    assert all(word in steps[0] for word in named)


def test_quick_handshakes_are_not_called_slow() -> None:
    assert "Slowest handshakes" not in page(str(SAMPLES / "pile-up-on-a-proxy.pcap.xz"))


def test_the_overview_names_the_service_also_where_there_is_but_one() -> None:
    out = io.StringIO()
    named("table").write(factory.analysis([factory.connection(number) for number in range(FEW + 1)]), View(width=120), out)
    assert "Services\n  service      connections  handshake p50, p99" in out.getvalue()
