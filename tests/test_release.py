"""What a release needs: notes of its version, actions pinned by commit, every Python that is claimed tried."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
CHANGELOG = "# Changes\n\n## Unreleased\n\n- more\n\n## 1.2.0\n\n- first\n- second\n\n## 1.1.0\n\n- old\n"


@pytest.mark.parametrize(
    ("version", "owner", "changelog", "code", "said"),
    [
        ("1.2.0", "somebody", CHANGELOG, 0, "- first\n- second"),
        ("1.1.0", "somebody", CHANGELOG, 1, "another version"),
        ("1.2.0", "OWNER", CHANGELOG, 1, "in place of OWNER"),
        ("1.2.0", "somebody", "# Changes\n\n## 1.2.0\n\n## 1.1.0\n\n- old\n", 1, "has no section"),
    ],
)
def test_notes_are_those_of_the_version(version: str, owner: str, changelog: str, code: int, said: str, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "notes", tmp_path / ".ci")
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    (tmp_path / "pyproject.toml").write_text(f'version = "1.2.0"\nRepository = "https://github.com/{owner}/tcptrace-py"\n')
    run = subprocess.run(["bash", ".ci/notes", version], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, said in run.stdout + run.stderr) == (code, True)
    assert "old" not in run.stdout


@pytest.mark.parametrize("file", sorted(GITHUB.rglob("*.yml")), ids=lambda file: file.name)
def test_actions_are_pinned_by_commit_with_their_version(file: Path) -> None:
    for used in re.findall(r"uses: (\S+.*)", file.read_text("utf-8")):
        assert used.startswith("./") or re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v[\d.]+", used), used


def test_every_python_that_is_claimed_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    claimed = [line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r"Python :: 3\.\d+$", line)]
    tried = re.search(r"python: \[(.*)\]", (GITHUB / "workflows" / "ci.yml").read_text("utf-8"))
    assert tried is not None
    assert re.findall(r'"(.*?)"', tried[1]) == claimed
