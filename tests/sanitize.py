"""The compiled modules under the address and the undefined-behaviour sanitizer (GCC on Linux), without `-fwrapv`.

    python -m tests.sanitize                      # copies the checkout, compiles, tries; 1 where anything was reported
    python -m tests.sanitize --cases 0:5000       # so many mutated captures (tests.fuzz.campaigns)
    python -m tests.sanitize --only flows,decode  # other modules as `python -m tcptrace_py._build` makes them

Python's own build has `-fwrapv`, with which sums beyond 64 bits wrap and nothing tells: here they are reported, as are shifts, divisions
and indices that C does not define, and reads and writes outside of what was asked for. A module of two known faults goes first: a run
that does not report these proves nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("tcptrace_py", "tests", "samples", "docs", "README.md", "CHANGELOG.md", "SECURITY.md", "pyproject.toml")
SANITIZERS = "-fsanitize=undefined,address"
FLAGS = ["-O0", "-g0", "-w", "-fno-wrapv", SANITIZERS]  # what is optimized may hide what it does; and compiles five times as long
HOTTEST = "capture,decode,flows,model,findings.openings,findings.vantage"  # what CI compiles so: all of it takes three times as long
FEW = "tests/hostile/test_inputs.py", "tests/flows/test_lone.py", "tests/decode/test_fast.py"  # what it tries
PLAIN = "tests/decode", "tests/flows", "tests/states", "tests/capture", "tests/hostile/test_inputs.py", "tests/hostile/test_reading.py"
REPORT = re.compile(r"^.*runtime error: .*(?:\n +#[0-3] .*)*", re.MULTILINE)  # of undefined behaviour, with where it was

BUILD = """
import sys
from tcptrace_py import _build
chosen, flags, usual = sys.argv[1].split(), sys.argv[2].split(), _build._flags
if "alone" in sys.argv:
    _build.HOT = tuple(chosen)
_build._flags = lambda name: flags if name in chosen else usual(name)
del sys.argv[1:]
_build.build_here()
"""
FAULTS = """
# cython: language_level=3
cdef extern from *:
    long long largest "__LONG_LONG_MAX__"
from libc.stdlib cimport calloc, free
def overflows(int one):
    cdef long long at = largest
    return at + one
def reads_outside(int place):
    cdef char* few = <char*> calloc(1, 10)
    found = few[place]
    free(few)
    return found
"""
BUILD_FAULTS = """
import sys
from setuptools import Extension, setup
from Cython.Build import cythonize
flags = sys.argv[1].split()
setup(name="faults", ext_modules=cythonize([Extension("faults", ["faults.pyx"], extra_compile_args=flags)], quiet=True),
      packages=[], script_args=["-q", "build_ext", "--inplace"])
"""
CAMPAIGN = """
import sys, tempfile
from pathlib import Path
from tests.fuzz import campaigns
first, end = map(int, sys.argv[1].split(":"))
with tempfile.TemporaryDirectory() as folder:
    found = campaigns.campaign(campaigns.Mutated(Path(folder)).judge, "mutated", campaigns.SEED, first, end, None)
print("\\n".join(campaigns.summed([found])))
raise SystemExit(bool(found["failures"]))
"""


def unavailable() -> str | None:
    """Why nothing can be tried here; None where it can."""
    if not sys.platform.startswith("linux") or (compiler := shutil.which("gcc")) is None:
        return "no GCC on Linux"
    if not Path(_library(compiler, "libasan.so")).is_absolute() or not Path(_library(compiler, "libubsan.so")).is_absolute():
        return "GCC has no sanitizers"
    try:
        import Cython  # noqa: F401
    except ImportError:
        return "nothing to compile with"
    return None


def _library(compiler: str, name: str) -> str:
    return subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()


class Sanitized:
    """A copy of the checkout whose compiled modules report what they do wrong, in files of a folder of its own."""

    def __init__(self, folder: Path, compiled_in: Path | None = None) -> None:
        """`compiled_in`: a copy that is compiled already, of which what C is made of is taken, and modules that are not asked for."""
        self.folder, self.reports = folder, folder / "reports"
        self.reported: list[str] = []
        self._are_there = compiled_in is not None  # the other modules
        self.reports.mkdir(parents=True)
        skipped = shutil.ignore_patterns("__pycache__", *(() if compiled_in else ("*.so",)))
        for name in COPIED:
            source = (compiled_in or ROOT) / name
            source = source if source.exists() else ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=skipped)
            else:
                shutil.copy2(source, folder / name)
        if compiled_in is not None and (compiled_in / "build" / "cython").exists():
            shutil.copytree(compiled_in / "build" / "cython", folder / "build" / "cython")
        libraries = [_library("gcc", name) for name in ("libasan.so", "libstdc++.so.6")]  # the latter for what others wrote in C++
        said = f"log_path={self.reports}/report:halt_on_error=0"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": " ".join(libraries),
            "ASAN_OPTIONS": f"{said}:detect_leaks=0:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",  # beside the other one it writes to stderr alone
        }

    def build(self, only: str = "") -> None:
        """Compile all modules with the sanitizers, or those of some packages or of some names (separated by commas)."""
        from tcptrace_py import _build  # it wants what a build has

        names = only.split(",")
        chosen = [name for name in _build.HOT if not only or name in names or name.partition(".")[0] in names]
        for name in chosen:
            for compiled in self.folder.glob(f"tcptrace_py/{name.replace('.', '/')}.*.so"):
                compiled.unlink()
        self._compile(self.folder, BUILD, " ".join(chosen), " ".join(FLAGS), *(["alone"] if self._are_there else []))

    def _compile(self, folder: Path, program: str, *args: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "LDFLAGS": SANITIZERS}
        made = subprocess.run(
            [sys.executable, "-c", program, *args], cwd=folder, env=environment, check=False, capture_output=True, text=True
        )
        if made.returncode:
            raise RuntimeError(f"does not compile: {made.stderr[-2000:]}")

    def run(self, *args: str) -> tuple[int, str]:
        """Run Python with these arguments on the copy; its exit code, and what it and the sanitizers printed."""
        ran = subprocess.run(
            [sys.executable, *args],
            check=False,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reported += REPORT.findall(ran.stdout)
        return ran.returncode, ran.stdout

    def notices(self) -> bool:
        """Whether a sum beyond 64 bits and a read behind what was asked for are reported; what was is deleted."""
        folder, found = self.folder / "faults", []
        folder.mkdir(exist_ok=True)
        (folder / "faults.pyx").write_text(FAULTS)
        self._compile(folder, BUILD_FAULTS, " ".join(FLAGS))
        for call, said in (("overflows(1)", "signed integer overflow"), ("reads_outside(10)", "heap-buffer-overflow")):
            self.run("-c", f"import sys; sys.path.insert(0, 'faults'); import faults; faults.{call}")
            found.append(any(said in report for report in self.take_reports()))
        return all(found)

    def take_reports(self) -> list[str]:
        """What was reported since the last time."""
        found, self.reported = self.reported, []
        for path in sorted(self.reports.iterdir()):
            found.append(path.read_text("utf-8", "replace"))
            path.unlink()
        return found


def trial(sanitized: Sanitized, plain: tuple[str, ...], cases: str) -> list[str]:
    """What went wrong where tests and mutated captures were tried."""
    wrong = []
    if not sanitized.notices():
        wrong.append("the sanitizers do not report what is wrong on purpose")
    for args in (["-m", "pytest", "-p", "no:cacheprovider", "-s", *plain], ["-c", CAMPAIGN, cases]):
        code, printed = sanitized.run(*args)
        if code:
            wrong.append(printed[-4000:])
    return wrong + sanitized.take_reports()


def main() -> int:
    """Build and try; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.sanitize", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="new; a temporary one unless it is named")
    parser.add_argument("--cases", default="0:2000", metavar="FIRST:END")
    parser.add_argument("--only", default="", metavar="NAMES")
    parser.add_argument("--compiled-in", type=Path, metavar="COPY")
    chosen = parser.parse_args()
    if (why := unavailable()) is not None:
        parser.error(why)
    with tempfile.TemporaryDirectory() as temporary:
        sanitized = Sanitized((chosen.folder or Path(temporary) / "copy").absolute(), chosen.compiled_in)
        sanitized.build(chosen.only)
        wrong = trial(sanitized, PLAIN, chosen.cases)
    sys.stdout.write("\n".join((*wrong, f"{len(wrong)} reports and failures", "")))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
