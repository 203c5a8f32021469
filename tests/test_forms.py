"""The compiled and the interpreted form of the engine are one source: they must say the same of every sample."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    document["generator"]["compiled"] = None
    totals = repr((quick.summary, quick.hosts, quick.ports))
    said[path.name] = hashlib.sha256((json.dumps(document) + totals).encode()).hexdigest()
print(json.dumps(said))
"""


def said_by(package: Path) -> dict[str, object]:
    """What the form of the package in this folder says of all samples, by file."""
    run = subprocess.run([sys.executable, "-c", SAY, str(ROOT / "samples")], cwd=package, capture_output=True, text=True, check=True,
                         env={**os.environ, "PYTHONPATH": str(package)})
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
    subprocess.run([sys.executable, "-m", "tcptrace_py._build"], cwd=folder, check=True, capture_output=True,
                   env={**os.environ, "PYTHONPATH": str(folder)})
    return folder


def source_copy(folder: Path) -> Path:
    """A folder with the package as it is interpreted."""
    shutil.copytree(ROOT / "tcptrace_py", folder / "tcptrace_py", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return folder


@pytest.mark.slow
def test_both_forms_say_the_same_of_every_sample(tmp_path: Path) -> None:
    compiled, interpreted = said_by(compiled_copy(tmp_path / "compiled")), said_by(source_copy(tmp_path / "interpreted"))
    assert (compiled.pop("compiled"), interpreted.pop("compiled")) == (True, False)
    assert len(compiled) > 150
    assert {name for name in compiled if compiled[name] != interpreted[name]} == set()
