"""What all tests share."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.thorough import examples

# No example has a deadline, and none is too large: a busy machine is no failure. Under CI, hypothesis tries the same examples
# each time.
settings.register_profile(
    "tcpstates",
    parent=settings.default,
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("tcpstates")


# What tests start as a process of its own is this checkout too, wherever it runs and whatever else is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))))

# A shell starts what it puts in the background with Ctrl-C ignored, and so would be what tests start, where they try Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Gold files are written anew with one command: `pytest --update-gold`; read the diff before committing it."""
    parser.addoption("--update-gold", action="store_true", help="write the gold files from what is printed now")
