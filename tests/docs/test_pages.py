"""What the README and docs/ print is what the program prints; what they link to is there."""

from __future__ import annotations

import ast
import contextlib
import doctest
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tcptrace_py.outputs.time_wait import advice

from . import parts
from .__main__ import WHOLE, current
from .pages import PAGES, ROOT, Block, blocks, ran, scratch

UPDATE = "run: python -m tests.docs"
KINDS = {"console", "console slow", "sh", "python", "toml", "text", "json", "mermaid"}
BLOCKS = [block for page in PAGES for block in blocks(page)]
CONSOLE = [pytest.param(block, marks=[pytest.mark.slow] if "slow" in block.kind else [], id=block.name)
           for block in BLOCKS if block.kind.startswith("console")]  # fmt: skip
SESSIONS = [page for page in PAGES if any(">>>" in block.text for block in blocks(page))]
PARTLY = [page for page in PAGES if page not in WHOLE and parts.BEGIN in page.read_text("utf-8")]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _name(item: Block | Path) -> str:
    return item.name


@pytest.mark.parametrize("block", CONSOLE)
def test_commands_print_what_the_page_says(block: Block) -> None:
    assert block.commands
    assert ran(block) == block.text, UPDATE


@pytest.mark.parametrize("page", SESSIONS, ids=_name)
def test_sessions_run_as_they_stand(page: Path, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    flags = doctest.NORMALIZE_WHITESPACE
    source = "\n".join(block.text for block in blocks(page) if block.kind == "python" and ">>>" in block.text)
    test = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), 0)
    report: list[str] = []
    with contextlib.chdir(tmp_path):
        result = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize("page", PARTLY, ids=_name)
def test_made_parts_are_current(page: Path) -> None:
    text = page.read_text("utf-8")
    assert parts.with_parts(text) == text, UPDATE


@pytest.mark.parametrize("page", WHOLE, ids=_name)
def test_made_pages_are_current(page: Path) -> None:
    assert page.read_text("utf-8") == current(page), UPDATE


@pytest.mark.parametrize("block", BLOCKS, ids=_name)
def test_no_block_escapes_the_tests(block: Block) -> None:
    assert block.kind in KINDS, "a kind of block that nothing runs"
    if block.kind == "sh":
        assert block.page == ROOT / "README.md", "only the README's two commands are run by .ci/run"
    if block.kind == "text":
        assert "tcpstates" not in block.text, "a command that nothing runs: make it a console block"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "samples" / "README.md"], ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if path.startswith(("http:", "https:")):
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


def _anchors(page: Path) -> set[str]:
    """Anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_advice_leads_to_its_reasons() -> None:
    tree = ast.parse(Path(advice.__file__).read_text("utf-8"))
    anchors = {
        node.args[2].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Words"
        and isinstance(node.args[2], ast.Constant)
    }  # fmt: skip
    assert len(anchors) > 5
    assert anchors <= _anchors(ROOT / advice.PAGE)


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for page in PAGES[1:]:
        assert f"docs/{page.name}" in readme


def test_ci_runs_the_two_commands_of_a_fresh_clone() -> None:
    lines = [line for block in BLOCKS if block.kind == "sh" for line in block.lines]
    assert len(lines) == 2
    assert "tcpstates analyze samples/" in lines[0]
    assert lines[1].endswith("-m pytest")
    run = subprocess.run(["bash", ROOT / ".ci" / "run", "--commands"], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == lines


def test_the_second_command_installs_what_the_tests_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lines = (ROOT / "tests" / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == needed


def test_commands_run_in_a_folder_of_their_own(tmp_path: Path) -> None:
    environment = scratch(tmp_path)
    assert (tmp_path / "samples" / "syn-lost.pcap").exists()
    assert environment["PATH"].split(os.pathsep)[0] == str(tmp_path / "bin")


def test_stale_output_is_found() -> None:
    block = blocks(ROOT / "README.md", "```console\n$ echo one\\\n  two\n$ echo three\nfour\n```\n")[0]
    assert block.commands == ["echo one\\\n  two", "echo three"]
    assert ran(block) == "$ echo one\\\n  two\none two\n$ echo three\nthree\n"
    with pytest.raises(ValueError, match="never ends"):
        blocks(ROOT / "README.md", "```console\n$ echo\n")
