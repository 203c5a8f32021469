"""What `explain` says of a connection: each sentence stands where the capture shows it, and goes where that is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcptrace_py.cli import main
from tests.ladder import ladder
from tests.wire import write

if TYPE_CHECKING:
    from pathlib import Path

OPENED = "0 C S\n0.01 S SA\n0.02 C A\n"
SENT = OPENED + "0.1 C PA len=5\n"
ANSWERED = SENT + "0.11 S A\n"
LATER = "60 C2 S\n60.1 S2 RA\n"  # the capture goes on


def told(capsys: pytest.CaptureFixture[str], folder: Path, text: str) -> str:
    """What is printed of the first connection, in one line, without what is drawn."""
    path = write(folder / "a.pcap", ladder(text))
    assert main.main(["explain", str(path), "0"]) == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


STORIES = [
    # how it began
    ("a SYN, and what answered it belongs to an older connection", "0 C S\n0.01 S A seq=77 ack=5\n1 C S seq=0\n", OPENED),
    ("a SYN/ACK, and no SYN of this connection was captured", OPENED[OPENED.index("\n") + 1 :], OPENED),
    ("a RST, and nothing before it was captured", "0 C R seq=50\n0.1 S SA\n0.2 C A\n", OPENED + "1 S RA\n"),
    ("a segment without SYN, and nothing before it was captured", "0 C A len=5\n0.1 S SA\n0.2 C A\n", OPENED),
    # handshakes
    ("Nobody answered its 3 SYNs in 3 s.",
     "0 C S\n1 C S seq=0\n3 C S seq=0\n" + LATER, "0 C S\n1 C S seq=0\n3 C S seq=0\n3.1 S SA\n" + LATER),
    ("It was refused: a RST answered the SYN.", "0 C S\n0.01 S RA\n", OPENED),
    ("The handshake was broken off by a RST.", "0 C S\n0.01 S SA\n0.02 C R seq=1\n", OPENED),
    ("The SYN/ACK was never acknowledged.", "0 C S\n0.01 S SA\n" + LATER, OPENED + LATER),
    ("its SYN had no answer yet: in progress.", "0 C S\n0.1 C2 S\n", "0 C S\n" + LATER),
    ("its SYN/ACK had no answer yet: in progress.", "0 C S\n0.01 S SA\n0.1 C2 S\n", "0 C S\n0.01 S SA\n" + LATER),
    ("The handshake took 20 ms (10 ms to the SYN/ACK, 10 ms to its ACK, seen between the two).", OPENED, "0 C S\n0.01 S SA\n0.9 C A\n"),
    ("1 s of that went by until a SYN was sent again and answered.", "0 C S\n1 C S seq=0\n1.01 S SA\n1.02 C A\n", OPENED),
    ("1 s of that went by until a SYN or SYN/ACK was sent again and answered.",
     "0 C S\n0.01 S SA\n1 C S seq=0\n1.01 S SA seq=0\n1.02 C A\n", "0 C S\n1 C S seq=0\n1.01 S SA\n1.02 C A\n"),
    ("The SYN/ACK was sent 1 more time.", "0 C S\n0.01 S SA\n1 S SA seq=0\n1.02 C A\n", OPENED),
    # data
    ("The client sent 5 B, the server nothing.", ANSWERED, ANSWERED + "0.2 S PA len=9\n"),
    ("No data was sent.", OPENED, ANSWERED),
    ("No data was captured.", OPENED + "0.1 C A seq=301\n0.2 S A ack=301\n", OPENED),
    ("Of the server nothing was captured.", "0 C S\n0.02 C A ack=1\n0.1 C PA len=5\n", SENT),
    # waits
    ("was 2 s: the server took so long to acknowledge.", SENT + "2.1 S A\n", SENT + "2.1 S PA len=9\n"),
    ("was 2 s: the server took so long to answer.", SENT + "2.1 S PA len=9\n", SENT + "2.1 S A\n"),
    ("was 3 s in which the client sent nothing new.", ANSWERED + "3.11 C PA len=5\n", ANSWERED + "3.11 S PA len=5\n"),
    ("was 3.9 s: the server took so long to close after the other side's FIN.", OPENED + "0.1 C FA\n4 S FA\n4.01 C A\n",
     OPENED + "0.1 C FA\n0.11 S A\n4 S FA\n4.01 C A\n"),
    ("was 3.98 s: the client took so long to close.", OPENED + "4 C FA\n4.01 S FA\n4.02 C A\n", OPENED + "4 S FA\n4.01 C FA\n4.02 S A\n"),
    ("was 3.89 s of silence, then the server resets.", ANSWERED + "4 S RA\n", ANSWERED + "4 C RA\n"),
    ("was 8.89 s of silence until the client asked.", ANSWERED + "9 C A seq=5 len=1\n9.01 S A\n", ANSWERED + "9 C PA len=1\n9.01 S A\n"),
    ("was 3.89 s of which the capture lacks something.", ANSWERED + "4 S A ack=900\n", ANSWERED + "4 S A\n"),
    ("was 3 s: nothing came but what had been sent before.",
     SENT + "0.4 C PA seq=1 len=5\n1.2 C PA seq=1 len=5\n3.09 C PA seq=1 len=5\n3.1 S A\n", SENT + "3.1 S A\n"),
    # how it ended
    ("The client closed first, then the server: a full close in 4 segments, in 30 ms.",
     OPENED + "0.1 C FA\n0.11 S A\n0.12 S FA\n0.13 C A\n", OPENED + "0.1 S FA\n0.11 C A\n0.12 C FA\n0.13 S A\n"),
    ("Both closed at the same time: their FINs crossed, in 21 ms.", OPENED + "0.1 C FA\n0.101 S FA ack=1\n0.12 C A\n0.121 S A ack=2\n",
     OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n"),
    ("Only the client closed; the server had not by the end of the capture.", OPENED + "0.1 C FA\n0.11 S A\n" + LATER,
     OPENED + "0.1 C FA\n0.11 S A\n9 S FA\n9.1 C A\n" + LATER),
    ("Both sides closed, but one FIN was not acknowledged.", OPENED + "0.1 C FA\n0.11 S A\n0.12 S FA\n" + LATER,
     OPENED + "0.1 C FA\n0.11 S A\n0.12 S FA\n0.13 C A\n" + LATER),
    ("The close was in flight when the capture ended.",
     OPENED + "0.1 C FA\n0.11 S A\n0.12 S FA\n", OPENED + "0.1 C FA\n0.11 S A\n0.12 S FA\n" + LATER),
    ("who closed first cannot be told: one direction is not in the capture.",
     "0 C S\n0.02 C A ack=1\n0.1 C FA\n", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n"),
    ("Nobody had closed by the end of the capture.", ANSWERED, ANSWERED + "0.2 C FA\n"),
    ("The client gave up at 10:00:07.000: it sent nothing more, and had no answer in SYN_SENT.",
     "0 C S\n1 C S seq=0\n3 C S seq=0\n" + LATER, "0 C S\n1 C S seq=0\n3 C S seq=0\n60 C2 S\n".replace("60", "6")),
    ("and did not take the SYN/ACK that was captured.", "0 C S\n0.01 S SA\n" + LATER, OPENED + LATER),
    ("The capture's end leaves the client in FIN_WAIT_2 (for 60 s) and the server in CLOSE_WAIT",
     OPENED + "0.1 C FA\n0.11 S A\n" + LATER, OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n" + LATER),
    # stays in TIME_WAIT
    ("it lasts beyond the capture, by its profile until 10:01:00.120.", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n",
     OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n90 C2 S\n"),
    ("it ran out at 10:01:00.120.", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n90 C2 S\n", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n"),
    ("a RST killed it at 10:00:00.200.", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n0.2 S R\n", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n"),
    ("restarted once", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n0.4 S FA seq=1\n0.41 C A\n", OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n"),
    # what is odd
    ("The client sent 1 segment again.", SENT + "0.4 C PA seq=1 len=5\n0.5 S A\n", ANSWERED),
    ("1 frame was captured twice.", OPENED + "0.1 C PA len=5 id=77\n0.1 C PA seq=1 len=5 id=77\n0.2 S A\n", ANSWERED),
    ("Something was acknowledged that the capture does not hold.", ANSWERED + "4 S A ack=900\n", ANSWERED),
    ("The numbers leave a gap: something was sent that the capture does not hold.",
     ANSWERED + "0.2 C PA seq=306 len=5\n", ANSWERED + "0.2 C PA len=5\n"),
    ("1 segment filled a gap: lost before the capture, or overtaken.",
     ANSWERED + "0.2 C PA seq=11 len=5\n0.3 C PA seq=6 len=5\n0.31 S A ack=16\n", ANSWERED + "0.2 C PA len=5\n0.3 C PA len=5\n0.31 S A\n"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "shown", "changed"), STORIES, ids=[words for words, *_ in STORIES])
def test_a_sentence_follows_what_was_captured(
    words: str, shown: str, changed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in told(capsys, tmp_path, shown)
    assert words not in told(capsys, tmp_path, changed)
