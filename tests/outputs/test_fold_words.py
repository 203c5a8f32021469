"""What `explain` says of segments that it draws as one line: each wording where the capture shows it, and not on its look-alike."""

from __future__ import annotations

import io

import pytest

from tcptrace_py.model.ladder import MOST_MARKED, Run
from tcptrace_py.model.segments import HEADER_CUT
from tcptrace_py.outputs.explain.formats import write
from tcptrace_py.outputs.explain.ladder import Ladder
from tcptrace_py.outputs.explain.script import FEWEST, Fold
from tcptrace_py.outputs.view import View
from tests.findings.observed import drawn_segments
from tests.ladder import ladder, play

OPENED = "0 C S\n0.01 S SA\n0.02 C A\n"
SENT = OPENED + "0.03 C PA len=500\n0.031 S A\n"
COUNT = 5  # segments of a fold
BEYOND = MOST_MARKED + COUNT  # so many remarkable ones that the last of them are folded


def lines(count: int, *kinds: str, first_s: float = 0.05) -> str:
    """Lines of a ladder a millisecond apart, the kinds in turn. {n} is the turn, {at} its first byte, {gap} that behind a gap to fill."""
    found = []
    for turn in range(count):
        numbers = {"n": turn, "at": 1 + 100 * turn, "fill": 1 + 200 * turn, "gap": 101 + 200 * turn}
        found += [kind.format(**numbers) for kind in kinds]
    return "".join(f"{first_s + 0.001 * number:.4f} {line}\n" for number, line in enumerate(found))


DATA = lines(COUNT, "C PA len=100 id=9{n}")
COPIED = lines(COUNT, "C PA len=100 seq={at} id=9{n}", "C PA len=100 seq={at} id=9{n}")
REPEATED = OPENED + "0.03 C PA len=500\n" + lines(BEYOND - 1, "C PA len=500 seq=1")
GAPS = lines(BEYOND, "C PA len=100 seq={gap}")
FILLS = lines(COUNT + 1, "C PA len=100 seq={fill}", first_s=0.2)  # behind a pause, the first one is drawn by itself
DELAYED = lines(BEYOND, "C PA len=100 seq={at} id=9{n}") + lines(BEYOND, "C PA len=100 seq={at} id=9{n}", first_s=0.2)
ANSWERED = OPENED + "0.03 C PA len=500\n0.031 S PA len=500\n0.032 C A\n"
CLOSED_WINDOW = OPENED + "0.03 C PA len=500\n0.031 S A win=0\n"
CUT = f"C - notes={HEADER_CUT}"

FOLDS = [
    # what went one way
    ("5 segments, 500 bytes", OPENED + DATA, OPENED + COPIED),
    ("5 segments, 500 bytes", OPENED + DATA, OPENED + lines(COUNT, "C PA len=101")),
    ("500 bytes", OPENED + DATA, OPENED + lines(FEWEST - 1, "C PA len=100")),  # too few for a line of their own
    ("10 segments, 500 new bytes", OPENED + COPIED, OPENED + lines(2 * COUNT, "C PA len=50")),
    ("5 ACKs", OPENED + lines(COUNT, "C PA len=100", "S A"), OPENED + lines(COUNT, "C PA len=100", "S A len=1")),
    ("5 segments, nothing new", REPEATED, SENT + lines(BEYOND - 1, "C PA len=500")),
    ("5 segments, 2 cut", OPENED + lines(2, CUT) + lines(3, "C A", first_s=0.06), OPENED + lines(COUNT, "C A")),
    ("5 segments, cut", OPENED + lines(COUNT, CUT), OPENED + lines(3, CUT) + lines(2, "C A", first_s=0.06)),
    ("5 RSTs", SENT + lines(BEYOND, "S R"), SENT + lines(BEYOND, "S A")),
    ("5 segments, 5 SYN or FIN", lines(BEYOND, "C S seq=0", first_s=0), lines(BEYOND, "S A", first_s=0)),
    # what is remarkable about some of them
    ("5 repeated acknowledgements", SENT + lines(COUNT, "S A"), SENT + lines(COUNT, "C PA len=100", "S A")),
    ("1 repeated acknowledgement)", SENT + lines(4, "C A len=1") + "0.06 S A\n0.061 S A\n", SENT + lines(4, "C A len=1") + "0.06 S A\n"),
    ("5 captured twice", OPENED + COPIED, OPENED + DATA),
    ("5 sent again", REPEATED, SENT + lines(BEYOND - 1, "C PA len=500")),
    ("5 behind gaps", OPENED + GAPS, OPENED + lines(BEYOND, "C PA len=100")),
    ("5 filling gaps", OPENED + GAPS + FILLS, OPENED + GAPS + lines(COUNT + 1, "C PA len=100", first_s=0.2)),
    ("5 arrived twice", OPENED + DELAYED, OPENED + DELAYED.replace("id=9", "id=")),
    ("5 keep-alive probes", ANSWERED + lines(BEYOND, "C A seq=500"), ANSWERED + lines(BEYOND, "C A")),
    ("5 window probes", CLOSED_WINDOW + lines(BEYOND - 1, "C A seq=500"), ANSWERED + lines(BEYOND - 1, "C A seq=500")),
    ("5 acknowledging what was never captured", OPENED + lines(BEYOND, "S A ack={gap}"), OPENED + lines(BEYOND, "C PA len=100", "S A")),
    ("5 with window 0", SENT + lines(BEYOND, "S A win=0", "S A win=512"), SENT + lines(BEYOND, "S A win=1", "S A win=512")),
    ("5 of no part of this connection", SENT + lines(BEYOND, "C A seq=9{n:02}000000", "C A seq=501"), SENT + lines(2 * BEYOND, "C A")),
]  # fmt: skip


def drawn(text: str, width: int = 120) -> str:
    """The ladder of the first connection without its frames and times, and without the words below it."""
    segments = ladder(text)
    rows = play(segments).rows
    out = io.StringIO()
    write("ladder", rows[0], drawn_segments(segments, rows[0], rows), [], View(width=width), out=out, end_ns=rows[0].end_ns)
    return " ".join(out.getvalue().partition("In words")[0].replace("│", " ").replace("═", " ").split())


@pytest.mark.parametrize(("words", "shown", "changed"), FOLDS, ids=[words for words, *_ in FOLDS])
def test_a_fold_says_what_it_holds(words: str, shown: str, changed: str) -> None:
    assert words in drawn(shown)
    assert words not in drawn(changed)


@pytest.mark.parametrize(
    ("width", "words"), [(120, "12,345 segments, 116,457,000 bytes"), (80, "12,345 segments, 116 MB"), (60, "12,345 segments")]
)
def test_no_number_of_a_fold_is_cut_off(width: int, words: str) -> None:
    segments = ladder(SENT)
    row = play(segments).row
    run = Run.of(drawn_segments(segments, row, [row])[-2:-1])
    run.segments[True], run.payload_bytes[True] = 12_345, 116_457_000
    (line,) = [line for line in Ladder(row, width - 2).lines([Fold(run, [])]) if "═" in line]
    assert line.partition("│")[2].strip("═▶│ ") == words


def test_a_remark_that_two_make_is_made_once() -> None:
    assert drawn(SENT + "0.1 C A seq=900000000\n").count("its numbers belong to no part of this connection") == 1
