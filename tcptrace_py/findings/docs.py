"""Writes docs/findings.md from the causes themselves: `python -m tcptrace_py.findings.docs > docs/findings.md`."""

import sys

from tcptrace_py.model.finding import Code

from .naming import doc_of

HEAD = """# Findings

This page is written by `python -m tcptrace_py.findings.docs > docs/findings.md` from the causes themselves; a test holds the two
together.

States and counts are the evidence; a *finding* is one cause with its evidence and its numbers. `tcpstates analyze` prints findings
first, the worst first; they are in its JSON document (`findings`), in SQL (table `findings`), and `tcpstates check` fails on them
(rule [finding](rules.md#ts601-finding)). One cause at one place is one finding, however many connections show it, and a connection
whose cause is named is not counted under another one that says less.

A *problem* failed somebody; a *warning* costs something or will fail; a *note* is worth knowing. What would be wrong in one case of
ten has the confidence *medium*; what would be wrong more often is not said. That nothing is found does not prove that nothing is wrong.
"""


def page() -> str:
    """Text of docs/findings.md."""
    docs = {code: doc_of(code) for code in sorted(Code, key=str)}
    rows = [f"| [`{code}`](#{code}) | {doc.title} |" for code, doc in docs.items()]
    parts = [
        f"## {code}\n\n**{doc.title}**\n\n*What shows it:* {doc.shows}\n\n*What else could look so:* {doc.look_alikes}\n\n"
        f"*What to do:* {doc.remedy}\n"
        for code, doc in docs.items()
    ]
    return "\n".join([HEAD, "| finding | what happened |\n| --- | --- |", *rows, "", *parts])


if __name__ == "__main__":
    sys.stdout.write(page())
