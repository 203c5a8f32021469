"""`python -m tcptrace_py` is `tcpstates`."""

from .cli.main import run

run()
