"""Every sample is analysed, and what comes out is what its story says must come out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samples.make import FOLDER, is_current, main, stories
from samples.readme import readme
from samples.stories.expect import Expectation, connection, differences, shake, tear
from samples.stories.story import Story
from tcptrace_py import analyze
from tests.thorough import paired
from tests.writer.talk import Vantage

ALL = stories()
READABLE = [told for told in ALL if set(told.expected.exit_codes) & {0, 3}]
EXTRAS = {".zst": "zstandard", ".lz4": "lz4.frame"}
UNUSUAL = [told for told in ALL if told.expected.exit_codes != (0,)]


def _piles_slow(stories: list[Story]) -> list[object]:
    """Stories; those of thousands of connections take seconds."""
    marks = {"pileups": pytest.mark.slow}
    return [pytest.param(told, id=told.file, marks=marks.get(told.theme, ())) for told in stories]


def _named(told: Story) -> str:
    return told.file


@pytest.mark.parametrize("told", _piles_slow(READABLE))
def test_analysis_says_what_the_story_tells(told: Story) -> None:
    if (module := EXTRAS.get(Path(told.file).suffix)) is not None:
        pytest.importorskip(module)
    document = analyze([FOLDER / told.file]).to_document()
    assert differences(told.expected, document) == []


@pytest.mark.parametrize("told", UNUSUAL, ids=_named)
def test_exit_code(told: Story) -> None:
    command = [sys.executable, "-m", "tcptrace_py", "analyze", str(FOLDER / told.file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode in told.expected.exit_codes, run.stderr
    assert told.file in run.stderr + run.stdout
    assert "Traceback" not in run.stderr


ELSEWHERE = {
    "simultaneous-open.pcap": "who is called the client is who was captured first",
    "simultaneous-open-syn-lost.pcap": "who is called the client is who was captured first",
    "simultaneous-close-fin-lost.pcap": "what is captured at its receiver is not lost behind the capture",
}
# of two streams, as Wireshark counts them: a RST that was captured before the SYN it names is of an earlier connection
BEFORE_ITS_SYN = ("forged-reset-in-syn-sent.pcap", "server")
OF_CONNECTIONS = {"handshakes", "opens", "strays", "closes", "resets", "time_wait", "losses", "probes"}
POINTS: tuple[Vantage, ...] = ("client", "server", "middle")
ANYWHERE = [told for told in ALL if told.theme in OF_CONNECTIONS and told.file not in ELSEWHERE]


def _seen_from_anywhere(row: dict[str, Any]) -> dict[str, Any]:
    """What of an expected connection does not depend on where it was captured."""
    parts = {"teardown": ("pattern", "first_fin"), "handshake": ("kind", "outcome"), "client_side": ("final_state",),
             "server_side": ("final_state",)}  # fmt: skip
    kept: dict[str, Any] = {
        name: {key: row[name][key] for key in keys if key in row[name]} for name, keys in parts.items() if row.get(name)
    }
    for name in ("client_side", "server_side"):
        if "states" in (row.get(name) or {}):
            kept[name]["states"] = [{"state": entry["state"]} for entry in row[name]["states"]]
    if "time_wait" in row:
        kept["time_wait"] = [{"side": entry["side"]} for entry in row["time_wait"]]
    return kept


@pytest.mark.parametrize(("told", "tap"), paired(ANYWHERE, POINTS), ids=lambda one: getattr(one, "file", one))
def test_states_do_not_depend_on_the_capture_point(told: Story, tap: Vantage, tmp_path: Path) -> None:
    if (told.file, tap) == BEFORE_ITS_SYN:
        pytest.skip("its RST is captured before the SYN there")
    capture = tmp_path / told.file
    capture.write_bytes(told.content(tap))
    expected = tuple(_seen_from_anywhere(row) for row in told.expected.connections or ())
    assert differences(Expectation(expected, problems=None), analyze([capture]).to_document()) == []


def test_rotated_files_together_are_the_whole_connection() -> None:
    parts = [FOLDER / "rotated-1.pcap", FOLDER / "rotated-2.pcap"]
    whole = connection(shake("three-way", "completed", total=20.0), tear("four-way", "client", segments=4), time_wait=None)
    assert differences(Expectation((whole,)), analyze(parts).to_document()) == []
    assert differences(Expectation((whole,)), analyze(parts[::-1]).to_document()) == []


@pytest.mark.parametrize("told", _piles_slow(ALL))
def test_file_is_what_its_story_writes(told: Story) -> None:
    assert is_current(told, told.content())


def test_readme_is_up_to_date() -> None:
    assert (FOLDER / "README.md").read_text() == readme(ALL)


def test_every_capture_has_a_story() -> None:
    told = {story.file for story in ALL}
    found = {file.name for file in FOLDER.iterdir() if ".pcap" in file.name and not file.name.startswith(("recorded-", "buildup-"))}
    assert found == told


def test_command_checks_named_files(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--check", "syn-lost", "vlan.pcap"]) == 0
    monkeypatch.setattr("samples.make.is_current", lambda told, _content: told.file != "vlan.pcap")
    assert main(["--check", "syn-lost", "vlan.pcap"]) == 1
    assert capsys.readouterr().err == "vlan.pcap: not what would be written\n"


def test_command_lists_and_refuses_unknown_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "syn-lost"]) == 0
    assert capsys.readouterr().out.startswith("syn-lost.pcap ")
    with pytest.raises(SystemExit, match="2"):
        main(["no-such-story"])


def test_command_writes_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samples.make.FOLDER", tmp_path)
    assert main(["syn-lost", "compressed.pcap.xz"]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"syn-lost.pcap", "compressed.pcap.xz"}
    assert (tmp_path / "syn-lost.pcap").read_bytes() == (FOLDER / "syn-lost.pcap").read_bytes()


def test_differences_are_found() -> None:
    document = analyze([FOLDER / "syn-refused.pcap"]).to_document()
    wrong = connection(shake(outcome="completed", total=1.0), tear("four-way"), anomalies=["stray-syn"], scope={"vlan": 1})
    found = differences(Expectation((wrong,), problems=("snapped",)), document)
    for key in (".outcome", ".total_ms", ".pattern", ".anomalies", ".scope", ".problems"):
        assert any(key in line for line in found), key
