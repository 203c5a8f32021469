"""docs/link-types.md lists what is read, no more and no less."""

import re

from tcptrace_py.decode.linktypes import LINKS

from .pages import ROOT

PAGE = (ROOT / "docs" / "link-types.md").read_text("utf-8")


def listed(heading: str, columns: slice) -> set[int]:
    """The numbers in these columns of the table below a heading."""
    rows = [line.strip("|").split("|") for line in PAGE.partition(heading)[2].partition("\n## ")[0].splitlines() if line.startswith("| ")]
    found: set[int] = set()
    for row in rows:
        for low, high in re.findall(r"\b(\d+)(?: to (\d+))?", " ".join(row[columns])):
            found |= set(range(int(low), int(high or low) + 1))
    return found


def test_every_link_type_that_is_read_is_listed() -> None:
    assert listed("## What is read", slice(0, None, 2)) == set(LINKS)


def test_none_that_is_not_read_is_among_them() -> None:
    assert not listed("## What tshark reads besides", slice(0, 1)) & set(LINKS)
