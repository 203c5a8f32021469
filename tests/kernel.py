"""What a test needs that records real TCP: root, network namespaces, programs, tracepoints."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.recorder.ring import TRACEFS

UNSHARE = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x40000000) != 0)"  # CLONE_NEWNET


def needs_recording(*programs: str, tracing: bool = False) -> None:
    """Skip the test, with the reason, where it cannot record; root in a container often may not."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("needs root on Linux")
    if lacking := [name for name in ("ip", *programs) if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(lacking)}")
    if subprocess.run([sys.executable, "-c", UNSHARE], check=False).returncode:
        pytest.skip("needs network namespaces, which are not allowed here")
    if tracing:
        if not (TRACEFS / "instances").is_dir():
            subprocess.run(["mount", "-t", "tracefs", "nodev", str(TRACEFS)], check=False, capture_output=True)
        if not os.access(TRACEFS / "instances", os.W_OK):
            pytest.skip(f"needs tracepoints: {TRACEFS} cannot be written")
