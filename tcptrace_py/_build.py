"""How the hot modules are compiled: the same source, with the C types of the `.pxd` beside it (Cython's augmenting files).

`pip install` runs this where it builds a wheel. Without a compiler the package is installed in its interpreted form;
TCPTRACE_PY_REQUIRE_COMPILED=1 makes that an error, TCPTRACE_PY_INTERPRETED=1 asks for it. An editable install stays
interpreted, since a compiled module hides the edited source beside it; where the compiled form is required, it gets them
all the same.
"""

import os
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension
from setuptools.command.build_ext import build_ext

HOT = (
    "model.closed",
    "model.first_frames",
    "model.live",
    "model.packed",
    "model.segments",
    "model.seq",
    "model.verdict",
    "capture.merge",
    "capture.ordering",
    "capture.pcap_walk",
    "capture.pcapng_walk",
    "decode.fast",
    "decode.options",
    "flows.copies",
    "flows.incarnations",
    "flows.log",
    "flows.resting",
    "flows.sequence",
    "flows.streams",
    "flows.table",
    "flows.textbook",
    "flows.timing",
    "facts.anomalies",
    "facts.block",
    "facts.cells",
    "facts.handshake",
    "facts.resets",
    "facts.table",
    "facts.teardown",
    "facts.time_wait",
    "facts.timers",
    "facts.views",
    "facts.waits",
    "facts.writing",
    "findings.accounts",
    "findings.outline",
    "findings.hosts",
    "findings.ledger",
    "findings.neighbours",
    "findings.occupancy",
    "findings.openings",
    "findings.percentiles",
    "findings.port_use",
    "findings.ports",
    "findings.quality",
    "findings.usage",
    "findings.singles",
    "findings.summary",
    "findings.timeline",
    "findings.troubled",
    "findings.vantage",
    "states.closing",
    "states.evidence",
    "states.fins",
    "states.opening",
    "states.replay",
    "states.resets",
    "states.signature",
    "states.time_wait",
    "outputs.connection_text",
    "outputs.units",
    "pipeline.collecting",
    "pipeline.content",
    "pipeline.partition",
    "pipeline.replaying",
    "pipeline.waiting",
)
# How hard the C compiler tries: where loops run for every frame, for segments and connections off the fast path, elsewhere. It is
# what most of the time of an install goes into, and CI has a bound for that.
EACH_FRAME = (
    "capture.pcap_walk",
    "capture.pcapng_walk",
    "decode.fast",
    "flows.streams",
    "flows.textbook",
    "pipeline.content",  # of each connection some 100 numbers
)
IRREGULAR = (
    "decode.options",
    "facts.anomalies",
    "facts.handshake",
    "facts.resets",
    "facts.table",
    "facts.teardown",
    "facts.time_wait",
    "facts.waits",
    "facts.writing",
    "findings.accounts",
    "findings.occupancy",
    "findings.openings",
    "findings.port_use",
    "findings.troubled",
    "findings.vantage",
    "flows.copies",
    "flows.log",
    "flows.resting",
    "flows.sequence",
    "flows.table",
    "flows.timing",
    "model.live",
    "model.verdict",
    "pipeline.collecting",
    "pipeline.replaying",
    "states.evidence",
    "states.fins",
    "states.opening",
    "states.closing",
    "states.replay",
    "states.resets",
    "states.signature",
)
SHARED = "_cython"  # what Cython writes for views of memory and for functions, once instead of in each module of HOT
# Without what few ask for: ways to pickle each C type (a module whose objects go from process to process says so in its first line),
# each line of the source once more as a comment, and a look at each use of an array in a C type whether it is there: they all make
# theirs when they are made.
DIRECTIVES = {
    "annotation_typing": False,
    "language_level": 3,
    "auto_pickle": False,
    "emit_code_comments": False,
    "initializedcheck": False,
}


class BuildExt(build_ext):
    """Compiles HOT, or says in one line why it did not."""

    def run(self) -> None:
        """Build, and fall back to the interpreted form where nothing demands the compiled one."""
        self._sweep((*HOT, SHARED))
        required = os.environ.get("TCPTRACE_PY_REQUIRE_COMPILED") == "1"
        if os.environ.get("TCPTRACE_PY_INTERPRETED") == "1" or (self.editable_mode and not required):
            self._give_up()
            return
        try:
            self.distribution.ext_modules = _extensions()
            self.parallel = os.cpu_count()
            self.swig_opts = None  # as before the first time that options were made final
            self.finalize_options()  # once more, now that it is known what there is to build
            super().run()
        except Exception as problem:
            if required:
                raise
            self._give_up()
            reason = str(problem).partition("\n")[0]
            sys.stderr.write(f"tcptrace-py: not compiled, installed in its slower interpreted form: {reason}\n")

    def _give_up(self) -> None:
        """Leave nothing compiled: modules of both forms do not work together."""
        self.extensions = []
        self._sweep(())

    def _sweep(self, compiled: tuple[str, ...]) -> None:
        """Clear the folder that becomes the wheel of what an earlier build left there, other than these modules."""
        folder = Path(self.build_lib)
        for path in folder.glob("tcptrace_py/**/*.*"):
            module = path.relative_to(folder)
            if path.suffix in (".so", ".pyd"):
                stale = ".".join((*module.parts[1:-1], module.name.partition(".")[0])) not in compiled
            else:
                stale = path.is_file() and not module.exists()
            if stale:
                path.unlink()


def _extensions() -> Any:
    from Cython.Build import cythonize  # noqa: PLC0415 - only a build has it

    sources = {name: f"tcptrace_py/{name.replace('.', '/')}.py" for name in HOT} | {SHARED: f"tcptrace_py/{SHARED}.c"}
    extensions = [Extension(f"tcptrace_py.{name}", [source], extra_compile_args=_flags(name)) for name, source in sources.items()]
    options = {
        "compiler_directives": DIRECTIVES,
        "build_dir": "build/cython",
        "quiet": True,
        "shared_utility_qualified_name": f"tcptrace_py.{SHARED}",
    }
    try:
        return cythonize(extensions, nthreads=os.cpu_count(), **options)
    except (ImportError, OSError):  # a machine that gives no semaphores to share among processes
        return cythonize(extensions, **options)


def _flags(name: str) -> list[str]:
    """What the C compiler is told: to try hard only where it pays, and not to warn of what Cython wrote."""
    if sys.platform == "win32":
        return []
    return ["-O2" if name in EACH_FRAME else "-O1" if name in IRREGULAR else "-Og", "-g0", "-w"]


def build_here() -> None:
    """Compile the modules beside their sources, in a copy of the checkout: `python -m tcptrace_py._build`."""
    from setuptools import setup  # noqa: PLC0415 - only a build has it

    os.environ["TCPTRACE_PY_REQUIRE_COMPILED"] = "1"  # whoever asks for nothing else must hear of a failure
    setup(
        name="tcptrace-py",
        packages=[],
        ext_modules=_extensions(),
        script_args=["-q", "build_ext", "--inplace", "--parallel", str(os.cpu_count() or 1)],
    )


if __name__ == "__main__":
    build_here()
