"""What limits the conclusions about a capture's connections: counted while they end, reported before anything else."""

from ..model.live import AHEAD, Connection
from ..model.problems import Problems


class Quality:
    """Counts of what the capture lacks, with the first frame of each."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.first: dict[str, int] = {}

    def add(self, live: Connection) -> None:
        """Take in one connection."""
        if not live.a.syn_seen and not live.b.syn_seen:
            self._count("midstream", live.first_frame)
        if not live.self_connect and (live.a.packets == 0 or live.b.packets == 0) and self._expects_answer(live):
            self._count("one-sided", live.first_frame)
        unseen = next((segment.frame for segment in live.log if segment.marks & AHEAD), None)
        if unseen is not None:
            self._count("acked-unseen", unseen)

    def _expects_answer(self, live: Connection) -> bool:
        """A side that acknowledges has heard its peer: silence in the capture is then the capture's."""
        return live.a.has_ack if live.a.packets else live.b.has_ack

    def _count(self, code: str, frame: int) -> None:
        self.counts[code] = self.counts.get(code, 0) + 1
        self.first[code] = min(frame, self.first.get(code, frame))

    def report(self, problems: Problems, duplicates: int, backwards: int, first_backwards: int) -> None:
        """Put what was counted into words."""
        for code, words in EXPLANATIONS.items():
            if code in self.counts:
                problems.add(code, words, frame=self.first[code], count=self.counts[code])
        if duplicates:
            problems.add("duplicate-frames", "segments captured more than once (mirror port, `-i any`, or the network's own copies); "
                         "they are left out of every count", count=duplicates)
        if backwards:
            problems.add("time-backwards", "segments stamped earlier than the one before", count=backwards, frame=first_backwards)


EXPLANATIONS = {
    "one-sided": "connections of which only one direction was captured although the other was answered: states of the silent side are guesses",
    "acked-unseen": "connections with segments that were acknowledged but never captured: the capture lost frames",
    "midstream": "connections that began before the capture: their handshakes are not counted",
}
