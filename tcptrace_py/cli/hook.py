"""The pre-commit hook `tcpstates-check`: each capture by itself against the rules, without a shell, so that it runs on Windows too.

`python -m tcptrace_py.cli.hook "OPTIONS" CAPTURE...`: the options of `tcpstates check` are one argument, before the captures.
"""

import shlex
import sys
from collections.abc import Sequence

from .main import main


def check_each(options: str, captures: Sequence[str]) -> int:
    """Check each; 1 where any of them failed, however it did."""
    codes = [main(["check", capture, *shlex.split(options)]) for capture in captures]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(check_each(sys.argv[1], sys.argv[2:]))
