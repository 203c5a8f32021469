"""Bring the pages up to date: `python -m tests.docs` (or `python -m tests.docs PAGE...`).

Runs the commands of every console block and pastes what they print, makes the made parts again, and writes the pages
that are made as a whole.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcptrace_py.checks import docs as rules
from tcptrace_py.cli import docs
from tcptrace_py.findings import docs as findings
from tcptrace_py.states import diagram

from .pages import PAGES, ROOT, with_outputs
from .parts import with_parts

if TYPE_CHECKING:
    from collections.abc import Callable

WHOLE: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "cli.md": docs.page,
    ROOT / "docs" / "findings.md": findings.page,
    ROOT / "docs" / "rules.md": rules.page,
    ROOT / "docs" / "states.md": diagram.page,
}


def current(page: Path) -> str:
    """Text that a page should have."""
    if page in WHOLE:
        return WHOLE[page]()
    return with_outputs(page, with_parts(page.read_text("utf-8")))


def main(names: list[str]) -> int:
    for page in [Path(name).resolve() for name in names] or PAGES:
        text = current(page)
        if text != page.read_text("utf-8"):
            page.write_text(text, "utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)}: written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
