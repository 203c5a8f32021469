"""The compiled and the interpreted form of the engine are one source: they must say the same of every capture."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tcptrace_py import _compiled
from tests import sanitize
from tests.fuzz import campaigns
from tests.fuzz.alter import ETHERNET, altered
from tests.fuzz.damage import several
from tests.fuzz.hostile import SCENARIOS, capture
from tests.fuzz.material import as_pcap, captures, content
from tests.fuzz.test_altered import sources
from tests.fuzz.trial import most, random_for

ROOT = Path(__file__).parent.parent
COMPILED_IN = "TCPSTATES_COMPILED_IN"  # folder of a copy of the package that is compiled already

SAY = """
import hashlib, json, sys
from pathlib import Path
import tcptrace_py
from tcptrace_py import CaptureError, analyze
said = {"compiled": tcptrace_py._compiled()}
for path in sorted(Path(sys.argv[1]).glob("*.pcap*")):
    try:
        document = analyze(path).to_document()
        quick = analyze(path, keep_rows=False)
    except CaptureError as problem:
        said[path.name] = str(problem)
        continue
    except Exception as error:
        said[path.name] = f"internal error: {error!r}"
        continue
    document["generator"]["compiled"] = None
    totals = repr((quick.summary, quick.hosts, quick.ports))
    said[path.name] = hashlib.sha256((json.dumps(document) + totals).encode()).hexdigest()
print(json.dumps(said))
"""


def said_by(package: Path, captures: Path) -> dict[str, object]:
    """What the form of the package in this folder says of all captures in that one, by file."""
    run = subprocess.run(
        [sys.executable, "-c", SAY, str(captures)],
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(package)},
    )
    said: dict[str, object] = json.loads(run.stdout)
    return said


def compiled_copy(folder: Path) -> Path:
    """A folder with the compiled package: the one that is named, or made here."""
    if already := os.environ.get(COMPILED_IN):
        return Path(already)
    pytest.importorskip("Cython", reason="nothing to compile with")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    source_copy(folder)
    subprocess.run(
        [sys.executable, "-m", "tcptrace_py._build"],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    return folder


def source_copy(folder: Path) -> Path:
    """A folder with the package as it is interpreted."""
    shutil.copytree(ROOT / "tcptrace_py", folder / "tcptrace_py", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return folder


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders with the package compiled and interpreted."""
    folder = tmp_path_factory.mktemp("forms")
    return compiled_copy(folder / "compiled"), source_copy(folder / "interpreted")


def hold_alike(forms: tuple[Path, Path], captures: Path) -> dict[str, object]:
    """What both say of the captures; fails where they differ."""
    compiled, interpreted = (said_by(form, captures) for form in forms)
    assert (compiled.pop("compiled"), interpreted.pop("compiled")) == (True, False)
    assert {name for name in compiled if compiled[name] != interpreted[name]} == set()
    return compiled


@pytest.mark.slow
def test_both_forms_say_the_same_of_every_sample(forms: tuple[Path, Path]) -> None:
    assert len(hold_alike(forms, ROOT / "samples")) > 150


@pytest.mark.slow
def test_both_forms_say_the_same_of_anything(forms: tuple[Path, Path], tmp_path: Path) -> None:
    """Samples whose segments were altered at random, samples of which bytes were, and what attackers send."""
    rng = random_for("forms")
    plain = [rows[:80] for _name, link, rows in sources() if link == ETHERNET and rows]
    small = [data for data in map(content, captures()) if len(data) < 20_000]
    for number in range(most(300)):
        (tmp_path / f"altered-{number}.pcap").write_bytes(as_pcap(ETHERNET, altered(rng, rng.choice(plain)), rng.choice("<>")))
        (tmp_path / f"damaged-{number}.pcap").write_bytes(several(rng, rng.choice(small), rng.choice(small))[1])
    for name, rows in SCENARIOS.items():
        (tmp_path / f"{name}.pcap").write_bytes(capture(rows(2000)))
    said = hold_alike(forms, tmp_path)
    assert len(said) > most(300) * 2
    assert {name: what for name, what in said.items() if "internal error" in str(what)} == {}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
def test_one_answer_in_all_ways(forms: tuple[Path, Path], tmp_path: Path) -> None:
    """Compiled and interpreted, in pieces of odd sizes and with several processes: a share of a long campaign."""
    judge = campaigns.Differential(tmp_path, forms[int(_compiled())]).judge
    found = campaigns.campaign(judge, "differential", campaigns.SEED, 0, most(150), None)
    assert found["failures"] == []
    assert found["read"] > found["cases"] // 2


@pytest.mark.slow
def test_the_sanitizers_have_nothing_to_report(forms: tuple[Path, Path], tmp_path: Path) -> None:
    """Of what reads, decodes and follows: in a copy without `-fwrapv`, over hostile inputs and a share of the mutated captures."""
    if (why := sanitize.unavailable()) is not None:
        pytest.skip(why)
    sanitized = sanitize.Sanitized(tmp_path / "sanitized", forms[0])
    sanitized.build(sanitize.HOTTEST)
    assert sanitize.trial(sanitized, sanitize.FEW, f"0:{most(600)}") == []
